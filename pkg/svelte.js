// @ts-check
/**
 * Svelte stores. The store contract is all that they need of Svelte. An import touches nothing, so that
 * a server may render.
 */

import { ChargeObserver } from "./lib/observers/charge.js";
import { ChargesObserver } from "./lib/observers/charges.js";
import { SharedClient } from "./lib/observers/shared-client.js";
import { observeBalance, observeSnapshot } from "./lib/observers/snapshot.js";
import { TaskObserver } from "./lib/observers/task.js";

/** @import * as Api from "./svelte.js" */
/** @import * as Tollbox from "tollbox" */
/** @import { Observer } from "./lib/observers/observer.js" */

/**
 * @param {Tollbox.BillingOptions | Tollbox.BillingClient} source
 * @returns {Api.Billing}
 */
export function createBilling(source) {
  const shared = new SharedClient(source);
  /**
   * @template T
   * @param {Observer<T>} observer
   * @returns {Api.Readable<T>}
   */
  const readable = (observer) => ({ subscribe: (run) => follow(observer, shared, run) });
  return {
    ...readable(shared),
    retry: shared.retry,
    update: (options) => shared.update(options),
    snapshot: readable(observeSnapshot(shared)),
    balance: readable(observeBalance(shared)),
    charge(key) {
      const observer = new ChargeObserver(shared, key);
      const { charge, retry, cancel } = observer;
      return { ...readable(observer), charge, retry, cancel };
    },
    charges: (filter) => readable(new ChargesObserver(shared, filter)),
    task(work) {
      const observer = new TaskObserver(shared);
      const { run, reset } = observer;
      return { ...readable(observer), run: (request) => run(request, work), reset };
    },
  };
}

/**
 * @template T
 * @param {Observer<T>} observer
 * @param {SharedClient} shared
 * @param {(value: T) => void} run
 * @returns {() => void}
 */
function follow(observer, shared, run) {
  if (typeof window === "undefined") {
    run(observer.initial);
    return () => {};
  }
  let isOver = false;
  /** @type {T} */
  let last;
  const show = (/** @type {T} */ value) => {
    if (!isOver && value !== last) {
      last = value;
      run(value);
    }
  };
  // The first store of a page may be hydrated: that has to find what the server has rendered.
  const mayHydrate = !shared.hasStarted || hydrating.has(shared);
  if (mayHydrate) {
    awaitHydration(shared);
  }
  last = mayHydrate ? observer.initial : observer.get();
  run(last);
  const leave = observer.subscribe(() => {
    if (!hydrating.has(shared)) {
      show(observer.get());
    }
  });
  if (mayHydrate) {
    queueMicrotask(() => show(observer.get()));
  }
  return () => {
    isOver = true;
    leave();
  };
}

/** Clients whose first stores were subscribed to in this very turn. @type {Set<SharedClient>} */
const hydrating = new Set();

/** @param {SharedClient} shared */
function awaitHydration(shared) {
  hydrating.add(shared);
  queueMicrotask(() => hydrating.delete(shared));
}
