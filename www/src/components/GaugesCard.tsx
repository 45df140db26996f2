import type { BillingStats } from "tollbox";
import type { Desk } from "../desk";
import { useLocale, useMessages } from "../i18n";
import { useLoaded } from "../loading";
import { useStore } from "../store";
import { Card } from "./Card";

/** With uPlot, which comes after the desk: there is nothing to draw before the second charge. */
const loadChart = () => import("./Chart");

const PARTS = ["charged", "open", "unknown", "declined", "failed"] as const;

/** The figures, and how the success rate and the latency have gone. */
export function GaugesCard({ desk, stats }: { desk: Desk; stats: BillingStats }) {
  const t = useMessages().stats;
  const locale = useLocale();
  const percent = new Intl.NumberFormat(locale, { style: "percent", maximumFractionDigits: 1 });
  const whole = new Intl.NumberFormat(locale, { maximumFractionDigits: 0 });
  const { successRate, latencyMs } = stats;
  const cache = useStore(desk.cache);
  return (
    <Card heading={t.heading} lead={t.lead} testId="stats">
      <dl className="gauges">
        <div>
          <dd data-testid="stat-success-rate">
            {successRate === null ? "–" : percent.format(successRate)}
          </dd>
          <dt>{t.successRate}</dt>
        </div>
        <div>
          <dd data-testid="stat-latency">
            {latencyMs === null ? "–" : t.milliseconds(whole.format(latencyMs.p50))}
          </dd>
          <dt>{t.latency}</dt>
        </div>
        <div>
          <dd data-testid="stat-attempts">{whole.format(stats.attempts)}</dd>
          <dt>{t.attempts}</dt>
        </div>
        <div>
          <dd data-testid="stat-spared">{t.spared(cache.spared, cache.asked)}</dd>
          <dt>{t.cache}</dt>
        </div>
      </dl>
      <Sum stats={stats} />
      <Charts desk={desk} />
    </Card>
  );
}

/** Where every charge is: the parts make up the whole, always. */
function Sum({ stats }: { stats: BillingStats }) {
  const t = useMessages().stats;
  return (
    <dl className="adds-up" aria-label={t.addsUp}>
      <div>
        <dd data-testid="stat-enqueued">{stats.enqueued}</dd>
        <dt>{t.enqueued}</dt>
      </div>
      {PARTS.map((name, at) => (
        <div key={name}>
          <dd data-testid={`stat-${name}`} data-sign={at === 0 ? "=" : "+"}>
            {stats[name]}
          </dd>
          <dt>{t[name]}</dt>
        </div>
      ))}
    </dl>
  );
}

function Charts({ desk }: { desk: Desk }) {
  const t = useMessages().stats;
  const locale = useLocale();
  const points = useStore(desk.history);
  const last = points.at(-1);
  const loading = useLoaded(loadChart);
  if (!last || points.length < 2) return <p className="note">{t.later}</p>;
  if (loading.state === "failed") return <p className="note">{t.notLoaded}</p>;
  if (loading.state === "loading") return null;
  const { Chart } = loading.part;
  const percent = new Intl.NumberFormat(locale, { style: "percent", maximumFractionDigits: 0 });
  const whole = new Intl.NumberFormat(locale, { maximumFractionDigits: 0 });
  const at = points.map((point) => point.at);
  const p50 = points.map(({ latencyMs }) => latencyMs?.p50 ?? null);
  const p95 = points.map(({ latencyMs }) => latencyMs?.p95 ?? null);
  const latest = last.latencyMs;
  const rates = points.map((point) => point.successRate);
  return (
    <>
      <figure>
        <figcaption className="note">{t.successRate}</figcaption>
        <Chart
          label={t.successRatePlot(percent.format(last.successRate))}
          testId="plot-success-rate"
          at={at}
          series={[{ label: t.successRate, values: rates, color: "--accent" }]}
          highest={1}
          format={(value) => percent.format(value)}
        />
      </figure>
      {latest && (
        <figure>
          <figcaption className="note">{t.latencyLines}</figcaption>
          <Chart
            label={t.latencyPlot(whole.format(latest.p50), whole.format(latest.p95))}
            testId="plot-latency"
            at={at}
            series={[
              { label: "p50", values: p50, color: "--accent" },
              { label: "p95", values: p95, color: "--soft" },
            ]}
            format={(value) => t.milliseconds(whole.format(value))}
          />
        </figure>
      )}
    </>
  );
}
