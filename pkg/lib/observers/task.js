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
  /** The run that is shown. @type {object | null} */
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
    const run = {};
    const show = (/** @type {TaskState<T>} */ state) => {
      if (this.#shown === run) {
        this.set(state);
        this.#follow();
      }
    };
    this.#shown = run;
    show({ status: "running", request, progress: null });
    const setProgress = (/** @type {number} */ progress) => {
      if (this.get().status === "running") {
        show({ status: "running", request, progress });
      }
    };
    try {
      const outcome = await this.#shared.run((client) =>
        client.runTask(request, ({ setAmount }) => work(request, { setAmount, setProgress })),
      );
      show(shownAs(outcome));
      return outcome;
    } catch (error) {
      show({ status: "failed", error, billing: null });
      throw error;
    }
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
    const charge = new ChargeObserver(this.#shared, billing.key);
    this.#unfollow = charge.subscribe(() => {
      const { record } = charge.get();
      // What was answered is later than what storage still has from an earlier attempt.
      if (record?.outcome && record.outcome.attempts >= billing.attempts) {
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
