import { after, afterEach, before } from "node:test";
import { freshAccount } from "./accounts.mjs";
import { BareSite } from "./bare.mjs";
import { DEADLINE_MS, launch } from "./browser.mjs";
import { DemoPage } from "./demo.mjs";
import { BillingServer } from "./server.mjs";

/**
 * Short delays, so that a test sees several attempts.
 *
 * @satisfies {NonNullable<import("tollbox").BillingOptions["retry"]>}
 */
export const QUICK = {
  baseDelayMs: 20,
  maxDelayMs: 200,
  requestTimeoutMs: 1_500,
  respondWithinMs: 2_000,
  // The default would be used up at this pace before a slow machine ends the fault.
  maxTotalAttempts: 1_000,
};

/** Long limits on top of those, for tests in which no charge may time out. */
export const PATIENT = { respondWithinMs: 60_000 };

/**
 * Options with which no call times out.
 *
 * @template {{ retry?: import("tollbox").BillingOptions["retry"] }} Options
 * @param {Options} options
 * @param {import("tollbox").BillingOptions["retry"]} [retry] what else is to differ
 */
export function patient(options, retry = {}) {
  return { ...options, retry: { ...options.retry, ...PATIENT, ...retry } };
}

/**
 * The fixtures of a file of tests: one browser, one server, one static site with the package. Each
 * test gets its own browser context, and so its own storage.
 */
export class Stage {
  /** @type {import("playwright-core").Browser} */
  browser = /** @type {never} */ (undefined);
  /** @type {BillingServer} */
  server = /** @type {never} */ (undefined);
  /** @type {BareSite} */
  site = /** @type {never} */ (undefined);
  /** @type {import("playwright-core").BrowserContext[]} */
  #contexts = [];

  /**
   * Sets the stage up before the tests of the calling file and clears it after them.
   *
   * @param {{ launching?: () => Promise<import("playwright-core").Browser>, folder?: string }} set
   *   how the browser is launched, and the package's folder, where not the ordinary ones
   */
  constructor({ launching = launch, folder } = {}) {
    before(async () => {
      // One by one, so that `after` ends those started before a failure.
      this.browser = await launching();
      this.server = await BillingServer.start();
      this.site = await BareSite.start({ folder });
    });
    afterEach(async () => {
      await Promise.all(this.#contexts.splice(0).map((context) => context.close()));
      await this.server.repair();
    });
    after(async () => {
      await Promise.all([this.browser?.close(), this.server?.stop(), this.site?.stop()]);
    });
  }

  /** @param {import("playwright-core").BrowserContextOptions} options */
  async context(options = { locale: "en-GB" }) {
    const context = await this.browser.newContext(options);
    context.setDefaultTimeout(DEADLINE_MS);
    this.#contexts.push(context);
    return context;
  }

  /**
   * A page of the demo, not signed in yet.
   *
   * @param {string} [locale] the browser's language
   */
  async demo(locale = "en-GB") {
    const context = await this.context({ locale });
    return new DemoPage(await context.newPage(), this.server.url);
  }

  /**
   * A page that imported the package without a bundler, and the options for a client there.
   *
   * @param {string} [purpose] begins the account's name
   */
  async bare(purpose) {
    const context = await this.context();
    const page = await context.newPage();
    await this.site.visit(page);
    const account = freshAccount(purpose);
    return { context, page, account, options: await this.options(account) };
  }

  /**
   * Options of a client of `account`, which signs in for it.
   *
   * @param {string} account
   */
  async options(account) {
    const token = await this.server.token(account);
    return { baseUrl: this.server.billing, account, token, retry: { ...QUICK } };
  }
}
