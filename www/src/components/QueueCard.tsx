import type { BillingSnapshot } from "tollbox";
import type { Desk } from "../desk";
import { useMessages } from "../i18n";
import { Card } from "./Card";

const NETWORK_TONE = { online: "good", offline: "wait", unreachable: "bad" } as const;
const STORAGE_TONE = { indexeddb: "plain", localstorage: "wait", memory: "bad" } as const;

/** The open charges, how far a flush has come, and what the queue stands on. */
export function QueueCard({ desk, snapshot }: { desk: Desk; snapshot: BillingSnapshot }) {
  const { queue, flush, network, storage } = snapshot;
  const t = useMessages();
  const counts = [
    ["pending", queue.pending],
    ["retrying", queue.retrying],
    ["unknown", queue.unknown],
    ["failed", queue.failed],
  ] as const;
  return (
    <Card heading={t.queue.heading} testId="queue">
      <p className="badges" role="status">
        <span
          className="badge"
          data-tone={NETWORK_TONE[network]}
          data-testid="network"
          data-state={network}
        >
          {t.network[network]}
        </span>
        <span
          className="badge"
          data-tone={STORAGE_TONE[storage]}
          data-testid="storage"
          data-state={storage}
        >
          {t.storage[storage]}
        </span>
      </p>
      <dl className="counts">
        {counts.map(([name, count]) => (
          <div key={name}>
            <dd data-testid={`queue-${name}`}>{count}</dd>
            <dt>{t.queue[name]}</dt>
          </div>
        ))}
        <div>
          <dd data-testid="queue-held">{queue.heldPoints}</dd>
          <dt>{t.queue.held}</dt>
        </div>
      </dl>
      {flush && (
        <label className="progress">
          <span>{t.queue.progress(flush.done, flush.total)}</span>
          <progress data-testid="flush-progress" value={flush.done} max={flush.total} />
        </label>
      )}
      <button type="button" data-testid="flush" onClick={() => desk.flush()}>
        {t.queue.flush}
      </button>
    </Card>
  );
}
