// @ts-check

import { callSafely } from "../safe-call.js";

/**
 * A value that changes, and those who listen. It works while anybody listens: the first listener starts
 * it, the last one to leave stops it.
 *
 * @template T
 */
export class Observer {
  #value;
  /** @type {Set<() => void>} */
  #listeners = new Set();
  /** @type {() => void} */
  #stop = () => {};

  /** @param {T} initial the value before the start, and on a server */
  constructor(initial) {
    this.initial = initial;
    this.#value = initial;
  }

  /** Whether anybody listens. */
  get isWatched() {
    return this.#listeners.size > 0;
  }

  /**
   * The value: the same object until something changes.
   *
   * @returns {T}
   */
  get = () => this.#value;

  /** What a server renders, and what hydration has to begin with. */
  getInitial = () => this.initial;

  /**
   * Calls `listener` after every change; the function that is returned ends that.
   *
   * @param {() => void} listener
   * @returns {() => void}
   */
  subscribe = (listener) => {
    // A wrapper of its own: the same function may listen twice.
    const own = () => listener();
    this.#listeners.add(own);
    if (this.#listeners.size === 1) {
      this.#stop = this.start();
    }
    return () => {
      if (this.#listeners.delete(own) && this.#listeners.size === 0) {
        this.#stop();
      }
    };
  };

  /**
   * Begins to work, and gives the function that ends it.
   *
   * @protected
   * @returns {() => void}
   */
  start() {
    return () => {};
  }

  /**
   * @protected
   * @param {T} value
   */
  set(value) {
    if (value !== this.#value) {
      this.#value = value;
      this.tell();
    }
  }

  /** @protected */
  tell() {
    for (const listener of [...this.#listeners]) {
      // A listener that was called before it may have ended it.
      if (this.#listeners.has(listener)) {
        callSafely(listener);
      }
    }
  }
}
