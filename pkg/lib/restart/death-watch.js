// @ts-check

import { died, isDeath } from "./instance.js";

/**
 * @typedef {object} Death
 * @property {string} detail what happened, for people
 * @property {boolean} goesOn whether what was asked for is asked for again by itself
 */

/** Instead of an answer. */
export const DIED = Symbol("died");

/** Who of a client's calls hears of a death of the module. */
export class Mourners {
  #checkMs;
  /** @type {Set<(death: Death) => void>} */
  #all = new Set();

  /** @param {number} checkMs how often it is made sure that a core with open calls is alive */
  constructor(checkMs) {
    this.#checkMs = checkMs;
  }

  /** @param {(death: Death) => void} mourner */
  add(mourner) {
    this.#all.add(mourner);
  }

  /** @param {(death: Death) => void} mourner */
  remove(mourner) {
    this.#all.delete(mourner);
  }

  /** @param {Death} death */
  tell(death) {
    for (const mourner of [...this.#all]) {
      mourner(death);
    }
  }

  /**
   * What the work comes to, or DIED at a death; on abort it rejects.
   *
   * @template T
   * @param {() => T | Promise<T>} work
   * @param {() => void} check the core is looked after meanwhile: it could die without a word
   * @param {AbortSignal} [signal]
   * @returns {Promise<T | typeof DIED>}
   */
  orDeath(work, check, signal) {
    return new Promise((resolve, reject) => {
      const timer = setInterval(check, this.#checkMs);
      const end = () => {
        clearInterval(timer);
        this.#all.delete(dead);
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
        // What a dead one throws is heard of as its death.
        if (this.#all.has(dead) && isDeath(error)) {
          died(error);
        }
        end();
        reject(error);
      };
      this.#all.add(dead);
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
}
