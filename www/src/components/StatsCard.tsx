import type { BillingStats } from "tollbox";
import { useLocale, useMessages } from "../i18n";

const COUNTS = [
  "enqueued",
  "charged",
  "declined",
  "failed",
  "unknown",
  "open",
  "attempts",
] as const;

export function StatsCard({ stats }: { stats: BillingStats }) {
  const t = useMessages().stats;
  const locale = useLocale();
  const percent = new Intl.NumberFormat(locale, { style: "percent", maximumFractionDigits: 1 });
  const whole = new Intl.NumberFormat(locale, { maximumFractionDigits: 0 });
  const { successRate, latencyMs } = stats;
  return (
    <details className="card" data-testid="stats">
      <summary>
        <h2>{t.heading}</h2>
      </summary>
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
    </details>
  );
}
