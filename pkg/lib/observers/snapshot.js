// @ts-check

import { Observer } from "./observer.js";

/** @import * as Api from "tollbox" */
/** @import { SharedClient } from "./shared-client.js" */

/**
 * What a client shows, or a part of it; null while there is none.
 *
 * @template T
 * @extends {Observer<T | null>}
 */
export class SnapshotObserver extends Observer {
  #shared;
  #select;
  #before;

  /**
   * @param {SharedClient} shared
   * @param {(snapshot: Api.BillingSnapshot) => T} select a part of it: what has not changed is the same
   *   object
   * @param {() => T | null} before what to show until a client is open
   */
  constructor(shared, select, before = () => null) {
    super(null);
    this.#shared = shared;
    this.#select = select;
    this.#before = before;
  }

  /** @override */
  get = () => {
    const { client } = this.#shared.get();
    return client ? this.#select(client.getSnapshot()) : this.#before();
  };

  /**
   * @protected
   * @override
   */
  start() {
    let last = this.get();
    const look = () => {
      const next = this.get();
      if (next !== last) {
        last = next;
        this.tell();
      }
    };
    return this.#shared.attach((client) => client.subscribe(look), look);
  }
}

/**
 * The balance: the cached one until the client is open.
 *
 * @param {SharedClient} shared
 */
export function observeBalance(shared) {
  return new SnapshotObserver(
    shared,
    (snapshot) => snapshot.balance,
    () => shared.cached(),
  );
}

/** @param {SharedClient} shared */
export function observeSnapshot(shared) {
  return new SnapshotObserver(shared, (snapshot) => snapshot);
}
