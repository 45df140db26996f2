import { call } from "./server";

/** What can be made to go wrong between this account and the billing server. */
export type Trouble = "none" | "cut" | "lose_answers" | "slow" | "busy" | "broken";

interface Rule {
  on: "any" | "balance" | "charge" | "batch" | "lookup";
  account: string | null;
  fault: Record<string, unknown> & { kind: string };
  times: number | null;
}

type Kind = Exclude<Trouble, "none">;

const FAULT: Record<Kind, Rule["fault"]> = {
  cut: { kind: "drop_before" },
  lose_answers: { kind: "drop_after" },
  slow: { kind: "latency", ms: 3_000 },
  busy: { kind: "status", status: 503, retry_after: "2" },
  broken: { kind: "status", status: 500 },
};

/**
 * The trouble that was made for this account, e.g. before a reload. A rule that is not of this
 * page's making counts as none: it is not the page's to end.
 */
export async function currentTrouble(account: string): Promise<Trouble> {
  const { rules } = await readRules();
  const mine = rules.find((rule) => rule.account === account);
  const kinds = Object.keys(FAULT) as Kind[];
  const named = kinds.find((kind) => {
    const { on, fault } = ruleFor(account, kind);
    return on === mine?.on && fault.kind === mine.fault.kind && fault.status === mine.fault.status;
  });
  return named ?? "none";
}

/** Makes `trouble` for this account until the next call, and leaves other accounts' rules alone. */
export async function makeTrouble(account: string, trouble: Trouble): Promise<void> {
  const { rules } = await readRules();
  const others = rules.filter((rule) => rule.account !== account);
  const next = trouble === "none" ? others : [...others, ruleFor(account, trouble)];
  if (next.length === 0) {
    await call("/faults", { method: "DELETE" });
    return;
  }
  await call("/faults", {
    method: "PUT",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ rules: next }),
  });
}

function ruleFor(account: string, trouble: Kind): Rule {
  // A lost answer is lost for charges only, so that the page can still learn the balance. The rule
  // has no count: a browser repeats a POST by itself on a reused connection, which would use up
  // "once" before the page ever notices.
  const on = trouble === "lose_answers" ? "charge" : "any";
  return { on, account, fault: FAULT[trouble], times: null };
}

function readRules(): Promise<{ rules: Rule[] }> {
  return call("/faults", {});
}
