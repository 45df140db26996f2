import assert from "node:assert/strict";
import { after, afterEach, before } from "node:test";
import { freshAccount } from "../../browser/support/accounts.mjs";
import { DEADLINE_MS, launch } from "../../browser/support/browser.mjs";
import { BillingServer } from "../../browser/support/server.mjs";
import { StaticSite } from "./static-site.mjs";

const REQUEST = { taskId: "film", amount: 3, feature: "cloud_trans" };

/** What a file of packaging tests needs: a browser, the reference server, and sites with pages. */
export class Scene {
  /** @type {import("playwright-core").Browser} */
  browser = /** @type {never} */ (undefined);
  /** @type {BillingServer} */
  server = /** @type {never} */ (undefined);
  /** @type {(() => Promise<unknown>)[]} */
  #ends = [];

  /** @param {() => Promise<import("playwright-core").Browser>} launching */
  constructor(launching = launch) {
    before(async () => {
      this.browser = await launching();
      this.server = await BillingServer.start();
    });
    afterEach(async () => {
      for (const end of this.#ends.splice(0).reverse()) await end();
    });
    after(() => Promise.all([this.browser?.close(), this.server?.stop()]));
  }

  /**
   * A site with this folder's files, until the test ends.
   *
   * @param {import("./static-site.mjs").Set} set
   */
  async site(set) {
    const site = await StaticSite.start(set);
    this.atEnd(() => site.stop());
    return site;
  }

  /** Calls `end` when the test has ended. @param {() => Promise<unknown>} end */
  atEnd(end) {
    this.#ends.push(end);
  }

  /** A browser context, until the test ends. */
  async context() {
    const context = await this.browser.newContext();
    this.atEnd(() => context.close());
    context.setDefaultTimeout(DEADLINE_MS);
    return context;
  }

  /**
   * A page that is ready to charge.
   *
   * @param {string} url
   * @param {string} [script] run in it before its own
   */
  async page(url, script) {
    const context = await this.context();
    if (script) await context.addInitScript(script);
    const page = await context.newPage();
    /** @type {string[]} */
    const errors = [];
    page.on("pageerror", (error) => errors.push(String(error)));
    await page.goto(url);
    const ready = page.waitForFunction(() => typeof globalThis.charge === "function");
    await ready.catch((error) => {
      throw new Error(`the page is not ready: ${error}\n${errors.join("\n")}`);
    });
    return page;
  }

  /** What a client of a new account is opened with, and asked for. */
  async order() {
    const account = freshAccount("packaging");
    const token = await this.server.token(account);
    const retry = { respondWithinMs: 60_000 };
    return { baseUrl: this.server.billing, account, token, retry, request: REQUEST };
  }

  /**
   * Charges in the page, and asks the server whether that is so.
   *
   * @param {import("playwright-core").Page} page
   * @param {object} [more] options
   */
  async charges(page, more = {}) {
    const order = await this.order();
    const outcome = await page.evaluate((order) => globalThis.charge(order), { ...order, ...more });
    assert.equal(outcome.status, "charged", JSON.stringify(outcome));
    assert.equal((await this.server.ledger(order.account)).charges.length, 1);
  }

  /**
   * Charges in a page made of these files, whose module comes from one of them.
   *
   * @param {import("./static-site.mjs").Set} set
   * @param {string} [name] the page's
   */
  async chargesFrom(set, name = "") {
    const site = await this.site(set);
    await this.charges(await this.page(site.url + name));
    assert.deepEqual(
      site.modules.map(({ status }) => status),
      [200],
      "the module is fetched once",
    );
  }

  /**
   * Charges in a page made of these files, which has the module in its script.
   *
   * @param {import("./static-site.mjs").Set} set
   * @param {string} [name] the page's
   */
  async chargesInline(set, name = "") {
    const site = await this.site(set);
    await this.charges(await this.page(site.url + name));
    assert.deepEqual(site.modules, [], "no module is fetched");
  }

  /**
   * The error that `openBilling` rejects with in this page.
   *
   * @param {import("playwright-core").Page} page
   */
  async refusal(page) {
    const order = await this.order();
    return page.evaluate(async (order) => {
      try {
        return JSON.stringify(await globalThis.charge(order));
      } catch (error) {
        const { code, message } = /** @type {import("tollbox").BillingError} */ (error);
        return `${code}: ${message}`;
      }
    }, order);
  }
}
