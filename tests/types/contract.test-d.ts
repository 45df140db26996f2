/**
 * The public API as its users write against it: every member, with the type that it has. It is
 * compiled, never run.
 */

import type {
  Alert,
  Balance,
  BalanceResult,
  BillingEvents,
  BillingOptions,
  BillingSnapshot,
  BillingStats,
  BillingStatus,
  Charged,
  ChargeOptions,
  ChargeOutcome,
  ChargeRecord,
  ChargeRequest,
  Declined,
  Failed,
  FlushReport,
  LogEntry,
  OpenReason,
  Queued,
  SettledOutcome,
  TaskOutcome,
  TransportRequest,
  TransportResponse,
  Unknown,
} from "tollbox";
import { BillingClient, BillingError, cachedBalance, openBilling } from "tollbox";

/** True where each of two types takes the other's place, optional members included. */
type Same<A, B> =
  (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

/** Fails to compile where its argument is not `true`. */
type Holds<T extends true> = T;

// ---------------------------------------------------------------- opening a client

const transport = async (request: TransportRequest): Promise<TransportResponse> => {
  const { method, path, headers, body, signal } = request;
  const answer = await fetch(`/api/${path}`, { method, headers, body, signal });
  const names: Record<string, string> = Object.fromEntries(answer.headers);
  return { status: answer.status, headers: names, body: await answer.text() };
};

const everyOption: BillingOptions = {
  baseUrl: new URL("https://example.org/billing/v1"),
  account: "alice",
  namespace: "production",
  module: fetch("/wasm/tollbox_bg.wasm"),
  getToken: ({ refresh }) => (refresh ? "fresh" : null),
  transport,
  credentials: "include",
  balance: { staleAfterMs: 1, syncEveryMs: 0, lowWatermark: 10 },
  queue: {
    storage: "indexeddb",
    maxEntries: 1,
    offlineSpend: { points: 5 },
    batchSize: 100,
    keyTtlMs: 1,
    keepSettled: 0,
  },
  retry: {
    maxAttempts: 1,
    maxTotalAttempts: 1,
    baseDelayMs: 0,
    maxDelayMs: 0,
    requestTimeoutMs: 1,
    respondWithinMs: 1,
  },
  monitor: { windowMs: 1, minSamples: 1, alertBelowSuccessRate: 0.5 },
  log: (entry: LogEntry) => console.log(entry.level, entry.message, entry.at, entry.key),
  locale: "zh-CN",
};
const fewestOptions: BillingOptions = { baseUrl: "/billing/v1", account: "alice" };
export const modules: BillingOptions["module"][] = [
  "/wasm/tollbox_bg.wasm",
  new URL("https://example.org/tollbox_bg.wasm"),
  new Response(),
  new ArrayBuffer(8),
  new Uint8Array(8),
  new WebAssembly.Module(new Uint8Array(8)),
];

export type Options = [
  Holds<
    Same<
      keyof NonNullable<BillingOptions["monitor"]>,
      "windowMs" | "minSamples" | "alertBelowSuccessRate"
    >
  >,
  Holds<
    Same<
      BillingOptions["log"],
      "silent" | "error" | "info" | "debug" | ((entry: LogEntry) => void) | undefined
    >
  >,
  Holds<
    Same<
      NonNullable<BillingOptions["queue"]>["storage"],
      "auto" | "indexeddb" | "localstorage" | "memory" | undefined
    >
  >,
  Holds<
    Same<
      NonNullable<BillingOptions["queue"]>["offlineSpend"],
      "within_balance" | "unlimited" | "deny" | { points: number } | undefined
    >
  >,
];

export const firstPaint: Balance | null = cachedBalance({
  baseUrl: "/billing/v1",
  account: "alice",
});
export const elsewhere: Balance | null = cachedBalance({
  baseUrl: new URL("https://example.org/billing/v1"),
  account: "alice",
  namespace: "production",
});

// ---------------------------------------------------------------- outcomes

/** No status without its branch: a new one would make `outcome` something else than `never`. */
export function inWords(outcome: ChargeOutcome): string {
  const { key, taskId, amount, attempts } = outcome;
  const about = `${key}, ${taskId}: ${amount} points, ${attempts} attempts`;
  switch (outcome.status) {
    case "charged":
      return `${about}, ${outcome.chargeId}, ${outcome.balance}, ${outcome.replayed}`;
    case "queued":
      return `${about}, ${outcome.reason}, ${outcome.durable}, ${outcome.detail}`;
    case "unknown":
      return `${about}, ${outcome.reason}, ${outcome.resolving}, ${outcome.durable}, ${outcome.detail}`;
    case "declined":
      return `${about}, ${outcome.reason}, ${outcome.balance?.toFixed()}, ${outcome.detail}`;
    case "failed":
      return `${about}, ${outcome.reason}, ${outcome.retryable}, ${outcome.detail}`;
    default:
      return outcome satisfies never;
  }
}

export type Outcomes = [
  Holds<Same<ChargeOutcome, Charged | Queued | Unknown | Declined | Failed>>,
  Holds<Same<SettledOutcome, Charged | Declined | Failed | Unknown>>,
  Holds<
    Same<
      OpenReason,
      "offline" | "unreachable" | "timeout" | "busy" | "server_error" | "unauthorized"
    >
  >,
  Holds<Same<Queued["reason"], OpenReason>>,
  Holds<Same<Unknown["reason"], OpenReason | "retries_exhausted" | "key_expired">>,
  Holds<Same<Declined["reason"], "insufficient_balance" | "rejected">>,
  Holds<Same<Declined["balance"], number | null>>,
  Holds<
    Same<
      Failed["reason"],
      | "invalid_request"
      | "conflict"
      | "forbidden"
      | "offline_spend_denied"
      | "retries_exhausted"
      | "queue_full"
      | "storage_unavailable"
      | "cancelled"
    >
  >,
];

export function taskInWords(outcome: TaskOutcome<number>): string {
  switch (outcome.task) {
    case "completed":
      return outcome.value.toFixed() + inWords(outcome.billing);
    case "failed":
      return String(outcome.error satisfies unknown) + String(outcome.billing satisfies null);
    case "not_started":
      return inWords(outcome.billing satisfies Declined | Failed);
    default:
      return outcome satisfies never;
  }
}

// ---------------------------------------------------------------- state

export type State = [
  Holds<
    Same<
      Balance,
      {
        confirmed: number;
        held: number;
        available: number;
        version: number;
        asOf: number;
        stale: boolean;
      }
    >
  >,
  Holds<Same<BillingStatus, "pending" | "retrying" | "success" | "failed" | "unknown">>,
  Holds<
    Same<
      ChargeRecord,
      {
        key: string;
        taskId: string;
        feature: string;
        amount: number;
        metadata: Record<string, string>;
        status: BillingStatus;
        attempts: number;
        createdAt: number;
        updatedAt: number;
        nextAttemptAt: number | null;
        outcome: ChargeOutcome | null;
      }
    >
  >,
  Holds<
    Same<
      BillingSnapshot,
      {
        account: string;
        balance: Balance | null;
        network: "online" | "offline" | "unreachable";
        storage: "indexeddb" | "localstorage" | "memory";
        /** Beyond the contract. */
        persisted?: boolean | null;
        queue: {
          pending: number;
          retrying: number;
          failed: number;
          unknown: number;
          heldPoints: number;
        };
        flush: { done: number; total: number } | null;
        /** Beyond the contract. */
        alerts?: Alert[];
        stats: BillingStats;
      }
    >
  >,
  Holds<
    Same<
      BillingStats,
      {
        enqueued: number;
        charged: number;
        declined: number;
        failed: number;
        unknown: number;
        open: number;
        attempts: number;
        successRate: number | null;
        latencyMs: { p50: number; p95: number; p99: number } | null;
      }
    >
  >,
  Holds<
    Same<
      FlushReport,
      {
        charged: number;
        declined: number;
        failed: number;
        unknown: number;
        remaining: number;
        stopped: OpenReason | "another_tab" | null;
      }
    >
  >,
  Holds<
    Same<
      BillingEvents,
      {
        charge: ChargeRecord;
        balance: Balance;
        network: "online" | "offline" | "unreachable";
        flush: { done: number; total: number } | FlushReport;
        alert: Alert;
      }
    >
  >,
  Holds<
    Same<
      Alert["kind"],
      | "success_rate_low"
      | "network_lost"
      | "network_restored"
      | "balance_low"
      | "queue_nearly_full"
      | "storage_degraded"
      | "record_quarantined"
      | "unauthorized"
    >
  >,
];

// ---------------------------------------------------------------- the client

export async function everyCall(signal: AbortSignal): Promise<void> {
  const client: BillingClient = await openBilling(everyOption);
  const request: ChargeRequest = {
    taskId: "task-7",
    amount: 12,
    feature: "cloud_trans",
    key: "cloud_trans:task-7",
    metadata: { lang: "zh" },
  };
  const options: ChargeOptions = { signal };

  inWords(await client.charge(request));
  inWords(await client.charge({ taskId: "8", amount: 1, feature: "asr" }, options));
  taskInWords(await client.runTask(request, async () => 7));
  const fewer = async ({ setAmount }: { setAmount(points: number): void }) => {
    setAmount(2);
    return 7;
  };
  taskInWords(await client.runTask<number>(request, fewer));
  const settled: SettledOutcome = await client.settled(request.taskId, { signal });
  inWords(settled);

  const report: FlushReport = await client.flush();
  console.log(report.remaining, report.stopped);
  inWords(await client.retry("key"));
  inWords(await client.cancel("key"));

  const cached: Balance | null = client.balance();
  const result: BalanceResult = await client.refreshBalance({ maxAgeMs: 1_000 });
  if (result.status === "fresh") {
    console.log(result.balance.available, cached?.stale);
  } else {
    result.reason satisfies OpenReason | "forbidden" | "rejected";
    console.log(result.detail, result.cached?.asOf);
  }
  await client.refreshBalance();

  const record: ChargeRecord | null = await client.getCharge("key");
  const records: ChargeRecord[] = await client.charges({ status: ["pending"], limit: 10 });
  await client.charges({ status: "unknown" });
  await client.charges();
  console.log(record?.outcome?.status, records[0]?.metadata.lang);

  const snapshot: BillingSnapshot = client.getSnapshot();
  console.log(snapshot.stats.latencyMs?.p99, snapshot.flush?.done, snapshot.queue.heldPoints);
  const unsubscribe: () => void = client.subscribe(() => undefined);
  unsubscribe();
  client.on("charge", (charge) => charge.nextAttemptAt?.toFixed());
  client.on("balance", (balance) => balance.version);
  client.on("network", (network) => network satisfies "online" | "offline" | "unreachable");
  client.on("flush", (flush) => ("total" in flush ? flush.done : flush.remaining));
  const off: () => void = client.on("alert", ({ kind, detail, at }) =>
    console.log(kind, detail, at),
  );
  off();

  client.setLocale("zh-CN");
  client.setLocale("en");
  const open: ChargeRecord[] = await client.signOut();
  console.log(open.length);
  await client.close();
}

export async function mistakes(): Promise<string> {
  try {
    const client = await openBilling(fewestOptions);
    return String(client instanceof BillingClient);
  } catch (error) {
    if (!(error instanceof BillingError)) throw error;
    switch (error.code) {
      case "invalid_argument":
      case "not_found":
      case "closed":
      case "module_load_failed":
        return error.message;
      default:
        return error.code satisfies never;
    }
  }
}

// @ts-expect-error: an account is needed
export const withoutAccount: BillingOptions = { baseUrl: "/billing/v1" };
// @ts-expect-error: an amount is a number
export const withBigInt: ChargeRequest = { taskId: "1", amount: 1n, feature: "f" };
export const withNumber: ChargeRequest["metadata"] = {
  // @ts-expect-error: metadata maps strings to strings
  pages: 1,
};
