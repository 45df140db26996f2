// @ts-check

import { orLate, timerMs } from "./waiting.js";

/** A browser that ends a wait at all does so at once. */
const ENDS_WITHIN_MS = 500;

/**
 * A Web Lock that is held or waited for.
 *
 * @typedef {object} Hold
 * @property {Promise<boolean>} granted whether it was granted; never rejects
 * @property {() => void} letGo lets go of it, or stops waiting for it
 * @property {boolean} [isOver] whether it has been let go of
 */

/** The Web Locks of one core. They are held on this side, so that they can outlive its death. */
export class Locks {
  /** Every hold, with the end of its request. @type {Map<Hold, Promise<void>>} */
  #holds = new Map();

  /** The browser has neither granted, refused nor ended a request, and has ended none since. */
  #silent = false;

  /**
   * Where there are no Web Locks, none for this page, or none that answer, everything is granted:
   * claims and keys give correctness.
   *
   * @param {string} name
   * @param {number} patienceMs
   * @param {() => void} [contended] called where somebody else has it, and this one waits
   * @returns {Hold}
   */
  lock(name, patienceMs, contended) {
    // Node.js has no navigator, or one without locks.
    const locks = globalThis.navigator?.locks;
    if (!locks || this.#silent) {
      return { granted: Promise.resolve(true), letGo() {} };
    }
    const waiting = new AbortController();
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
    const goOnWithout = () => {
      this.#silent = true;
      answer(true);
    };
    let timer = setTimeout(() => {
      timer = setTimeout(goOnWithout, ENDS_WITHIN_MS);
      waiting.abort();
    }, timerMs(patienceMs));
    const hold = {
      granted,
      isOver: false,
      letGo() {
        hold.isOver = true;
        clearTimeout(timer);
        waiting.abort();
        answer(false);
        release();
      },
    };
    let isGranted = false;
    const grant = () => {
      isGranted = true;
      clearTimeout(timer);
      this.#silent = false;
      answer(true);
      return held;
    };
    const request = async () => {
      try {
        if (contended) {
          await locks.request(name, { ifAvailable: true }, (lock) => (lock ? grant() : null));
          if (!isGranted) {
            contended();
          }
        }
        if (!isGranted) {
          await locks.request(name, { signal: waiting.signal }, grant);
        }
      } catch {
        // The wait was ended, or the browser refuses locks to this page, as to a sandboxed one.
        answer(!waiting.signal.aborted);
      }
      clearTimeout(timer);
      this.#silent = false;
      this.#holds.delete(hold);
    };
    this.#holds.set(hold, request());
    return hold;
  }

  /** Lets go of all, and resolves when others can have them, or the browser does not say so. */
  async letGo() {
    const ends = [...this.#holds.values()];
    for (const hold of this.#holds.keys()) {
      hold.letGo();
    }
    await orLate(ENDS_WITHIN_MS, Promise.all(ends));
  }
}
