/** What a client shows: balance, records, figures and events. */

import type { ChargeOutcome, OpenReason } from "./charging.js";

/** An account's points: what the server has confirmed, less what is held of it. */
export interface Balance {
  /** The last balance that the server confirmed. */
  confirmed: number;
  /**
   * Points of open charges and running tasks, those of other tabs too; and where the server keeps holds,
   * those of other devices' tasks.
   */
  held: number;
  /** confirmed - held, never below 0. */
  available: number;
  /** The server's version of `confirmed`; it never goes back. */
  version: number;
  /** When the server last said so. */
  asOf: number;
  /** Older than `staleAfterMs`. */
  stale: boolean;
}

/**
 * What `refreshBalance` learnt. `unavailable`: nothing new, and `cached` is what was known before.
 */
export type BalanceResult =
  | { status: "fresh"; balance: Balance }
  | {
      status: "unavailable";
      reason: OpenReason | "forbidden" | "rejected";
      detail: string;
      cached: Balance | null;
    };

/**
 * Where a charge stands in storage. `pending`: not attempted yet. `retrying`: attempted, no verdict
 * yet, more attempts follow. `success`: charged. `failed`: declined, refused or cancelled, nothing
 * taken. `unknown`: parked without a verdict.
 */
export type BillingStatus = "pending" | "retrying" | "success" | "failed" | "unknown";

/** A charge as it is in storage. */
export interface ChargeRecord {
  key: string;
  taskId: string;
  feature: string;
  amount: number;
  metadata: Record<string, string>;
  status: BillingStatus;
  /** HTTP attempts so far. */
  attempts: number;
  /** When it was asked for. */
  createdAt: number;
  /** When it last changed. */
  updatedAt: number;
  /** When the next attempt is due, for an open charge. */
  nextAttemptAt: number | null;
  /** The latest outcome; null until the first attempt has ended. */
  outcome: ChargeOutcome | null;
}

/** A stored charge that did not pass its check, as it was found. */
export interface QuarantinedRecord {
  /** The key under which it was stored. */
  key: string;
  /** What is wrong with it. */
  detail: string;
  /** When that was found; 0 where it was not noted. */
  foundAt: number;
  /** What was stored: JSON where the storage keeps objects, else the text itself. */
  stored: string;
}

/** All that a client shows, at one moment. */
export interface BillingSnapshot {
  account: string;
  /** Null until the server has said it once. */
  balance: Balance | null;
  /** `offline`: the browser says so. `unreachable`: the billing server does not answer. */
  network: "online" | "offline" | "unreachable";
  /** Where the queue lives; only `indexeddb` survives a crash of the browser. */
  storage: "indexeddb" | "localstorage" | "memory";
  /**
   * Whether the browser has promised not to evict the queue when the device runs out of room
   * (`navigator.storage.persist()`). It is asked once, when a charge is first kept; null before.
   */
  persisted?: boolean | null;
  /**
   * Charges by their status, charged ones apart, and the points of open charges and running tasks of
   * this browser.
   */
  queue: { pending: number; retrying: number; failed: number; unknown: number; heldPoints: number };
  /** Progress of the flush that is running, in this tab or another. */
  flush: { done: number; total: number } | null;
  /** The alerts whose cause goes on, oldest first: each is here from its `alert` event to its end. */
  alerts?: Alert[];
  stats: BillingStats;
}

/** Counts and figures of one client, in this tab. */
export interface BillingStats {
  /**
   * Counts since the client was opened, or its module was started again after it had died. enqueued =
   * charged + declined + failed + unknown + open, always.
   */
  enqueued: number;
  charged: number;
  declined: number;
  failed: number;
  unknown: number;
  open: number;
  /** Charge requests sent, each charge of a batch counted. */
  attempts: number;
  /**
   * charged / (charged + declined + failed + unknown) in the window (`monitor.windowMs`), which has
   * the newest 1,000 ends at most; null where nothing has ended in it. Each end counts: a charge that
   * was declined, or parked as `unknown`, and charged later has ended twice. What is open does not
   * count, that which is `unknown` and `resolving` included.
   */
  successRate: number | null;
  /**
   * From the call, or from the recovery at start-up, to the verdict, of those charged in the window;
   * null without samples.
   */
  latencyMs: { p50: number; p95: number; p99: number } | null;
}

/** What a flush came to: how many charges it saw end, and how. */
export interface FlushReport {
  charged: number;
  declined: number;
  failed: number;
  unknown: number;
  /** Charges still open. */
  remaining: number;
  /** Why the flush stopped early, if it did. */
  stopped: OpenReason | "another_tab" | null;
}

/** The events of `on`, and what their listeners are given. */
export interface BillingEvents {
  /** A charge's record changed, in this tab or another. */
  charge: ChargeRecord;
  /** Any of its figures changed, or it turned stale. */
  balance: Balance;
  network: BillingSnapshot["network"];
  /** Progress, and the report at the end. */
  flush: NonNullable<BillingSnapshot["flush"]> | FlushReport;
  alert: Alert;
}

/** Something that an operator wants to know: told once, and again only after it was over. */
export interface Alert {
  /**
   * - `success_rate_low`: see `monitor`.
   * - `network_lost`, `network_restored`: the billing server can't be reached, or its answer is not
   *   one (`detail` names what is wrong with it); it can again.
   * - `balance_low`: see `lowWatermark`.
   * - `queue_nearly_full`: nine tenths of `maxEntries` are open; until no more than half are.
   * - `storage_degraded`: the queue is not in IndexedDB, could not be written or read, or lacks charges
   *   that were accepted: then `detail` says how many, and names the first. Trouble with writing or
   *   reading is over once there has been none for 15 s.
   * - `record_quarantined`: a stored charge is damaged and was set aside.
   * - `unauthorized`: the server does not accept the token, somebody else is signed in, or there
   *   is no token to be had.
   */
  kind:
    | "success_rate_low"
    | "network_lost"
    | "network_restored"
    | "balance_low"
    | "queue_nearly_full"
    | "storage_degraded"
    | "record_quarantined"
    | "unauthorized";
  /** For people, in the client's locale. */
  detail: string;
  at: number;
}
