/**
 * tollbox/svelte: stores for Svelte 4 and 5, and for whatever else knows the store contract. On a
 * server they show what is there before a client is open.
 *
 * @module tollbox/svelte
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
  /**
   * The function that is returned ends the subscription. What `run` throws after a change is reported as
   * an uncaught error, and harms nobody else.
   *
   * @example
   * ```ts
   * import { createBilling } from "tollbox/svelte";
   *
   * const billing = createBilling({ baseUrl: "/billing/v1", account: "alice", getToken });
   * const stop = billing.balance.subscribe((balance) => {
   *   if (balance) show(`${balance.available} points`); // → 120 points
   * });
   * addEventListener("pagehide", stop);
   * ```
   */
  subscribe(run: (value: T) => void): () => void;
}

/**
 * A client that is open while any of its stores has a subscriber, and while an act is under way. Itself
 * it is the store of the client's state.
 */
export interface Billing extends Readable<BillingState> {
  /**
   * Tries at once to open again, where that has failed.
   *
   * @example
   * ```svelte
   * <script lang="ts">
   *   import type { Billing } from "tollbox/svelte";
   *
   *   const { billing }: { billing: Billing } = $props();
   * </script>
   *
   * {#if $billing.status === "failed"}
   *   <button onclick={() => billing.retry()}>Try again</button>
   * {/if}
   * ```
   */
  retry(): void;
  /**
   * Takes `getToken`, `transport`, `log` and `locale` from newer options of the same account. Where
   * `getToken` or `transport` comes later, the client opens anew.
   *
   * @example
   * ```ts
   * import { createBilling } from "tollbox/svelte";
   *
   * const billing = createBilling({ baseUrl: "/billing/v1", account: "alice", getToken });
   * billing.update({ baseUrl: "/billing/v1", account: "alice", getToken, locale: "zh-CN" });
   * ```
   */
  update(options: BillingOptions): void;
  /** What the client shows: network, queue, alerts, statistics. Null until it is open. */
  readonly snapshot: Readable<BillingSnapshot | null>;
  /** The balance. Before the client is open it is the cached one; null where none is known. */
  readonly balance: Readable<Balance | null>;
  /**
   * One charge, by its key, and what can be done with it.
   *
   * @example
   * ```svelte
   * <script lang="ts">
   *   import type { Billing } from "tollbox/svelte";
   *
   *   const { billing, taskId }: { billing: Billing; taskId: string } = $props();
   *   const charge = $derived(billing.charge(`cloud_trans:${taskId}`));
   *   const pay = () => charge.charge({ taskId, amount: 12, feature: "cloud_trans" });
   * </script>
   *
   * {#if $charge.status === "loading"}
   *   <p>…</p>
   * {:else if $charge.status === "absent"}
   *   <button disabled={$charge.acting !== null} onclick={pay}>Pay</button>
   * {:else if $charge.status === "success"}
   *   <p>Paid.</p>
   * {:else if $charge.status === "unavailable"}
   *   <p>{$charge.error.message}</p>
   * {:else if $charge.status === "unknown" || $charge.status === "failed"}
   *   <button onclick={() => charge.retry()}>Try again</button>
   * {:else}
   *   <p>Not paid yet: it will be, by itself.</p>
   * {/if}
   * ```
   */
  charge(key: string): Readable<ChargeState> & ChargeActs;
  /**
   * The charges that pass the filter, newest first.
   *
   * @example
   * ```svelte
   * <script lang="ts">
   *   import type { Billing } from "tollbox/svelte";
   *
   *   const { billing }: { billing: Billing } = $props();
   *   const latest = $derived(billing.charges({ limit: 10 }));
   * </script>
   *
   * <ul>
   *   {#each $latest.charges as { key, amount, status } (key)}
   *     <li>{amount} points: {status}</li>
   *   {/each}
   * </ul>
   * ```
   */
  charges(filter?: ChargesFilter): Readable<ChargesState>;
  /**
   * Runs tasks, one at a time as far as this shows it, and follows each until it is paid.
   *
   * @example
   * ```svelte
   * <script lang="ts">
   *   import type { Billing } from "tollbox/svelte";
   *
   *   type Translate = (text: string) => Promise<string>;
   *   const props: { billing: Billing; id: string; text: string; translate: Translate } = $props();
   *   const task = $derived(props.billing.task(() => props.translate(props.text)));
   *   const start = () => task.run({ taskId: props.id, amount: 12, feature: "cloud_trans" });
   * </script>
   *
   * {#if $task.status === "idle"}
   *   <button onclick={start}>Translate</button>
   * {:else if $task.status === "running"}
   *   <progress value={$task.progress ?? undefined}></progress>
   * {:else if $task.status === "paid"}
   *   <p>{$task.value}</p>
   * {:else if $task.status === "open"}
   *   <p>{$task.value} (not paid yet)</p>
   * {:else if $task.status === "failed"}
   *   <p>No translation, and nothing was taken.</p>
   * {:else}
   *   <p>{$task.billing.detail}</p>
   * {/if}
   * ```
   */
  task<T>(work: Work<T>): Readable<TaskState<T>> & TaskActs<T>;
}

/**
 * The stores of one account. Nothing is opened before the first subscription. A client that is given is
 * used as it is, and stays open.
 *
 * @example
 * ```svelte
 * <script lang="ts">
 *   import { createBilling } from "tollbox/svelte";
 *
 *   const { account, getToken }: { account: string; getToken: () => Promise<string> } = $props();
 *   const billing = $derived(createBilling({ baseUrl: "/billing/v1", account, getToken }));
 *   const balance = $derived(billing.balance);
 * </script>
 *
 * <p>{$balance?.available ?? "…"} points</p>
 * ```
 */
export function createBilling(source: BillingOptions | BillingClient): Billing;
