/**
 * tollbox/react: hooks for React 18 and 19. They work in StrictMode, and on a server, where they render
 * what is there before a client is open.
 *
 * @module tollbox/react
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

/** Options to open a client with, or a client that is open. */
export type BillingProviderProps = {
  children?: ReactNode;
} & (
  | {
      /**
       * What the client is opened with. Another `account`, `baseUrl` or `namespace` opens another client.
       * `getToken`, `transport`, `log` and `locale` are always the latest; where `getToken` or `transport`
       * comes later, the client opens anew. The rest counts at the opening, and so does whether `log` is a
       * function.
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

/**
 * Gives the components below it one client, open for as long as this is mounted.
 *
 * @example
 * ```tsx
 * import { BillingProvider, useBalance } from "tollbox/react";
 *
 * function Points() {
 *   return <p>{useBalance()?.available ?? "…"} points</p>;
 * }
 *
 * export function Shop({ account }: { account: string }) {
 *   return (
 *     <BillingProvider options={{ baseUrl: "/billing/v1", account, getToken }}>
 *       <Points />
 *     </BillingProvider>
 *   );
 * }
 * ```
 */
export function BillingProvider(props: BillingProviderProps): ReactElement;

/** The client, whether it opens, is open, or can't be opened. */
export type Billing = BillingState & {
  /**
   * Tries at once to open again, where that has failed.
   *
   * @example
   * ```tsx
   * import { useBilling } from "tollbox/react";
   *
   * export function Reopen() {
   *   const { status, retry } = useBilling();
   *   return status === "failed" ? <button onClick={retry}>Try again</button> : null;
   * }
   * ```
   */
  retry(): void;
};

/**
 * The client of the nearest BillingProvider. So for all hooks: without one they throw.
 *
 * @example
 * ```tsx
 * import { useBilling } from "tollbox/react";
 *
 * export function SignOut() {
 *   const billing = useBilling();
 *   switch (billing.status) {
 *     case "opening":
 *       return <p>One moment …</p>;
 *     case "failed":
 *       return <p>{billing.error.message}</p>;
 *     case "open":
 *       return <button onClick={() => billing.client.signOut()}>Sign out</button>;
 *   }
 * }
 * ```
 */
export function useBilling(): Billing;

/**
 * What the client shows: network, queue, alerts, statistics. Null until it is open.
 *
 * @example
 * ```tsx
 * import { useSnapshot } from "tollbox/react";
 *
 * export function Network() {
 *   const snapshot = useSnapshot();
 *   if (!snapshot || snapshot.network === "online") return null;
 *   return <p>{snapshot.queue.pending + snapshot.queue.retrying} charges wait for the network.</p>;
 * }
 * ```
 */
export function useSnapshot(): BillingSnapshot | null;

/**
 * The balance. Before the client is open it is the cached one; null where none is known, on a server,
 * and while a page is hydrated.
 *
 * @example
 * ```tsx
 * import { useBalance } from "tollbox/react";
 *
 * export function Points() {
 *   const balance = useBalance();
 *   return <p aria-busy={balance?.stale ?? true}>{balance?.available ?? "…"} points</p>;
 * }
 * ```
 */
export function useBalance(): Balance | null;

/**
 * One charge, by its key, and what can be done with it.
 *
 * @example
 * ```tsx
 * import { useCharge } from "tollbox/react";
 *
 * export function Pay({ taskId }: { taskId: string }) {
 *   const charge = useCharge(`cloud_trans:${taskId}`);
 *   const pay = () => charge.charge({ taskId, amount: 12, feature: "cloud_trans" });
 *   switch (charge.status) {
 *     case "loading":
 *       return <p>…</p>;
 *     case "absent":
 *       return (
 *         <button onClick={pay} disabled={charge.acting !== null}>
 *           Pay
 *         </button>
 *       );
 *     case "success":
 *       return <p>Paid.</p>;
 *     case "pending":
 *     case "retrying":
 *       return <p>Not paid yet: it will be, by itself.</p>;
 *     case "unknown":
 *     case "failed":
 *       return <button onClick={charge.retry}>Try again</button>;
 *     case "unavailable":
 *       return <p>{charge.error.message}</p>;
 *   }
 * }
 * ```
 */
export function useCharge(key: string): ChargeState & ChargeActs;

/**
 * The charges that pass the filter, newest first.
 *
 * @example
 * ```tsx
 * import { useCharges } from "tollbox/react";
 *
 * export function Latest() {
 *   const { charges } = useCharges({ limit: 10 });
 *   return (
 *     <ul>
 *       {charges.map(({ key, amount, status }) => (
 *         <li key={key}>
 *           {amount} points: {status}
 *         </li>
 *       ))}
 *     </ul>
 *   );
 * }
 * ```
 */
export function useCharges(filter?: ChargesFilter): ChargesState;

/**
 * Runs tasks, one at a time as far as this shows it, and follows each until it is paid. `work` is that
 * of the latest render.
 *
 * @example
 * ```tsx
 * import { useTask } from "tollbox/react";
 *
 * export function Translate({ id, text }: { id: string; text: string }) {
 *   const task = useTask(() => translate(text));
 *   switch (task.status) {
 *     case "idle":
 *       return (
 *         <button onClick={() => task.run({ taskId: id, amount: 12, feature: "cloud_trans" })}>
 *           Translate
 *         </button>
 *       );
 *     case "running":
 *       return <progress value={task.progress ?? undefined} />;
 *     case "paid":
 *       return <p>{task.value}</p>;
 *     case "open":
 *       return <p>{task.value} (not paid yet)</p>;
 *     case "unpaid":
 *     case "refused":
 *       return <p>{task.billing.detail}</p>;
 *     case "failed":
 *       return <p>No translation, and nothing was taken.</p>;
 *   }
 * }
 * ```
 */
export function useTask<T>(work: Work<T>): TaskState<T> & TaskActs<T>;
