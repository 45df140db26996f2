// @ts-check

/** @import * as Api from "../../index.js" */
/** @typedef {import("../../wasm/tollbox.js").Client} Core */

/** The points of running tasks, which a core holds, and after its death the next one. */
export class Holds {
  /** By key. @type {Map<string, Api.ChargeRequest>} */
  #tasks = new Map();

  /**
   * The core in use has let this task's work start.
   *
   * @param {string} key
   * @param {Api.ChargeRequest} request
   */
  keep(key, request) {
    this.#tasks.set(key, request);
  }

  /**
   * @param {string} key
   * @returns {boolean} whether anything was held
   */
  end(key) {
    return this.#tasks.delete(key);
  }

  /** @param {Core} core which follows one that has died */
  renew(core) {
    for (const request of this.#tasks.values()) {
      // A core that dies too is followed by another.
      core.startTask(JSON.stringify(request), true).catch(() => {});
    }
  }
}
