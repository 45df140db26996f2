/**
 * tollbox/vue: composables for Vue 3. On a server, and while a page is hydrated, they show what is there
 * before a client is open.
 */

import type { MaybeRefOrGetter, ShallowRef } from "vue";
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

export interface Billing {
  readonly state: Readonly<ShallowRef<BillingState>>;
  /** Tries at once to open again, where that has failed. */
  retry(): void;
}

/**
 * Gives this component and those below it one client: it is opened with options, and closed when the
 * component unmounts; or it is one that is open already, and stays open. Where a ref or getter comes to
 * another `account`, `baseUrl` or `namespace`, another client opens. `getToken`, `transport`, `log` and
 * `locale` are always the latest; the rest of the options counts at the opening.
 */
export function provideBilling(source: MaybeRefOrGetter<BillingOptions | BillingClient>): Billing;

/**
 * The client of the nearest component that calls `provideBilling`. So for all composables: without one
 * they throw.
 */
export function useBilling(): Billing;

/** What the client shows: network, queue, alerts, statistics. Null until it is open. */
export function useSnapshot(): Readonly<ShallowRef<BillingSnapshot | null>>;

/**
 * The balance. Before the client is open it is the cached one; null where none is known, on a server,
 * and until the component is mounted.
 */
export function useBalance(): Readonly<ShallowRef<Balance | null>>;

export interface Charge extends ChargeActs {
  readonly state: Readonly<ShallowRef<ChargeState>>;
}

/** One charge, by its key, and what can be done with it. */
export function useCharge(key: MaybeRefOrGetter<string>): Charge;

/** The charges that pass the filter, newest first. */
export function useCharges(
  filter?: MaybeRefOrGetter<ChargesFilter | undefined>,
): Readonly<ShallowRef<ChargesState>>;

export interface Task<T> extends TaskActs<T> {
  readonly state: Readonly<ShallowRef<TaskState<T>>>;
}

/** Runs tasks, one at a time as far as this shows it, and follows each until it is paid. */
export function useTask<T>(work: Work<T>): Task<T>;
