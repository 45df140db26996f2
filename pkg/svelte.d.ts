/**
 * tollbox/svelte: stores for Svelte 4 and 5, and for whatever else knows the store contract. On a
 * server they show what is there before a client is open.
 */

import type { Balance, BillingClient, BillingOptions, BillingSnapshot } from "./index.js";
import type {
  BillingState,
  ChargeActs,
  ChargeState,
  ChargesFilter,
  ChargesState,
  TaskActs,
  TaskState,
  Work,
} from "./lib/observers/states.js";

export type * from "./lib/observers/states.js";

/** Svelte's contract of a readable store: `run` is called at once, and after every change. */
export interface Readable<T> {
  subscribe(run: (value: T) => void): () => void;
}

/**
 * A client that is open while any of its stores has a subscriber, and while an act is under way. Itself
 * it is the store of the client's state.
 */
export interface Billing extends Readable<BillingState> {
  /** Tries at once to open again, where that has failed. */
  retry(): void;
  /** Takes `getToken`, `transport`, `log` and `locale` from newer options of the same account. */
  update(options: BillingOptions): void;
  /** What the client shows: network, queue, alerts, statistics. Null until it is open. */
  readonly snapshot: Readable<BillingSnapshot | null>;
  /** The balance. Before the client is open it is the cached one; null where none is known. */
  readonly balance: Readable<Balance | null>;
  /** One charge, by its key, and what can be done with it. */
  charge(key: string): Readable<ChargeState> & ChargeActs;
  /** The charges that pass the filter, newest first. */
  charges(filter?: ChargesFilter): Readable<ChargesState>;
  /** Runs tasks, one at a time as far as this shows it, and follows each until it is paid. */
  task<T>(work: Work<T>): Readable<TaskState<T>> & TaskActs<T>;
}

/**
 * The stores of one account. Nothing is opened before the first subscription. A client that is given is
 * used as it is, and stays open.
 */
export function createBilling(source: BillingOptions | BillingClient): Billing;
