/**
 * What is declared is given: each member of a declared union is among what the module gives
 * (`golden.ts`, which main.rs writes, and which is checked against the declarations by itself). It is
 * compiled, never run.
 */

import type {
  alerts,
  aside,
  balances,
  codes,
  entries,
  outcomes,
  records,
  reports,
  results,
  snapshots,
} from "golden";
import type {
  Alert,
  Balance,
  BalanceResult,
  BillingError,
  BillingSnapshot,
  BillingStats,
  ChargeOutcome,
  ChargeRecord,
  Declined,
  Failed,
  FlushReport,
  LogEntry,
  QuarantinedRecord,
  Queued,
  Unknown,
} from "tollbox";

/** Fails to compile where its argument is not `true`. */
type Holds<T extends true> = T;

/** True where nothing that is declared is missing among what is given; else what is. */
type Gives<Declared, Given> = [Exclude<Declared, Given>] extends [never]
  ? true
  : { missing: Exclude<Declared, Given> };

type Each<List extends readonly unknown[]> = List[number];
type Outcome<Status> = Extract<Each<typeof outcomes>, { status: Status }>;
type Unavailable<Of> = Extract<Of, { status: "unavailable" }>;
type Snapshot = Each<typeof snapshots>;

export type Outcomes = [
  Holds<Gives<ChargeOutcome["status"], Each<typeof outcomes>["status"]>>,
  Holds<Gives<Queued["reason"], Outcome<"queued">["reason"]>>,
  Holds<Gives<Queued["durable"], Outcome<"queued">["durable"]>>,
  Holds<Gives<Unknown["reason"], Outcome<"unknown">["reason"]>>,
  Holds<Gives<Unknown["resolving"], Outcome<"unknown">["resolving"]>>,
  Holds<Gives<Declined["reason"], Outcome<"declined">["reason"]>>,
  Holds<Gives<null, Outcome<"declined">["balance"]>>,
  Holds<Gives<Failed["reason"], Outcome<"failed">["reason"]>>,
  Holds<Gives<Failed["retryable"], Outcome<"failed">["retryable"]>>,
];

export type State = [
  Holds<Gives<keyof ChargeRecord, keyof Each<typeof records>>>,
  Holds<Gives<ChargeRecord["status"], Each<typeof records>["status"]>>,
  Holds<Gives<null, Each<typeof records>["nextAttemptAt"]>>,
  Holds<Gives<null, Each<typeof records>["outcome"]>>,
  Holds<Gives<Balance["stale"], Each<typeof balances>["stale"]>>,
  Holds<Gives<BalanceResult["status"], Each<typeof results>["status"]>>,
  Holds<Gives<Unavailable<BalanceResult>["reason"], Unavailable<Each<typeof results>>["reason"]>>,
  Holds<Gives<null, Unavailable<Each<typeof results>>["cached"]>>,
  Holds<Gives<FlushReport["stopped"], Each<typeof reports>["stopped"]>>,
  Holds<Gives<keyof BillingSnapshot, keyof Snapshot>>,
  Holds<Gives<BillingSnapshot["network"], Snapshot["network"]>>,
  Holds<Gives<BillingSnapshot["storage"], Snapshot["storage"]>>,
  Holds<Gives<null, Snapshot["balance" | "persisted" | "flush"]>>,
  Holds<Gives<keyof BillingStats, keyof Snapshot["stats"]>>,
  Holds<Gives<null, Snapshot["stats"]["successRate"]>>,
  Holds<Gives<null, Snapshot["stats"]["latencyMs"]>>,
  Holds<Gives<Alert["kind"], Each<typeof alerts>["kind"]>>,
  Holds<Gives<LogEntry["level"], Each<typeof entries>["level"]>>,
  Holds<Gives<keyof LogEntry, keyof Extract<Each<typeof entries>, { key: string }>>>,
  Holds<Gives<keyof QuarantinedRecord, keyof Each<typeof aside>>>,
];

export type Errors = [
  // The facade gives this one: where it is, there is no module.
  Holds<Gives<BillingError["code"], Each<typeof codes> | "module_load_failed">>,
];
