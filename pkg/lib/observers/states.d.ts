/** What `tollbox/react`, `tollbox/vue` and `tollbox/svelte` show. */

import type {
  BillingClient,
  BillingError,
  BillingStatus,
  Charged,
  ChargeOptions,
  ChargeOutcome,
  ChargeRecord,
  ChargeRequest,
  Declined,
  Failed,
  Queued,
  TaskOutcome,
  Unknown,
} from "../../index.js";

/**
 * The client. It opens when the first component needs it, and closes when none does any more. Where it
 * can't be opened (`failed`), that is tried again by itself, in growing pauses of up to a minute, but
 * for options that are wrong (`invalid_argument`).
 */
export type BillingState =
  | { status: "opening"; client: null; error: null }
  | { status: "open"; client: BillingClient; error: null }
  | { status: "failed"; client: null; error: BillingError };

/** What can be done with a charge. */
export type ChargeAct = "charge" | "retry" | "cancel";

/**
 * One charge.
 *
 * - `loading`: the client is opening, or storage is being read.
 * - `absent`: there is no charge of this key. `outcome` says why, where one was asked for and not taken
 *   on.
 * - `unavailable`: the client can't be opened or read; `error` says why.
 * - Any other: where the charge of this key stands in storage. Where that is not the one that was asked
 *   for, `outcome` is `failed` with the reason `conflict`.
 */
export type ChargeState = (
  | { status: "loading" | "absent"; record: null; outcome: ChargeOutcome | null; error: null }
  | { status: "unavailable"; record: null; outcome: ChargeOutcome | null; error: BillingError }
  | { status: BillingStatus; record: ChargeRecord; outcome: ChargeOutcome | null; error: null }
) & {
  /** What this component has asked for and was not answered yet: for a button that waits. */
  acting: ChargeAct | null;
};

/** They wait for a client that is still opening, and reject where it can't be opened. */
export interface ChargeActs {
  /**
   * As `client.charge`, with the key of this charge. A `signal` that aborts while the client is opening
   * ends the wait once it is open: before that there is no charge to tell of.
   *
   * @example
   * ```tsx
   * import { useCharge } from "tollbox/react";
   *
   * export function Pay({ taskId }: { taskId: string }) {
   *   const { charge } = useCharge(`cloud_trans:${taskId}`);
   *   const pay = async () => {
   *     const outcome = await charge({ taskId, amount: 12, feature: "cloud_trans" });
   *     show(outcome.status); // → charged
   *   };
   *   return <button onClick={pay}>Pay</button>;
   * }
   * ```
   */
  charge(request: Omit<ChargeRequest, "key">, options?: ChargeOptions): Promise<ChargeOutcome>;
  /**
   * As `client.retry`.
   *
   * @example
   * ```tsx
   * import { useCharge } from "tollbox/react";
   *
   * export function Retry({ chargeKey }: { chargeKey: string }) {
   *   const { status, retry } = useCharge(chargeKey);
   *   return status === "unknown" ? <button onClick={retry}>Was it paid?</button> : null;
   * }
   * ```
   */
  retry(): Promise<ChargeOutcome>;
  /**
   * As `client.cancel`.
   *
   * @example
   * ```tsx
   * import { useCharge } from "tollbox/react";
   *
   * export function Cancel({ chargeKey }: { chargeKey: string }) {
   *   const { status, acting, cancel } = useCharge(chargeKey);
   *   if (status !== "pending" && status !== "retrying") return null;
   *   return (
   *     <button onClick={cancel} disabled={acting !== null}>
   *       Give it up
   *     </button>
   *   );
   * }
   * ```
   */
  cancel(): Promise<ChargeOutcome>;
}

/** As for `client.charges`. */
export interface ChargesFilter {
  status?: BillingStatus | BillingStatus[];
  /** At most so many. */
  limit?: number;
}

/**
 * A list of charges, newest first; one that has not changed is the same object. `unavailable`: the
 * client can't be opened or read, and `charges` are the last that were.
 */
export type ChargesState =
  | { status: "loading"; charges: readonly ChargeRecord[]; error: null }
  | { status: "ready"; charges: readonly ChargeRecord[]; error: null }
  | { status: "unavailable"; charges: readonly ChargeRecord[]; error: BillingError };

