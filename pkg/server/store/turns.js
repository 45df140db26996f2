// @ts-check

/**
 * A store of accounts: whoever has a turn is alone with it, so that a look-up sees every charge that
 * was begun before it, and a batch as a whole.
 *
 * @typedef {object} Store
 * @property {<T>(work: (turn: Turn) => T | Promise<T>) => Promise<T>} turn
 *   waits for a turn, and rejects with StoreUnavailable where it does not come in time
 * @property {() => Store} request this store for one request: its turns have one time limit
 *   together, which begins now
 * @property {() => Promise<void>} close waits for the turn under way
 */

/**
 * @typedef {object} Turn
 * @property {<T>(work: (book: Book) => T) => Promise<T>} change
 *   does the work in one transaction: it is all there, or nothing of it
 * @property {<T>(work: (book: Book) => T) => T} read
 */

/** @import { Book } from "../ledger.js" */

/** Busy or broken before the commit: certainly nothing was changed. */
export class StoreUnavailable extends Error {}

/** The commit itself failed: the change may have been made or not. */
export class StoreUncertain extends Error {}

/** One after the other, in the order in which they ask. */
export class Turns {
  /** @type {Promise<unknown>} */
  #last = Promise.resolve();

  /**
   * @template T
   * @param {() => T | Promise<T>} work
   * @returns {Promise<T>}
   */
  take(work) {
    const taken = this.#last.then(work);
    this.#last = taken.catch(() => {});
    return taken;
  }
}
