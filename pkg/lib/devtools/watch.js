// @ts-check

/** @import * as Api from "../../devtools.js" */
/** @import { Alert, BillingClient, BillingSnapshot, ChargeRecord, QuarantinedRecord } from "../../index.js" */

/** Changes kept of one charge, and alerts that are over. */
const KEPT_CHANGES = 50;
const KEPT_ALERTS = 100;
/** Charges shown, the newest. */
const SHOWN_CHARGES = 200;
/** A flush changes many charges, one by one: the list is read no more often than this. */
const READ_EVERY_MS = 200;

/**
 * All that a panel shows of one client, gathered by its public API. What became of a charge before the
 * panel was there is not known.
 */
export class ClientWatch {
  /** @type {BillingSnapshot} */
  snapshot;
  /** Newest first. @type {ChargeRecord[]} */
  charges = [];
  /** @type {Map<string, ChargeRecord[]>} */
  changes = new Map();
  /** Newest first. @type {Alert[]} */
  alerts = [];
  /** @type {QuarantinedRecord[]} */
  quarantined = [];
  /** Why storage can't be read, e.g. of a client that is closed. @type {string | null} */
  trouble = null;

  #changed;
  /** @type {(() => void)[]} */
  #ends;
  #isShown = false;
  #isOver = false;
  #isBusy = false;
  #isDue = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #pause;

  /**
   * @param {BillingClient} client
   * @param {Api.LogSource | null} log
   * @param {() => void} changed
   */
  constructor(client, log, changed) {
    this.client = client;
    this.log = log;
    this.snapshot = client.getSnapshot();
    this.#changed = changed;
    this.#ends = [
      client.subscribe(() => {
        this.snapshot = client.getSnapshot();
        changed();
        void this.#read();
      }),
      client.on("charge", (record) => {
        this.#note(record);
        changed();
        void this.#read();
      }),
      client.on("alert", (alert) => {
        this.alerts = [alert, ...this.alerts].slice(0, KEPT_ALERTS);
        changed();
      }),
    ];
    if (log) {
      this.#ends.push(log.subscribe(changed));
    }
  }

  /** Storage is read only for a panel that is open. */
  set isShown(/** @type {boolean} */ isShown) {
    const isNew = isShown && !this.#isShown;
    this.#isShown = isShown;
    if (isNew) {
      void this.#read();
    }
  }

  end() {
    this.#isOver = true;
    clearTimeout(this.#pause);
    for (const end of this.#ends) {
      end();
    }
  }

  /** All of it, for a report. */
  async export() {
    const { account, ...snapshot } = this.snapshot;
    return {
      exportedAt: new Date().toISOString(),
      page: location.origin + location.pathname,
      browser: navigator.userAgent,
      account,
      snapshot,
      charges: await this.client.charges(),
      quarantined: await this.client.quarantined(),
      changes: Object.fromEntries(this.changes),
      alerts: this.alerts,
      log: this.log?.entries() ?? null,
    };
  }

  /** @param {ChargeRecord} record */
  #note(record) {
    // Shown at once; where a new one belongs, and what was forgotten, the next reading knows.
    this.charges = this.charges.map((other) => (other.key === record.key ? record : other));
    const changes = [...(this.changes.get(record.key) ?? []), record].slice(-KEPT_CHANGES);
    this.changes.delete(record.key);
    this.changes.set(record.key, changes);
    const [oldest] = this.changes.keys();
    if (this.changes.size > SHOWN_CHARGES && oldest !== undefined) {
      this.changes.delete(oldest);
    }
  }

  async #read() {
    if (!this.#isShown) {
      return;
    }
    if (this.#isBusy) {
      this.#isDue = true;
      return;
    }
    this.#isBusy = true;
    this.#isDue = false;
    try {
      this.charges = await this.client.charges({ limit: SHOWN_CHARGES });
      this.quarantined = await this.client.quarantined();
      this.trouble = null;
    } catch (error) {
      this.trouble = error instanceof Error ? error.message : String(error);
    }
    if (this.#isOver) {
      return;
    }
    this.#changed();
    this.#pause = setTimeout(() => {
      this.#isBusy = false;
      if (this.#isDue) {
        void this.#read();
      }
    }, READ_EVERY_MS);
  }
}