/** What the work of a task is given. */
export interface TaskContext {
  /**
   * As for `client.runTask`: charges fewer points than are held.
   *
   * @example
   * ```tsx
   * import { useTask } from "tollbox/react";
   *
   * export function Translate({ id, text }: { id: string; text: string }) {
   *   const task = useTask(async (_request, { setAmount }) => {
   *     setAmount(Math.ceil(text.length / 4));
   *     return translate(text);
   *   });
   *   const start = () => task.run({ taskId: id, amount: 12, feature: "cloud_trans" });
   *   if (task.status === "paid") show(`${task.billing.amount} points`); // → 3 points
   *   return <button onClick={start}>Translate</button>;
   * }
   * ```
   */
  setAmount(points: number): void;
  /**
   * Shows how far the work has come, in any measure, e.g. 0 to 1.
   *
   * @example
   * ```tsx
   * import { useTask } from "tollbox/react";
   *
   * export function Translate({ id, text }: { id: string; text: string }) {
   *   const task = useTask(async (_request, { setProgress }) => {
   *     const translated: string[] = [];
   *     for (const line of text.split("\n")) {
   *       translated.push(await translate(line));
   *       setProgress(translated.length / text.split("\n").length);
   *     }
   *     return translated.join("\n");
   *   });
   *   const start = () => task.run({ taskId: id, amount: 12, feature: "cloud_trans" });
   *   if (task.status === "running") return <progress value={task.progress ?? undefined} />;
   *   return <button onClick={start}>Translate</button>;
   * }
   * ```
   */
  setProgress(progress: number): void;
}

/** The work of a task; what it resolves with is the value. Where it rejects, nothing is charged. */
export type Work<T> = (request: ChargeRequest, task: TaskContext) => Promise<T>;

/**
 * A task and its billing.
 *
 * - `running`: its points are held, and the work goes on.
 * - `paid`: the work is done and charged.
 * - `open`: the work is done, and its charge not settled yet. It turns to `paid` or `unpaid` by itself.
 *   Where it is `unknown` and no longer `resolving`, a retry finds out.
 * - `unpaid`: the work is done, and nothing was taken. A retry may turn it to `paid`.
 * - `failed`: the work, or the call, has failed with `error`; nothing was charged.
 * - `refused`: the work was not begun, for want of points for instance; nothing was taken.
 */
export type TaskState<T> =
  | { status: "idle" }
  | { status: "running"; request: ChargeRequest; progress: number | null }
  | { status: "paid"; value: T; billing: Charged }
  | { status: "open"; value: T; billing: Queued | Unknown }
  | { status: "unpaid"; value: T; billing: Declined | Failed }
  | { status: "failed"; error: unknown; billing: null }
  | { status: "refused"; billing: Declined | Failed };

/** What can be done with a task. */
export interface TaskActs<T> {
  /**
   * As `client.runTask`, which holds the points, runs the work and charges. The client stays open until
   * it is done, whatever unmounts meanwhile. Rejects for a caller's mistake, and where the client
   * can't be opened.
   *
   * @example
   * ```tsx
   * import { useTask } from "tollbox/react";
   *
   * export function Translate({ id, text }: { id: string; text: string }) {
   *   const { run } = useTask(() => translate(text));
   *   const start = async () => {
   *     const outcome = await run({ taskId: id, amount: 12, feature: "cloud_trans" });
   *     show(outcome.task); // → completed
   *   };
   *   return <button onClick={start}>Translate</button>;
   * }
   * ```
   */
  run(request: ChargeRequest): Promise<TaskOutcome<T>>;
  /**
   * Shows `idle` again. Work that runs goes on, and is charged.
   *
   * @example
   * ```tsx
   * import { useTask } from "tollbox/react";
   *
   * export function Translate({ id, text }: { id: string; text: string }) {
   *   const task = useTask(() => translate(text));
   *   const start = () => task.run({ taskId: id, amount: 12, feature: "cloud_trans" });
   *   return task.status === "idle" ? (
   *     <button onClick={start}>Translate</button>
   *   ) : (
   *     <button onClick={task.reset}>Another one</button>
   *   );
   * }
   * ```
   */
  reset(): void;
}
