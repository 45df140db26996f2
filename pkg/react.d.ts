/**
 * tollbox/react: hooks for React 18 and 19. They work in StrictMode, and on a server, where they render
 * what is there before a client is open.
 */

import type { ReactElement, ReactNode } from "react";
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

export type BillingProviderProps = {
  children?: ReactNode;
} & (
  | {
      /**
       * What the client is opened with. Another `account`, `baseUrl` or `namespace` opens another client.
       * `getToken`, `transport`, `log` and `locale` are always the latest; the rest counts at the
       * opening.
       */
      options: BillingOptions;
      client?: undefined;
    }
  | {
      /** A client that is open already. It stays open. */
      client: BillingClient;
      options?: undefined;
    }
);

/** Gives the components below it one client, open for as long as this is mounted. */
export function BillingProvider(props: BillingProviderProps): ReactElement;

export type Billing = BillingState & {
  /** Tries at once to open again, where that has failed. */
  retry(): void;
};

/** The client of the nearest BillingProvider. So for all hooks: without one they throw. */
export function useBilling(): Billing;

/** What the client shows: network, queue, alerts, statistics. Null until it is open. */
export function useSnapshot(): BillingSnapshot | null;

/**
 * The balance. Before the client is open it is the cached one; null where none is known, on a server,
 * and while a page is hydrated.
 */
export function useBalance(): Balance | null;

/** One charge, by its key, and what can be done with it. */
export function useCharge(key: string): ChargeState & ChargeActs;

/** The charges that pass the filter, newest first. */
export function useCharges(filter?: ChargesFilter): ChargesState;

/**
 * Runs tasks, one at a time as far as this shows it, and follows each until it is paid. `work` is that
 * of the latest render.
 */
export function useTask<T>(work: Work<T>): TaskState<T> & TaskActs<T>;
