// @ts-check

import { died, isDeath } from "./instance.js";

/**
 * @typedef {object} Death
 * @property {string} detail what happened, for people
 * @property {boolean} goesOn whether what was asked for is asked for again by itself
 */

/** Instead of an answer. */
export const DIED = Symbol("died");

/**
 * The watch for the death of one client's core: work that a core was given ends with it. While there
 * is any, the core is looked at again and again, since it could die without a word.
 */
export class DeathWatch {
  #check;
  #checkMs;
  /** @type {Set<(death: Death) => void>} */
  #listeners = new Set();
  /** Works that a core was given and that have not ended. */
  #works = 0;
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #timer;

  /**
   * @param {() => void} check looks at the core in use
   * @param {number} checkMs how often it does, while there is work
   */
  constructor(check, checkMs) {
    this.#check = check;
    this.#checkMs = checkMs;
  }

  /** @param {(death: Death) => void} listener */
  add(listener) {
    this.#listeners.add(listener);
  }

  /** @param {(death: Death) => void} listener */
  remove(listener) {
    this.#listeners.delete(listener);
  }

  /** @param {Death} death */
  tell(death) {
    for (const listener of [...this.#listeners]) {
      listener(death);
    }
  }

  /**
   * What the work comes to, or DIED at a death; on abort it rejects.
   *
   * @template T
   * @param {() => T | Promise<T>} work
   * @param {AbortSignal} [signal]
   * @returns {Promise<T | typeof DIED>}
   */
  orDeath(work, signal) {
    return new Promise((resolve, reject) => {
      const end = () => {
        if (this.#listeners.delete(dead)) {
          this.#workEnds();
        }
        signal?.removeEventListener("abort", aborted);
      };
      const dead = () => {
        end();
        resolve(DIED);
      };
      const aborted = () => {
        end();
        reject(signal?.reason);
      };
      /** @param {unknown} error */
      const failed = (error) => {
        // An error of a dead core is heard of as its death.
        if (this.#listeners.has(dead) && isDeath(error)) {
          died(error);
        }
        end();
        reject(error);
      };
      this.#listeners.add(dead);
      this.#workBegins();
      signal?.addEventListener("abort", aborted);
      try {
        Promise.resolve(work()).then((answer) => {
          end();
          resolve(answer);
        }, failed);
      } catch (error) {
        failed(error);
      }
    });
  }

  #workBegins() {
    this.#works += 1;
    this.#timer ??= setInterval(this.#check, this.#checkMs);
  }

  #workEnds() {
    this.#works -= 1;
    if (this.#works === 0) {
      clearInterval(this.#timer);
      this.#timer = undefined;
    }
  }
}
