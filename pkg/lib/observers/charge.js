// @ts-check

import { reuseEqual } from "../structural-sharing.js";
import { onChanges } from "./changes.js";
import { isConflict } from "./conflict.js";
import { Observer } from "./observer.js";

/** @import * as Api from "tollbox" */
/** @import { SharedClient } from "./shared-client.js" */
/** @import { ChargeAct, ChargeState } from "./states.js" */

/** @type {ChargeState} */
const LOADING = Object.freeze({
  status: "loading",
  record: null,
  outcome: null,
  error: null,
  acting: null,
});

/**
 * One charge, and what can be done with it.
 *
 * @extends {Observer<ChargeState>}
 */
export class ChargeObserver extends Observer {
  #shared;
  #key;
  /** Undefined until storage has been read. @type {Api.ChargeRecord | null | undefined} */
  #record;
  /** What the latest act was answered: a charge that was not taken on has no record. */
  #answer = /** @type {Api.ChargeOutcome | null} */ (null);
  /** @type {Api.BillingError | null} */
  #error = null;
  /** The latest of those under way. @type {{ act: ChargeAct } | null} */
  #acting = null;
  /** How often the record has been told or asked for. */
  #readings = 0;

  /**
   * @param {SharedClient} shared
   * @param {string} key
   */
  constructor(shared, key) {
    super(LOADING);
    this.#shared = shared;
    this.#key = key;
  }

  /**
   * @param {Omit<Api.ChargeRequest, "key">} request
   * @param {Api.ChargeOptions} [options]
   */
  charge = (request, options) =>
    this.#act("charge", (client) => client.charge({ ...request, key: this.#key }, options));

  retry = () => this.#act("retry", (client) => client.retry(this.#key));

  cancel = () => this.#act("cancel", (client) => client.cancel(this.#key));

  /**
   * @protected
   * @override
   */
  start() {
    return this.#shared.attach(
      (client) => {
        const told = (/** @type {Api.ChargeRecord | null} */ record) => {
          if (record === null) {
            this.#read(client);
          } else if (record.key === this.#key) {
            this.#readings += 1;
            // Other listeners have the same object.
            this.#take({ ...record });
          }
        };
        const end = onChanges(client, told, () => this.#error !== null);
        this.#read(client);
        return () => {
          this.#readings += 1;
          end();
        };
      },
      ({ error }) => {
        this.#error = error;
        this.#show();
      },
    );
  }

  /** @param {Api.BillingClient} client */
  async #read(client) {
    this.#readings += 1;
    const reading = this.#readings;
    try {
      const record = await client.getCharge(this.#key);
      if (reading === this.#readings) {
        this.#take(record);
      }
    } catch (error) {
      if (reading === this.#readings) {
        this.#error = /** @type {Api.BillingError} */ (error);
        this.#show();
      }
    }
  }

  /** @param {Api.ChargeRecord | null} record */
  #take(record) {
    this.#error = null;
    this.#record = reuseEqual(this.#record, record);
    this.#show();
  }

  /**
   * @param {ChargeAct} act
   * @param {(client: Api.BillingClient) => Promise<Api.ChargeOutcome>} ask
   */
  async #act(act, ask) {
    const acting = { act };
    this.#acting = acting;
    this.#show();
    try {
      const answer = await this.#shared.run(ask);
      this.#answer = answer;
      return answer;
    } finally {
      if (this.#acting === acting) {
        this.#acting = null;
      }
      this.#show();
    }
  }

  #show() {
    const acting = this.#acting?.act ?? null;
    const record = this.#record;
    const before = this.get();
    /** @type {ChargeState} */
    let next;
    if (record) {
      const answer = this.#answer;
      const outcome = answer && isConflict(answer) ? answer : (record.outcome ?? answer);
      next = { status: record.status, record, outcome, error: null, acting };
    } else if (this.#error) {
      const error = this.#error;
      next = { status: "unavailable", record: null, outcome: this.#answer, error, acting };
    } else {
      const status = record === undefined ? "loading" : "absent";
      next = { status, record: null, outcome: this.#answer, error: null, acting };
    }
    const names = /** @type {(keyof ChargeState)[]} */ (Object.keys(next));
    if (names.some((name) => next[name] !== before[name])) {
      this.set(next);
    }
  }
}
