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
 * Svelte's hydration puts right what differs from the server's rendering, so that what is cached may be
 * there at once.
 *
 * @template T
 * @param {Observer<T>} observer
 * @returns {Api.Readable<T>}
 */
function readable(observer) {
  return {
    subscribe(run) {
      if (typeof window === "undefined") {
        run(observer.initial);
        return () => {};
      }
      let last = observer.get();
      run(last);
      return observer.subscribe(() => {
        const next = observer.get();
        if (next !== last) {
          last = next;
          run(next);
        }
      });
    },
  };
}
