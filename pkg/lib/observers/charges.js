// @ts-check

import { reuseEqual } from "../structural-sharing.js";
import { onChanges } from "./changes.js";
import { Observer } from "./observer.js";

/** @import * as Api from "tollbox" */
/** @import { SharedClient } from "./shared-client.js" */
/** @import { ChargesFilter, ChargesState } from "./states.js" */

/** @type {ChargesState} */
const LOADING = Object.freeze({ status: "loading", charges: [], error: null });

/** A flush changes many charges, one by one: the list is read no more often than this. */
const READ_EVERY_MS = 100;

/**
 * The charges that pass a filter, newest first. A charge that has not changed is the same object.
 *
 * @extends {Observer<ChargesState>}
 */
export class ChargesObserver extends Observer {
  #shared;
  #filter;

  /**
   * @param {SharedClient} shared
   * @param {ChargesFilter} [filter]
   */
  constructor(shared, filter) {
    super(LOADING);
    this.#shared = shared;
    this.#filter = filter;
  }

  /**
   * @protected
   * @override
   */
  start() {
    return this.#shared.attach(
      (client) => this.#follow(client),
      ({ error }) => {
        if (error) {
          this.#fail(error);
        }
      },
    );
  }

  /**
   * Reads the list now and after every change, one reading at a time.
   *
   * @param {Api.BillingClient} client
   */
  #follow(client) {
    let isOver = false;
    let isBusy = false;
    let isDue = false;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    let pause;
    const read = async () => {
      if (isBusy) {
        isDue = true;
        return;
      }
      isBusy = true;
      isDue = false;
      try {
        const charges = await client.charges(this.#filter);
        if (!isOver) {
          this.#take(charges);
        }
      } catch (error) {
        if (!isOver) {
          this.#fail(/** @type {Api.BillingError} */ (error));
        }
      }
      if (!isOver) {
        pause = setTimeout(() => {
          isBusy = false;
          if (isDue) {
            void read();
          }
        }, READ_EVERY_MS);
      }
    };
    const end = onChanges(client, read, () => this.get().status === "unavailable");
    void read();
    return () => {
      isOver = true;
      clearTimeout(pause);
      end();
    };
  }

  /** @param {Api.ChargeRecord[]} next */
  #take(next) {
    const before = this.get();
    const known = new Map(before.charges.map((record) => [record.key, record]));
    const charges = next.map((record) => reuseEqual(known.get(record.key), record));
    const isSame =
      before.status === "ready" &&
      charges.length === before.charges.length &&
      charges.every((record, index) => record === before.charges[index]);
    if (!isSame) {
      this.set({ status: "ready", charges, error: null });
    }
  }

  /** @param {Api.BillingError} error */
  #fail(error) {
    this.set({ status: "unavailable", charges: this.get().charges, error });
  }
}

/**
 * A filter as JSON, which has no Infinity: such a limit is left out.
 *
 * @param {ChargesFilter} [filter]
 */
export function writtenFilter(filter) {
  return JSON.stringify(filter ?? {}, (_name, value) =>
    value === Number.POSITIVE_INFINITY ? undefined : value,
  );
}
