import { PilotedSite } from "../../tests/all-browsers/support/pilot.mjs";
import { missTheServer, openClient, settle } from "../../tests/all-browsers/support/steps.mjs";
import { freshAccount } from "../../tests/browser/support/accounts.mjs";
import { BillingServer } from "../../tests/browser/support/server.mjs";
import { QUICK } from "../../tests/browser/support/stage.mjs";

/** @typedef {import("tollbox").ChargeRequest} ChargeRequest */

/** Points that an account starts with: more than all entries cost. */
const SEED_BALANCE = 1_000;

/** One kill of a browser, after the same entries were written by Tollbox and by localStorage. */
export class Trial {
  #entries;
  #server;
  /** Two origins: the browser writes each one's localStorage to disk by itself. */
  #plain;
  #ours;

  /**
   * @param {ChargeRequest[]} entries
   * @param {BillingServer} server
   * @param {PilotedSite} plain
   * @param {PilotedSite} ours
   */
  constructor(entries, server, plain, ours) {
    this.#entries = entries;
    this.#server = server;
    this.#plain = plain;
    this.#ours = ours;
  }

  /** @param {ChargeRequest[]} entries of one point each */
  static async prepare(entries) {
    const server = await BillingServer.start("--seed-balance", String(SEED_BALANCE));
    return new Trial(entries, server, await PilotedSite.start(), await PilotedSite.start());
  }

  async clear() {
    await Promise.all([this.#server.stop(), this.#plain.stop(), this.#ours.stop()]);
  }

  /**
   * @param {import("../../tests/all-browsers/support/tab.mjs").Browser} browser with a fresh profile
   * @param {number} delayMs from the last write to the kill
   */
  async run(browser, delayMs) {
    const account = freshAccount();
    const options = {
      baseUrl: this.#server.billing,
      account,
      token: await this.#server.token(account),
      queue: { offlineSpend: /** @type {const} */ ("unlimited") },
      retry: { ...QUICK },
    };
    await this.#server.kill();
    try {
      const before = await this.#open(browser);
      await before.ours.evaluate(openClient, options);
      await before.ours.evaluate(missTheServer);
      // localStorage last, as it is the faster one: the delay counts from the last write of either.
      const keys = await before.ours.evaluate(chargeDurably, this.#entries);
      await before.plain.evaluate(writePlainly, this.#entries);
      await new Promise((resolve) => setTimeout(resolve, delayMs));
      await browser.kill();

      const after = await this.#open(browser);
      await after.ours.evaluate(openClient, options);
      const local = await after.plain.evaluate(countPlainly, this.#entries);
      const kept = await after.ours.evaluate(keptOf, keys);
      await this.#server.start();
      await after.ours.evaluate(settle, kept);
      const { balance, charges } = await this.#server.ledger(account);
      const made = new Set(charges.map((charge) => charge.idempotency_key));
      const twice = SEED_BALANCE - balance - made.size;
      const extra = charges.reduce((sum, charge) => sum + charge.requests - 1, 0);
      const once = keys.filter((key) => made.has(key)).length - twice;
      return { local, ours: kept.length, once, twice, extra };
    } finally {
      if (!this.#server.isRunning) await this.#server.start();
      await browser.remove();
    }
  }

  /** @param {import("../../tests/all-browsers/support/tab.mjs").Browser} browser */
  async #open(browser) {
    const [plain, ours] = await browser.open(this.#plain, this.#ours);
    if (!plain || !ours) throw new Error("a page is missing");
    return { plain, ours };
  }
}

/** @param {ChargeRequest[]} entries */
function writePlainly(entries) {
  for (const entry of entries) localStorage.setItem(entry.taskId, JSON.stringify(entry));
}

/** @param {ChargeRequest[]} entries */
function countPlainly(entries) {
  return entries.filter((entry) => localStorage.getItem(entry.taskId) === JSON.stringify(entry))
    .length;
}

/**
 * Charges, and gives the keys of the charges answered `queued` with `durable: true`.
 *
 * @param {ChargeRequest[]} entries
 */
async function chargeDurably(entries) {
  const outcomes = await Promise.all(entries.map((entry) => globalThis.client.charge(entry)));
  const wrong = outcomes.find((outcome) => outcome.status !== "queued" || !outcome.durable);
  if (wrong) throw new Error(`not queued durably: ${JSON.stringify(wrong)}`);
  return outcomes.map((outcome) => outcome.key);
}

/**
 * The keys of those charges that the client knows as open.
 *
 * @param {string[]} keys
 */
async function keptOf(keys) {
  const status = /** @type {const} */ (["pending", "retrying", "unknown"]);
  const records = await globalThis.client.charges({ status: [...status], limit: 1_000 });
  return records.map((record) => record.key).filter((key) => keys.includes(key));
}
