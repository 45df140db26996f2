// @ts-check

import { Locks } from "./locks.js";

/** @import * as Api from "../index.js" */
/** @import { ClientHost, Kind } from "./host.js" */

/**
 * What one core calls, from its opening to its death: after that nothing of it is heard.
 *
 * The snapshots that it shows before it has read the journal are kept back, so that a client whose
 * module died never shows an empty queue in between.
 */
export class Port {
  #host;
  #locks = new Locks();
  #cut = false;
  #ready = false;
  /** @type {Api.BillingSnapshot | null} */
  #kept = null;

  /** @param {ClientHost} host */
  constructor(host) {
    this.#host = host;
  }

  get hasTransport() {
    return this.#host.hasTransport;
  }

  /** @param {boolean} refresh */
  token(refresh) {
    return this.#host.token(refresh);
  }

  /** @param {Api.TransportRequest} request */
  transport(request) {
    return this.#host.transport(request);
  }

  /**
   * @param {Kind} kind
   * @param {any} subject
   */
  notice(kind, subject) {
    if (this.#cut) {
      return;
    }
    if (kind === "snapshot" && !this.#ready) {
      this.#kept = subject;
    } else {
      this.#host.notice(kind, subject);
    }
  }

  /**
   * @param {string} name
   * @param {number} patienceMs
   */
  lock(name, patienceMs) {
    return this.#locks.lock(name, patienceMs);
  }

  /** The journal has been read. */
  ready() {
    this.#ready = true;
    if (this.#kept) {
      this.notice("snapshot", this.#kept);
    }
  }

  /** The core has died. Resolves when others can have its locks. */
  async cut() {
    this.#cut = true;
    await this.#locks.letGo();
  }
}
