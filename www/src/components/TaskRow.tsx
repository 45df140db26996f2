import type { BillingSnapshot, ChargeRecord } from "tollbox";
import { type Desk, type Entry, titleOf } from "../desk";
import { type Messages, useLocale, useMessages } from "../i18n";
import { relative, useNow } from "../i18n/time";
import { type PaymentState, paymentOf } from "../payment";
import type { Task } from "../tasks";

type Network = BillingSnapshot["network"];

const TONE: Record<PaymentState, "good" | "wait" | "bad" | "plain"> = {
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

/** More than two lines show; the style cuts the rest. */
const PREVIEW_CHARACTERS = 200;

export function TaskRow(props: { desk: Desk; entry: Entry; network: Network; onShow: () => void }) {
  const { desk, entry, network, onShow } = props;
  const t = useMessages();
  const { task, record } = entry;
  const title = task?.title ?? (record ? titleOf(record) : entry.key);
  const target = task?.target ?? record?.metadata.target;
  return (
    <tr data-testid="task-row" data-key={entry.key} data-task-id={task?.id ?? record?.taskId}>
      <th scope="row">
        <span className="title">{title}</span>
        {(target === "zh" || target === "en") && (
          <span className="note">{t.tasks.into[target]}</span>
        )}
      </th>
      <td className="number" data-label={t.tasks.price}>
        {t.tasks.points(task?.price ?? record?.amount ?? 0)}
      </td>
      <td data-label={t.tasks.translated}>
        <Translation task={task} onShow={onShow} />
      </td>
      <td data-label={t.tasks.paid}>
        <PaymentCell entry={entry} network={network} />
      </td>
      <td className="number" data-label={t.tasks.attempts} data-testid="attempts">
        {record?.attempts ?? 0}
      </td>
      <td className="actions">
        <Actions desk={desk} task={task} record={record} title={title} />
      </td>
    </tr>
  );
}

function Translation({ task, onShow }: { task: Task | null; onShow: () => void }) {
  const t = useMessages();
  if (!task) {
    return (
      <div data-testid="translation" data-state="unseen">
        <span className="badge" data-tone="plain">
          {t.translation.unseen}
        </span>
        <span className="note">{t.tasks.fromElsewhere}</span>
      </div>
    );
  }
  const { translation } = task;
  const done = translation.state === "done";
  return (
    <div data-testid="translation" data-state={translation.state}>
      <span className="badge" data-tone={done ? "good" : TRANSLATION_TONE[translation.state]}>
        {translation.state === "failed"
          ? t.translation.failed(translation.detail)
          : t.translation[translation.state]}
      </span>
      {done && (
        <button
          type="button"
          className="preview"
          title={t.tasks.open}
          data-testid="open-text"
          onClick={onShow}
        >
          {preview(translation.text)}
        </button>
      )}
    </div>
  );
}

const TRANSLATION_TONE = {
  running: "wait",
  failed: "bad",
  interrupted: "bad",
  not_started: "plain",
} as const;

function PaymentCell({ entry, network }: { entry: Entry; network: Network }) {
  const t = useMessages();
  const payment = paymentOf(entry, network, t);
  return (
    <div
      data-testid="payment"
      data-state={payment.state}
      data-reason={payment.reason}
      data-resolving={payment.resolving}
    >
      <span className="badge" data-tone={TONE[payment.state]}>
        {payment.label}
      </span>
      {payment.notes.length > 0 && <span className="note">{payment.notes.join(" · ")}</span>}
      {entry.record && <NextAttempt record={entry.record} t={t} />}
    </div>
  );
}

function NextAttempt({ record, t }: { record: ChargeRecord; t: Messages }) {
  const locale = useLocale();
  const now = useNow();
  const { nextAttemptAt } = record;
  if (nextAttemptAt === null || nextAttemptAt < now) return null;
  return <span className="note">{t.payment.next(relative(locale, nextAttemptAt, now))}</span>;
}

interface Action {
  name: "retry" | "cancel" | "pay" | "translateAgain" | "payAgain";
  act: () => Promise<void>;
}

function Actions(props: {
  desk: Desk;
  task: Task | null;
  record: ChargeRecord | null;
  title: string;
}) {
  const t = useMessages().tasks;
  return actionsFor(props.desk, props.task, props.record).map(({ name, act }) => (
    <button
      key={name}
      type="button"
      data-testid={name}
      aria-label={`${t[name]}: ${props.title}`}
      onClick={act}
    >
      {t[name]}
    </button>
  ));
}

function actionsFor(desk: Desk, task: Task | null, record: ChargeRecord | null): Action[] {
  const again: Action[] = task ? [{ name: "translateAgain", act: () => desk.submit(task) }] : [];
  const translated = task?.translation.state === "done";
  switch (record?.status) {
    case undefined:
      if (!task || task.translation.state === "running") return [];
      return translated ? [{ name: "pay", act: () => desk.pay(task) }] : again;
    case "pending":
    case "retrying":
    case "unknown":
      return [
        { name: "retry", act: () => desk.retry(record) },
        { name: "cancel", act: () => desk.cancel(record) },
      ];
    case "failed":
      // Refused before the translation began: both are tried again, in that order.
      return task && !translated ? again : [{ name: "retry", act: () => desk.retry(record) }];
    case "success":
      return translated ? [{ name: "payAgain", act: () => desk.pay(task) }] : [];
  }
}

function preview(text: string): string {
  const characters = [...text];
  return characters.length <= PREVIEW_CHARACTERS
    ? text
    : `${characters.slice(0, PREVIEW_CHARACTERS).join("")}…`;
}
