import type { Desk, Notice } from "../desk";
import { type Messages, useMessages } from "../i18n";
import { ofOutcome } from "../payment";
import { useStore } from "../store";

/** The last thing that happened, said once, also to a screen reader. */
export function NoticeLine({ desk }: { desk: Desk }) {
  const t = useMessages();
  const notice = useStore(desk.notice);
  return (
    <p className="notice" role="status" data-testid="notice" data-tone={notice && toneOf(notice)}>
      {notice && textOf(notice, t)}
    </p>
  );
}

function toneOf(notice: Notice): "good" | "wait" | "bad" | "plain" {
  switch (notice.kind) {
    case "outcome":
      return TONE[notice.outcome.status];
    case "balance":
      return notice.result.status === "fresh" ? "good" : "wait";
    case "token_expired":
      return notice.result.status === "fresh" ? "good" : "wait";
    case "topped_up":
    case "module_killed":
      return "good";
    case "flush":
      return notice.report.remaining === 0 ? "good" : "wait";
    case "error":
      return "bad";
  }
}

const TONE = {
  charged: "good",
  queued: "wait",
  unknown: "wait",
  declined: "bad",
  failed: "bad",
} as const;

function textOf(notice: Notice, t: Messages): string {
  const words = t.notice;
  switch (notice.kind) {
    case "outcome": {
      const { title, outcome, wasPaid } = notice;
      if (outcome.status === "charged") {
        const { amount, attempts, balance } = outcome;
        return wasPaid ? words.replayed(title) : words.charged(title, amount, attempts, balance);
      }
      const { label, notes } = ofOutcome(outcome, t);
      return words.other(title, [label, ...notes].join(" · "));
    }
    case "balance":
      return notice.result.status === "fresh"
        ? words.fresh(notice.result.balance.confirmed)
        : words.unavailable(reasonOf(notice.result.reason, t));
    case "topped_up":
      return words.toppedUp(notice.points);
    case "flush": {
      const { charged, remaining, stopped } = notice.report;
      const why = stopped === "another_tab" ? words.anotherTab : stopped && t.reason.open[stopped];
      return words.flush(charged, remaining, why);
    }
    case "token_expired":
      return notice.result.status === "fresh"
        ? words.tokenExpired(notice.result.balance.confirmed)
        : words.unavailable(reasonOf(notice.result.reason, t));
    case "module_killed":
      return words.moduleKilled(notice.open);
    case "error":
      return words.error(notice.detail);
  }
}

function reasonOf(
  reason: keyof Messages["reason"]["open"] | "forbidden" | "rejected",
  t: Messages,
): string {
  if (reason === "forbidden") return t.reason.failed.forbidden;
  if (reason === "rejected") return t.reason.declined.rejected;
  return t.reason.open[reason];
}
