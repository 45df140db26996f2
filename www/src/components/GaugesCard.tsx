import type { BillingStats } from "tollbox";
import type { History } from "../history";
import { useLocale, useMessages } from "../i18n";
import { useStore } from "../store";
import { Card } from "./Card";
import { Plot } from "./Plot";

const COUNTS = [
  "enqueued",
  "charged",
  "declined",
  "failed",
  "unknown",
  "open",
  "attempts",
] as const;

/** The figures, and how the success rate and the latency have gone. */
export function GaugesCard({ stats, history }: { stats: BillingStats; history: History }) {
  const t = useMessages().stats;
  const locale = useLocale();
  const percent = new Intl.NumberFormat(locale, { style: "percent", maximumFractionDigits: 1 });
  const whole = new Intl.NumberFormat(locale, { maximumFractionDigits: 0 });
  const { successRate, latencyMs } = stats;
  const points = useStore(history);
  const p50 = points.map(({ latencyMs }) => latencyMs?.p50 ?? null);
  const p95 = points.map(({ latencyMs }) => latencyMs?.p95 ?? null);
  const slowest = Math.max(0, ...p95.map((value) => value ?? 0));
  return (
    <Card heading={t.heading} lead={t.lead} testId="stats">
      <dl className="figures">
        {COUNTS.map((name) => (
          <div key={name}>
            <dt>{t[name]}</dt>
            <dd data-testid={`stat-${name}`}>{whole.format(stats[name])}</dd>
          </div>
        ))}
        <div>
          <dt>{t.successRate}</dt>
          <dd data-testid="stat-success-rate">
            {successRate === null ? "–" : percent.format(successRate)}
          </dd>
        </div>
        <div>
          <dt>{t.latency}</dt>
          <dd data-testid="stat-latency">
            {latencyMs === null
              ? "–"
              : t.milliseconds(
                  whole.format(latencyMs.p50),
                  whole.format(latencyMs.p95),
                  whole.format(latencyMs.p99),
                )}
          </dd>
        </div>
      </dl>
      {points.length > 1 && (
        <figure>
          <figcaption className="note">{t.successRate}</figcaption>
          <Plot
            label={t.successRatePlot(percent.format(points.at(-1)?.successRate ?? 0))}
            lines={[{ values: points.map(({ successRate }) => successRate), tone: "main" }]}
            highest={1}
            testId="plot-success-rate"
          />
        </figure>
      )}
      {points.length > 1 && slowest > 0 && (
        <figure>
          <figcaption className="note">{t.latencyLines(whole.format(slowest))}</figcaption>
          <Plot
            label={t.latencyPlot(whole.format(slowest))}
            lines={[
              { values: p95, tone: "soft" },
              { values: p50, tone: "main" },
            ]}
            highest={slowest}
            testId="plot-latency"
          />
        </figure>
      )}
    </Card>
  );
}
