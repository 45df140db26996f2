// @ts-check

import { ChargeObserver } from "./charge.js";
import { isConflict } from "./conflict.js";
import { Observer } from "./observer.js";

/** @import * as Api from "tollbox" */
/** @import { SharedClient } from "./shared-client.js" */
/** @import { TaskState, Work } from "./states.js" */

/** @type {{ status: "idle" }} */
const IDLE = Object.freeze({ status: "idle" });

/**
 * One task at a time: how its work goes on, and then its billing, until it is paid. A task that began
 * goes on when nobody listens any more.
 *
 * @template T
 * @extends {Observer<TaskState<T>>}
 */
export class TaskObserver extends Observer {
  #shared;
  /** The run that is shown. @type {{ sinceMs: number } | null} */
  #shown = null;
  #unfollow = () => {};

  /** @param {SharedClient} shared */
  constructor(shared) {
    super(/** @type {TaskState<T>} */ (IDLE));
    this.#shared = shared;
  }

  /**
   * @param {Api.ChargeRequest} request
   * @param {Work<T>} work
   * @returns {Promise<Api.TaskOutcome<T>>}
   */
  run = async (request, work) => {
    const run = { sinceMs: Date.now() };
    const show = (/** @type {TaskState<T>} */ state) => {
      if (this.#shown === run) {
        this.set(state);
        this.#follow();
      }
    };
    this.#shown = run;
    show({ status: "running", request, progress: null });
    let isOver = false;
    const setProgress = (/** @type {number} */ progress) => {
      const state = this.get();
      // A later run of the same task has joined this work.
      if (!isOver && state.status === "running" && isSameTask(state.request, request)) {
        this.set({ ...state, progress });
      }
    };
    /** @type {Api.TaskOutcome<T>} */
    let outcome;
    try {
      outcome = await this.#shared.run((client) =>
        client.runTask(request, ({ setAmount }) => work(request, { setAmount, setProgress })),
      );
    } catch (error) {
      show({ status: "failed", error, billing: null });
      throw error;
    } finally {
      isOver = true;
    }
    show(shownAs(outcome));
    return outcome;
  };

  /** Shows no task. One that runs goes on. */
  reset = () => {
    this.#shown = null;
    this.set(/** @type {TaskState<T>} */ (IDLE));
    this.#follow();
  };

  /**
   * @protected
   * @override
   */
  start() {
    this.#follow();
    return () => this.#unfollow();
  }

  /** Listens for what becomes of a charge that has not been paid yet. */
  #follow() {
    this.#unfollow();
    this.#unfollow = () => {};
    const state = this.get();
    if (!this.isWatched || (state.status !== "open" && state.status !== "unpaid")) {
      return;
    }
    const { value, billing } = state;
    if (isConflict(billing)) {
      // What is stored under this key is another charge.
      return;
    }
    const since = this.#shown?.sinceMs ?? 0;
    const charge = new ChargeObserver(this.#shared, billing.key);
    /** @type {Api.ChargeRecord | null} */
    let last = null;
    this.#unfollow = charge.subscribe(() => {
      const { record } = charge.get();
      const isNews = last !== null && record !== last;
      last = record;
      // Storage may still have the outcome of an earlier run. Attempts do not tell the two apart: one that
      // was not sent after all is taken back.
      if (record?.outcome && (isNews || record.updatedAt >= since)) {
        const next = completed(value, record.outcome);
        const isNew = JSON.stringify(next.billing) !== JSON.stringify(billing);
        if (isNew) {
          this.set(next);
          this.#follow();
        }
      }
    });
  }
}

/**
 * @param {Api.ChargeRequest | undefined} one perhaps a caller's mistake
 * @param {Api.ChargeRequest} other
 */
function isSameTask(one, other) {
  const names = /** @type {const} */ (["key", "taskId", "feature", "amount"]);
  return names.every((name) => one?.[name] === other[name]);
}

/**
 * @template T
 * @param {Api.TaskOutcome<T>} outcome
 * @returns {TaskState<T>}
 */
function shownAs(outcome) {
  switch (outcome.task) {
    case "completed":
      return completed(outcome.value, outcome.billing);
    case "failed":
      return { status: "failed", error: outcome.error, billing: null };
    case "not_started":
      return { status: "refused", billing: outcome.billing };
  }
}

/**
 * @template T
 * @param {T} value
 * @param {Api.ChargeOutcome} billing
 * @returns {Extract<TaskState<T>, { value: T }>}
 */
function completed(value, billing) {
  switch (billing.status) {
    case "charged":
      return { status: "paid", value, billing };
    case "queued":
    case "unknown":
      return { status: "open", value, billing };
    case "declined":
    case "failed":
      return { status: "unpaid", value, billing };
  }
}
