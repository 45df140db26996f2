import { after, afterEach, before } from "node:test";
import { freshAccount } from "../../browser/support/accounts.mjs";
import { BillingServer } from "../../browser/support/server.mjs";
import { QUICK } from "../../browser/support/stage.mjs";
import { until } from "../../browser/support/until.mjs";
import { PilotedSite } from "./pilot.mjs";
import { PATIENCE_MS } from "./tab.mjs";

/** Enough points for every charge of a file's tests. */
const SEED_BALANCE = 1_000_000;

/** One server and one static site for the tests of a file, and common queries to both. */
export class Scene {
  /** @type {BillingServer} */
  server = /** @type {never} */ (undefined);
  /** @type {PilotedSite} */
  site = /** @type {never} */ (undefined);

  /** Sets the scene before the tests of the calling file and clears it after them. */
  constructor() {
    before(async () => {
      this.server = await BillingServer.start("--seed-balance", String(SEED_BALANCE));
      this.site = await PilotedSite.start();
    });
    afterEach(async () => {
      if (!this.server.isRunning) await this.server.start();
      await this.server.repair();
    });
    after(async () => {
      await Promise.all([this.server?.stop(), this.site?.stop()]);
    });
  }

  /** A new account, and the options for its client. */
  async account() {
    const account = freshAccount();
    const options = {
      baseUrl: this.server.billing,
      account,
      token: await this.server.token(account),
      retry: { ...QUICK },
      queue: { offlineSpend: /** @type {const} */ ("unlimited"), batchSize: 10 },
    };
    return { account, options };
  }

  /**
   * Waits until the ledger has all of these keys, and checks that it has each of them once, nothing
   * else, and the balance that follows.
   *
   * @param {string} account
   * @param {string[]} keys each costs one point
   * @returns {Promise<number>} how many requests came for a key that was charged already
   */
  async chargedOnce(account, keys) {
    const wanted = [...keys].sort();
    const found = async () => {
      const { charges } = await this.server.ledger(account);
      return charges.length >= wanted.length;
    };
    await until(`the charges of ${account}`, found, PATIENCE_MS);
    const { balance, charges } = await this.server.ledger(account);
    const made = charges.map((charge) => charge.idempotency_key).sort();
    if (JSON.stringify(made) !== JSON.stringify(wanted))
      throw new Error(`charged: ${made.join(" ")}; wanted: ${wanted.join(" ")}`);
    if (balance !== SEED_BALANCE - wanted.length)
      throw new Error(`the balance is ${balance} after ${wanted.length} charges of one point`);
    return charges.reduce((extra, charge) => extra + charge.requests - 1, 0);
  }
}
