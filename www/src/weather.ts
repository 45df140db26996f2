import { hearTabs, oneTabAtATime, tellTabs } from "./between-tabs";
import { call } from "./server";
import type { Session } from "./session";

/** What lies between this account and the billing server. Translations are not affected. */
export type Weather =
  | "none"
  | "cut"
  | "slow"
  | "lose_answers"
  | "broken"
  | "busy"
  | "gateway"
  | "stranger"
  /** A fault that is none of the above. */
  | "other";

/** Those that a visitor can make. */
export const WEATHERS: readonly Exclude<Weather, "other">[] = [
  "none",
  "cut",
  "slow",
  "lose_answers",
  "broken",
  "busy",
  "gateway",
  "stranger",
];

/** What the server's fault panel can do to a request. */
export interface Fault extends Record<string, unknown> {
  kind: string;
}

interface Rule {
  on: "any" | "balance" | "charge" | "batch" | "lookup";
  account: string | null;
  fault: Fault;
  times: number | null;
}

/** The kinds that the server makes; the stranger is of this page's making. */
type Kind = Exclude<Weather, "none" | "stranger" | "other">;

const TOPIC = "weather";

const GATEWAY_PAGE = "<!doctype html><title>503 Service Unavailable</title><h1>nginx</h1>";

const FAULT: Record<Kind, Fault> = {
  cut: { kind: "drop_before" },
  lose_answers: { kind: "drop_after" },
  slow: { kind: "latency", ms: 3_000 },
  busy: { kind: "status", status: 503, retry_after: "10" },
  broken: { kind: "status", status: 500 },
  gateway: { kind: "status", status: 503, body: GATEWAY_PAGE },
};

/** The weather that was made for this account, e.g. before a reload, or in another tab. */
export async function currentWeather({ account, isStranger }: Session): Promise<Weather> {
  if (isStranger) return "stranger";
  const { rules } = await readRules();
  const mine = rules.find((rule) => rule.account === account);
  if (!mine) return "none";
  const kinds = Object.keys(FAULT) as Kind[];
  const named = kinds.find((kind) => {
    const { on, fault } = ruleFor(account, kind);
    return on === mine.on && isSame(fault, mine.fault);
  });
  return named ?? "other";
}

/** Makes this weather for the account until the next call, and leaves other accounts' rules alone. */
export async function makeWeather(session: Session, weather: Weather): Promise<void> {
  const { account } = session;
  await putRule(account, weather in FAULT ? ruleFor(account, weather as Kind) : null);
  session.isStranger = weather === "stranger";
  tellTabs(TOPIC, account);
}

/** Calls `look` when the account's weather may have changed without this page. */
export function onWeatherElsewhere({ account }: Session, look: () => void): () => void {
  const deaf = hearTabs(TOPIC, (word) => {
    if (word === account) look();
  });
  const onVisible = () => {
    if (document.visibilityState === "visible") look();
  };
  document.addEventListener("visibilitychange", onVisible);
  return () => {
    deaf();
    document.removeEventListener("visibilitychange", onVisible);
  };
}

/** The server takes the points, and no answer ever comes: until the weather changes. */
export async function hangAfterCharges({ account }: Session): Promise<void> {
  await strike(account, { kind: "hang_after" });
}

/** Does this to every request of an account until the next call; null ends it. */
export async function strike(account: string, fault: Fault | null): Promise<void> {
  await putRule(account, fault && { on: "any", account, fault, times: null });
}

/** The server has one list for all accounts: what was read may only be written before the next reads. */
function putRule(account: string, rule: Rule | null): Promise<void> {
  return oneTabAtATime("faults", () => replaceRule(account, rule));
}

async function replaceRule(account: string, rule: Rule | null): Promise<void> {
  const { rules } = await readRules();
  const others = rules.filter((other) => other.account !== account);
  const next = rule ? [...others, rule] : others;
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

function ruleFor(account: string, kind: Kind): Rule {
  // A lost answer is lost for charges only, so that the page can still learn the balance. The rule
  // has no count: a browser repeats a POST by itself on a reused connection, which would use up
  // "once" before the page ever notices.
  const on = kind === "lose_answers" ? "charge" : "any";
  return { on, account, fault: FAULT[kind], times: null };
}

function isSame(fault: Fault, other: Fault): boolean {
  return (["kind", "status", "body"] as const).every((field) => fault[field] === other[field]);
}

function readRules(): Promise<{ rules: Rule[] }> {
  return call("/faults", {});
}
