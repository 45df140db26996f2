import { useState } from "react";
import type { BillingSnapshot, ChargeRecord } from "tollbox";
import { type Desk, titleOf } from "../desk";
import { useMessages } from "../i18n";
import { paymentOf } from "../payment";
import { useStore } from "../store";
import { keyOf } from "../tasks";
import { Card } from "./Card";
import { NextAttempt, PAYMENT_TONE } from "./TaskItem";

const NETWORK_TONE = { online: "good", offline: "wait", unreachable: "bad" } as const;
const STORAGE_TONE = { indexeddb: "plain", localstorage: "wait", memory: "bad" } as const;
const SHOWN = 6;

const SHELVES = ["open", "parked", "settled"] as const;
type Shelf = (typeof SHELVES)[number];

/** The charges by where they stand, how far a flush has come, and what the outbox stands on. */
export function OutboxCard({ desk, snapshot }: { desk: Desk; snapshot: BillingSnapshot }) {
  const { flush, network, storage } = snapshot;
  const t = useMessages();
  const records = [...useStore(desk.records).values()].sort((a, b) => b.updatedAt - a.updatedAt);
  const [chosen, setShelf] = useState<Shelf | null>(null);
  const shelved = (name: Shelf) => records.filter((record) => shelfOf(record) === name);
  // Until the visitor chooses, it shows what needs a look most.
  const shelf = chosen ?? SHELVES.find((name) => shelved(name).length > 0) ?? "open";
  const shown = shelved(shelf);
  const canBeSent = records.some((record) => shelfOf(record) !== "settled" || isRetryable(record));
  return (
    <Card
      heading={t.queue.heading}
      lead={t.queue.lead}
      testId="queue"
      id="outbox"
      end={
        <span
          className="badge"
          data-tone={NETWORK_TONE[network]}
          data-testid="network"
          data-state={network}
          role="status"
        >
          {t.network[network]}
        </span>
      }
    >
      <fieldset className="segments">
        <legend className="visually-hidden">{t.queue.heading}</legend>
        {SHELVES.map((name) => (
          <label key={name}>
            <input
              type="radio"
              name="shelf"
              data-testid={`shelf-${name}`}
              checked={shelf === name}
              onChange={() => setShelf(name)}
            />
            <span>
              {t.queue[name]} <b data-testid={`queue-${name}`}>{shelved(name).length}</b>
            </span>
          </label>
        ))}
      </fieldset>
      {shown.length === 0 ? (
        <p className="note empty-line">{t.queue.none[shelf]}</p>
      ) : (
        <ul className="outbox">
          {shown.slice(0, SHOWN).map((record) => (
            <Line key={record.key} desk={desk} record={record} network={network} />
          ))}
        </ul>
      )}
      {shown.length > SHOWN && <p className="note">{t.queue.more(shown.length - SHOWN)}</p>}
      {flush && (
        <label className="progress">
          <span className="note">{t.queue.progress(flush.done, flush.total)}</span>
          <progress
            data-testid="flush-progress"
            value={flush.done}
            max={Math.max(flush.total, 1)}
          />
        </label>
      )}
      <div className="card-end">
        <button
          type="button"
          data-testid="flush"
          disabled={!canBeSent}
          onClick={() => desk.flush()}
        >
          {t.queue.flush}
        </button>
        <span
          className="note"
          data-tone={STORAGE_TONE[storage]}
          data-testid="storage"
          data-state={storage}
        >
          {t.storage[storage]}
        </span>
      </div>
    </Card>
  );
}

function Line(props: { desk: Desk; record: ChargeRecord; network: BillingSnapshot["network"] }) {
  const { desk, record, network } = props;
  const t = useMessages();
  const { key } = record;
  const task = useStore(desk.tasks).find((task) => keyOf(task) === key) ?? null;
  const payment = paymentOf({ key, task, record }, network, t);
  const title = titleOf(record);
  const isOpen = shelfOf(record) !== "settled";
  return (
    <li data-testid="outbox-line" data-key={key}>
      <span className="title">{title}</span>
      <span className="number">{t.tasks.points(record.amount)}</span>
      <p className="note">
        <span className="badge" data-tone={PAYMENT_TONE[payment.state]}>
          {payment.label}
        </span>{" "}
        {payment.notes.join(" · ")}
        <NextAttempt record={record} />
      </p>
      {isOpen && (
        <div className="actions">
          <button
            type="button"
            data-testid="outbox-retry"
            aria-label={`${t.tasks.retry}: ${title}`}
            onClick={() => desk.retry(record)}
          >
            {t.tasks.retry}
          </button>
          <button
            type="button"
            data-testid="outbox-cancel"
            aria-label={`${t.tasks.cancel}: ${title}`}
            onClick={() => desk.cancel(record)}
          >
            {t.tasks.cancel}
          </button>
        </div>
      )}
    </li>
  );
}

function isRetryable({ outcome }: ChargeRecord): boolean {
  return outcome?.status === "failed" && outcome.retryable;
}

function shelfOf({ status }: ChargeRecord): Shelf {
  switch (status) {
    case "pending":
    case "retrying":
      return "open";
    case "unknown":
      return "parked";
    case "success":
    case "failed":
      return "settled";
  }
}
