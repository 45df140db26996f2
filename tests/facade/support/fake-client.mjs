import { SharedClient } from "../../../pkg/lib/observers/shared-client.js";

/** @import { ChargeRecord, ChargeRequest } from "../../../pkg/index.js" */

/** A client that tells what a test has it tell. */
export class FakeClient {
  /** As storage has them. @type {any[]} */
  records = [];
  /** Why nothing can be read. @type {Error | null} */
  trouble = null;
  /** What a charge, or that of a task, is answered. @type {any} */
  answer = null;

  #snapshot = { queue: {}, balance: {} };
  /** @type {Set<() => void>} */
  #subscribers = new Set();
  /** @type {Set<(record: any) => void>} */
  #listeners = new Set();

  /** As the observers have it. */
  get shared() {
    return new SharedClient(/** @type {any} */ (this));
  }

  get listeners() {
    return this.#subscribers.size + this.#listeners.size;
  }

  getSnapshot = () => this.#snapshot;

  subscribe(/** @type {() => void} */ listener) {
    this.#subscribers.add(listener);
    return () => void this.#subscribers.delete(listener);
  }

  on(/** @type {string} */ _type, /** @type {(record: any) => void} */ listener) {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** A snapshot that differs in nothing that observers look at. */
  showAnew() {
    this.#snapshot = { ...this.#snapshot };
    for (const subscriber of [...this.#subscribers]) {
      subscriber();
    }
  }

  tell(/** @type {any} */ record) {
    this.records = [record, ...this.records.filter(({ key }) => key !== record.key)];
    for (const listener of [...this.#listeners]) {
      listener(record);
    }
  }

  async charges() {
    if (this.trouble) {
      throw this.trouble;
    }
    return this.records;
  }

  /** @param {string} wanted */
  async getCharge(wanted) {
    const all = await this.charges();
    return all.find(({ key }) => key === wanted) ?? null;
  }

  async charge() {
    return this.answer;
  }

  /**
   * @param {ChargeRequest} _request
   * @param {(task: any) => Promise<any>} work
   */
  async runTask(_request, work) {
    const value = await work({ setAmount: () => {} });
    return { task: "completed", value, billing: this.answer };
  }
}

/**
 * A record of the charge `k`, whose latest outcome is this one.
 *
 * @param {ChargeRecord["status"]} status
 * @param {{ status: string, reason?: string, attempts: number }} outcome
 * @param {number} [updatedAt]
 */
export function record(status, outcome, updatedAt = Date.now()) {
  const { attempts } = outcome;
  return {
    key: "k",
    status,
    attempts,
    updatedAt,
    metadata: { page: "1" },
    outcome: { key: "k", ...outcome },
  };
}
