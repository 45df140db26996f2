import type { Alert } from "tollbox";
import type { Feed } from "../feed";
import { useLocale, useMessages } from "../i18n";
import { clock } from "../i18n/time";
import { useStore } from "../store";
import { Card } from "./Card";

const SHOWN_ALERTS = 5;
const GOOD_NEWS: Alert["kind"] = "network_restored";

/** What the billing client warned about, whether that goes on, and its log. */
export function FeedCard({ feed, goingOn }: { feed: Feed; goingOn: readonly Alert[] }) {
  const t = useMessages().feed;
  const locale = useLocale();
  const entries = useStore(feed);
  const alerts = entries.filter((entry) => entry.kind === "alert").slice(0, SHOWN_ALERTS);
  // One that goes on is told in the language of now.
  const current = ({ kind, at }: Alert) =>
    goingOn.find((other) => other.kind === kind && other.at === at);
  const log = entries.filter((entry) => entry.kind === "log");
  return (
    <Card heading={t.heading} testId="feed">
      <ul className="alerts" aria-live="polite">
        {alerts.map(({ id, entry }) => (
          <li
            key={id}
            data-testid="alert"
            data-kind={entry.kind}
            data-goes-on={current(entry) !== undefined || undefined}
          >
            <span className="badge" data-tone={entry.kind === GOOD_NEWS ? "good" : "wait"}>
              {t.alert[entry.kind]}
            </span>
            <time className="note">{clock(locale, entry.at)}</time>
            {current(entry) && <span className="note"> · {t.goesOn}</span>}
            <p className="note">{current(entry)?.detail ?? entry.detail}</p>
          </li>
        ))}
      </ul>
      {alerts.length === 0 && <p className="note">{t.none}</p>}
      <details data-testid="log">
        <summary>
          {t.log} ({log.length})
        </summary>
        <ol className="log">
          {log.map(({ id, entry }) => (
            <li key={id} data-level={entry.level}>
              <time>{clock(locale, entry.at)}</time> {entry.message}
              {entry.key !== undefined && <span className="note"> {entry.key}</span>}
            </li>
          ))}
        </ol>
      </details>
    </Card>
  );
}
