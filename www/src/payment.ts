import type { BillingSnapshot, ChargeOutcome, ChargeRecord } from "tollbox";
import type { Entry } from "./desk";
import type { Messages } from "./i18n";

/** What the column "paid" may say. `charged` only where the server's word says so. */
export type PaymentState =
  | "charged"
  | "queued"
  | "sending"
  | "unknown"
  | "declined"
  | "failed"
  | "held"
  | "unbilled"
  | "none";

export interface Payment {
  state: PaymentState;
  reason: string | null;
  /** For an unknown charge: whether the client goes on by itself. */
  resolving: boolean | null;
  label: string;
  /** What the label leaves open, one phrase each. */
  notes: string[];
  /** What it means for the customer, and what they can do. */
  advice: string | null;
}

type Network = BillingSnapshot["network"];

/** The payment of an entry in words. */
export function paymentOf({ task, record }: Entry, network: Network, t: Messages): Payment {
  if (record) {
    const payment = ofRecord(record, task?.told, network, t);
    const isTranslated = !task || task.translation.state === "done";
    return isTranslated ? payment : withoutText(payment, t);
  }
  switch (task?.translation.state) {
    case "running":
    case "elsewhere":
      return plain("held", t.payment.held);
    case "done":
      return { ...plain("unbilled", t.payment.unbilled), advice: t.advice.unbilled };
    case "not_started":
      return withoutText(ofOutcome(task.translation.refusal, t), t);
    case "failed":
    case "interrupted":
    case undefined:
      return { ...plain("none", t.payment.nothingDue), advice: t.advice.nothingDue };
  }
}

function ofRecord(
  record: ChargeRecord,
  told: ChargeOutcome | undefined,
  network: Network,
  t: Messages,
): Payment {
  const { outcome, status } = record;
  switch (status) {
    case "success":
      return outcome?.status === "charged"
        ? ofOutcome(outcome, t)
        : plain("charged", t.payment.charged);
    case "pending":
    case "retrying":
      // A verdict of an earlier try says nothing about the try that is under way.
      if (outcome?.status === "queued" || outcome?.status === "unknown") {
        return ofOutcome(outcome, t);
      }
      return status === "pending" && record.attempts === 0
        ? notTriedYet(told, network, t)
        : plain("sending", t.payment.sending);
    case "failed":
      return outcome?.status === "declined" || outcome?.status === "failed"
        ? ofOutcome(outcome, t)
        : plain("failed", t.payment.failed);
    case "unknown":
      return outcome?.status === "unknown"
        ? ofOutcome(outcome, t)
        : plain("unknown", t.payment.unknown);
  }
}

/** What is not translated is tried again as a whole: there is no charge alone to be retried. */
function withoutText(payment: Payment, t: Messages): Payment {
  return payment.state === "failed" ? { ...payment, advice: t.advice.not_started } : payment;
}

/** An outcome in words. */
export function ofOutcome(outcome: ChargeOutcome, t: Messages): Payment {
  const words = t.payment;
  const { advice } = t;
  const state = outcome.status;
  switch (state) {
    case "charged": {
      const notes = [words.reference(outcome.chargeId)];
      return { ...plain(state, words.charged), notes };
    }
    case "queued": {
      const { reason } = outcome;
      const notes = [t.reason.open[reason]];
      if (!outcome.durable) notes.push(words.notDurable);
      return { ...plain(state, words.queued), reason, notes, advice: advice.queued };
    }
    case "unknown": {
      const { reason, resolving } = outcome;
      const notes = [t.reason.open[reason]];
      if (!outcome.durable) notes.push(words.notDurable);
      const label = resolving ? words.unknown : words.parked;
      const told = resolving ? advice.unknown : advice.parked;
      return { state, reason, resolving, label, notes, advice: told };
    }
    case "declined": {
      const { reason } = outcome;
      const notes = [t.reason.declined[reason]];
      return { ...plain(state, words.declined), reason, notes, advice: advice[reason] };
    }
    case "failed": {
      const { reason } = outcome;
      const notes = [t.reason.failed[reason]];
      const told = reason === "cancelled" ? advice.cancelled : advice.failed;
      return { ...plain(state, words.failed), reason, notes, advice: told };
    }
  }
}

/**
 * No attempt has ended yet. What the network is now keeps it, as it keeps the whole queue; else what the
 * client said when it was made, unless that was about the network, which is there again.
 */
function notTriedYet(told: ChargeOutcome | undefined, network: Network, t: Messages): Payment {
  const queued = told?.status === "queued" ? told : null;
  const lasting = queued?.reason === "offline" || queued?.reason === "unreachable" ? null : queued;
  const reason = network === "online" ? (lasting?.reason ?? null) : network;
  const notes = reason === null ? [] : [t.reason.open[reason]];
  if (queued?.durable === false) notes.push(t.payment.notDurable);
  return { ...plain("queued", t.payment.queued), reason, notes, advice: t.advice.queued };
}

function plain(state: PaymentState, label: string): Payment {
  return { state, reason: null, resolving: null, label, notes: [], advice: null };
}
