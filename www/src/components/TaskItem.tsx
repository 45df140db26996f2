import { useState } from "react";
import type { BillingSnapshot, ChargeRecord } from "tollbox";
import { type Desk, type Entry, titleOf } from "../desk";
import { download } from "../download";
import { type Messages, useLocale, useMessages } from "../i18n";
import { relative, useNow } from "../i18n/time";
import { type Payment, type PaymentState, paymentOf } from "../payment";
import type { Task, TranslationState } from "../tasks";
import { Icon } from "./Icon";
import { TaskTexts } from "./TaskTexts";

type Network = BillingSnapshot["network"];

export const PAYMENT_TONE: Record<PaymentState, "good" | "wait" | "bad" | "plain"> = {
  charged: "good",
  queued: "wait",
  sending: "wait",
  unknown: "wait",
  declined: "bad",
  failed: "bad",
  held: "plain",
  unbilled: "wait",
  none: "plain",
};

const TRANSLATION_TONE: Record<TranslationState["state"], "good" | "wait" | "bad" | "plain"> = {
  running: "plain",
  elsewhere: "plain",
  done: "good",
  failed: "bad",
  interrupted: "bad",
  not_started: "plain",
};

/** "Translated" and "paid" stand apart: a translation can be done and its charge still open. */
export function TaskItem({ desk, entry, network }: { desk: Desk; entry: Entry; network: Network }) {
  const t = useMessages();
  const [open, setOpen] = useState(false);
  const { task, record } = entry;
  const title = task?.title ?? (record ? titleOf(record) : entry.key);
  const target = task?.target ?? record?.metadata.target;
  const payment = paymentOf(entry, network, t);
  const done = task?.translation.state === "done";
  return (
    <li
      className="task"
      data-testid="task-row"
      data-key={entry.key}
      data-task-id={task?.id ?? record?.taskId}
    >
      <div className="task-head">
        <h3 className="title">{title}</h3>
        <p className="note">
          {(target === "zh" || target === "en") && `${t.tasks.into[target]} · `}
          <Price task={task} record={record} t={t} />
        </p>
      </div>
      <dl className="states">
        <div>
          <dt>{t.tasks.translated}</dt>
          <dd>
            <Translation task={task} isPaid={record?.status === "success"} />
          </dd>
        </div>
        <div>
          <dt>{t.tasks.paid}</dt>
          <dd>
            <PaymentLine payment={payment} record={record} t={t} />
          </dd>
        </div>
      </dl>
      <div className="actions">
        {done && (
          <button
            type="button"
            data-testid="open-text"
            aria-expanded={open}
            aria-label={`${open ? t.tasks.hide : t.tasks.open}: ${title}`}
            onClick={() => setOpen(!open)}
          >
            {open ? t.tasks.hide : t.tasks.open}
          </button>
        )}
        {done && (
          <button
            type="button"
            data-testid="download"
            aria-label={`${t.tasks.download}: ${title}`}
            onClick={() => download(task)}
          >
            <Icon name="download" />
            {t.tasks.download}
          </button>
        )}
        {actionsFor(desk, entry, payment).map(({ name, act }) => (
          <button
            key={name}
            type="button"
            data-testid={name}
            aria-label={`${t.tasks[name]}: ${title}`}
            onClick={act}
          >
            {t.tasks[name]}
          </button>
        ))}
      </div>
      {open && done && <TaskTexts task={task} />}
    </li>
  );
}

/** What it cost, or will; and what is held while that is more. */
function Price(props: { task: Task | null; record: ChargeRecord | null; t: Messages }) {
  const { task, record, t } = props;
  const price = task?.price ?? record?.amount ?? 0;
  const saved = task && task.most > task.price && record?.status === "success";
  return (
    <span data-testid="price">
      {t.tasks.points(price)}
      {saved && ` · ${t.tasks.saved(task.most)}`}
    </span>
  );
}

