// @ts-check

import { timerMs } from "./waiting.js";

/**
 * A Web Lock that is held or waited for.
 *
 * @typedef {object} Hold
 * @property {Promise<boolean>} granted whether it was granted; never rejects
 * @property {() => void} letGo lets go of it, or stops waiting for it
 */

/** The Web Locks of one core. They are held on this side, so that they can outlive its death. */
export class Locks {
  /** Every hold, with the end of its request. @type {Map<Hold, Promise<void>>} */
  #holds = new Map();

  /**
   * Where there are no Web Locks, or none for this page, everything is granted: claims and keys give
   * correctness.
   *
   * @param {string} name
   * @param {number} patienceMs
   * @returns {Hold}
   */
  lock(name, patienceMs) {
    const { locks } = navigator;
    if (!locks) {
      return { granted: Promise.resolve(true), letGo() {} };
    }
    const waiting = new AbortController();
    const timer = setTimeout(() => waiting.abort(), timerMs(patienceMs));
    /** @type {() => void} */
    let release = () => {};
    /** @type {Promise<void>} */
    const held = new Promise((resolve) => {
      release = resolve;
    });
    /** @type {(granted: boolean) => void} */
    let answer = () => {};
    /** @type {Promise<boolean>} */
    const granted = new Promise((resolve) => {
      answer = resolve;
    });
    const hold = {
      granted,
      letGo() {
        waiting.abort();
        release();
      },
    };
    const request = async () => {
      try {
        await locks.request(name, { signal: waiting.signal }, () => {
          clearTimeout(timer);
          answer(true);
          return held;
        });
      } catch {
        // The wait was ended, or the browser refuses locks to this page, as to a sandboxed one.
        answer(!waiting.signal.aborted);
      }
      clearTimeout(timer);
      this.#holds.delete(hold);
    };
    this.#holds.set(hold, request());
    return hold;
  }

  /** Lets go of all, and resolves when others can have them. */
  async letGo() {
    const ends = [...this.#holds.values()];
    for (const hold of this.#holds.keys()) {
      hold.letGo();
    }
    await Promise.all(ends);
  }
}