function Translation({ task, isPaid }: { task: Task | null; isPaid: boolean }) {
  const t = useMessages();
  // Paid is only what was translated: its text has stayed elsewhere, or was not kept.
  if (!task || (isPaid && task.translation.state === "interrupted")) {
    return (
      <div data-testid="translation" data-state="unseen">
        <span className="badge" data-tone="plain">
          {t.translation.unseen}
        </span>
        <p className="note">{task ? t.tasks.textLost : t.tasks.fromElsewhere}</p>
      </div>
    );
  }
  const { translation } = task;
  return (
    <div data-testid="translation" data-state={translation.state}>
      <span className="badge" data-tone={TRANSLATION_TONE[translation.state]}>
        {t.translation[translation.state]}
      </span>
      {translation.state === "running" && (
        <label className="progress">
          <progress
            data-testid="translation-progress"
            value={translation.done}
            max={Math.max(translation.total, 1)}
          />
          <span className="note">
            {t.translation.progress(translation.done, translation.total)}
          </span>
        </label>
      )}
      {translation.state === "failed" && (
        <p className="note">{t.translation.why(translation.detail)}</p>
      )}
    </div>
  );
}

function PaymentLine(props: { payment: Payment; record: ChargeRecord | null; t: Messages }) {
  const { payment, record, t } = props;
  return (
    <div
      data-testid="payment"
      data-state={payment.state}
      data-reason={payment.reason}
      data-resolving={payment.resolving}
    >
      <span className="badge" data-tone={PAYMENT_TONE[payment.state]}>
        {payment.label}
      </span>
      {payment.notes.length > 0 && <p className="note">{payment.notes.join(" · ")}</p>}
      {payment.advice && (
        <p className="advice" data-testid="advice">
          {payment.advice}
        </p>
      )}
      {record && record.attempts > 0 && (
        <p className="note">
          <span data-testid="attempts">{t.payment.attempts(record.attempts)}</span>
          <NextAttempt record={record} />
        </p>
      )}
    </div>
  );
}

/** When it is tried again, where that is known. */
export function NextAttempt({ record }: { record: ChargeRecord }) {
  const t = useMessages().payment;
  const locale = useLocale();
  const now = useNow();
  const { nextAttemptAt } = record;
  if (nextAttemptAt === null || nextAttemptAt < now) return null;
  return <> · {t.next(relative(locale, nextAttemptAt, now))}</>;
}

interface Action {
  name: "retry" | "cancel" | "pay" | "translateAgain" | "payAgain" | "topUp";
  act: () => Promise<void>;
}

const TOP_UP_STEP = 100;

function actionsFor(desk: Desk, { task, record }: Entry, payment: Payment): Action[] {
  const translated = task?.translation.state === "done";
  const isRunning =
    task?.translation.state === "running" || task?.translation.state === "elsewhere";
  const again: Action[] =
    task && !isRunning ? [{ name: "translateAgain", act: () => desk.submit(task) }] : [];
  const price = task?.most ?? record?.amount ?? 0;
  const points = Math.ceil(price / TOP_UP_STEP) * TOP_UP_STEP;
  const funds: Action[] =
    payment.reason === "insufficient_balance"
      ? [{ name: "topUp", act: () => desk.topUp(points) }]
      : [];
  switch (record?.status) {
    case undefined:
      if (!task || isRunning) return [];
      return translated ? [{ name: "pay", act: () => desk.pay(task) }] : [...funds, ...again];
    case "pending":
    case "retrying":
    case "unknown":
      return [
        { name: "retry", act: () => desk.retry(record) },
        { name: "cancel", act: () => desk.cancel(record) },
      ];
    case "failed":
      // Refused before the translation began: both are tried again, in that order.
      return task && !translated
        ? [...funds, ...again]
        : [...funds, { name: "retry", act: () => desk.retry(record) }];
    case "success":
      // A paid task whose text is gone is translated again under the same key: it costs nothing more.
      return translated ? [{ name: "payAgain", act: () => desk.pay(task) }] : again;
  }
}
