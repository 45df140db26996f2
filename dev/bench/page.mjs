import { ProfiledBrowser } from "../../tests/browser/support/profile.mjs";

/** @typedef {import("playwright-core").BrowserContext} BrowserContext */

/** @typedef {{ count: number, readyMs: number, moduleMs: number }} Started */

/** The time limit of one operation. */
export class TooSlow extends Error {
  /** @param {number} ms */
  constructor(ms) {
    super(`over ${ms / 1_000} s`);
  }
}

/** A page with an adapter that has started; its driver is page/driver.js. */
export class BenchPage {
  #page;
  #limitMs;
  /** @type {Started} */
  started = { count: 0, readyMs: 0, moduleMs: 0 };

  /**
   * @param {import("playwright-core").Page} page
   * @param {number} limitMs of each operation
   */
  constructor(page, limitMs) {
    this.#page = page;
    this.#limitMs = limitMs;
  }

  /**
   * @param {BrowserContext} context
   * @param {string} url
   * @param {number} limitMs
   */
  static async open(context, url, limitMs) {
    const page = await context.newPage();
    const opened = new BenchPage(page, limitMs);
    await page.goto(url);
    await page.waitForFunction(() => "bench" in globalThis, null, { timeout: limitMs });
    opened.started = await within(
      page.evaluate(() => /** @type {any} */ (globalThis).bench.started),
      limitMs,
    );
    return opened;
  }

  /** Reads all that is stored; gives the ms. @returns {Promise<number>} */
  load() {
    return this.#call("load");
  }

  /** Reads all that is stored, and holds on to it. */
  async keep() {
    await this.#call("keep");
  }

  /** The longest task since the page started, in ms; 0 for one below 50. @returns {Promise<number>} */
  longestTask() {
    return this.#call("longestTask");
  }

  /** @returns {Promise<number>} */
  count() {
    return this.#call("count");
  }

  /**
   * Stores charges as fast as the adapter can.
   *
   * @param {number} from
   * @param {number} count
   */
  async fill(from, count) {
    await this.#call("fill", from, count);
  }

  /**
   * Stores charges one by one; gives the ms of each.
   *
   * @param {number} from
   * @param {number} count
   * @returns {Promise<number[]>}
   */
  enqueue(from, count) {
    return this.#call("enqueue", from, count);
  }

  /**
   * Stores charges at once; gives the ms.
   *
   * @param {number} from
   * @param {number} count
   * @returns {Promise<number>}
   */
  burst(from, count) {
    return this.#call("burst", from, count);
  }

  /** The network is back: sends all that is stored; gives the ms. @returns {Promise<number>} */
  flush() {
    return this.#call("flush");
  }

  /**
   * Charges online one by one; gives the ms of each.
   *
   * @param {number} from
   * @param {number} count
   * @returns {Promise<number[]>}
   */
  charge(from, count) {
    return this.#call("charge", from, count);
  }

  /**
   * @param {number} calls
   * @returns {Promise<{ balanceNs: number, snapshotNs: number, crossings: number }>}
   */
  reads(calls) {
    return this.#call("reads", calls);
  }

  /**
   * @returns {Promise<{ found: number | null, sinceStartMs: number, firstUs: number, eachUs: number }>}
   */
  painted() {
    return this.#call("painted");
  }

  /** @returns {Promise<number>} */
  wasmBytes() {
    return this.#call("wasmBytes");
  }

  /**
   * @template R
   * @param {() => R} script runs in the page
   */
  evaluate(script) {
    return this.#page.evaluate(script);
  }

  /** A session of the browser's debugging protocol with this page. */
  session() {
    return this.#page.context().newCDPSession(this.#page);
  }

  async close() {
    await this.#page.close();
  }

  /** Ends the page's process as a crash would. */
  async crash() {
    const session = await this.session();
    const crashed = this.#page.waitForEvent("crash");
    session.send("Page.crash").catch(() => {});
    await crashed;
    await this.#page.close();
  }

  /**
   * @param {string} name of the driver's method
   * @param {unknown[]} parameters
   * @returns {Promise<any>}
   */
  #call(name, ...parameters) {
    const answer = this.#page.evaluate(
      ([name, parameters]) => /** @type {any} */ (globalThis).bench[name](...parameters),
      /** @type {[string, any[]]} */ ([name, parameters]),
    );
    return within(answer, this.#limitMs);
  }
}

/**
 * A browser context whose storage is on disk, as a user's is. Playwright's other contexts are private
 * windows, whose storage is in memory.
 */
export class DiskContext {
  #browser = new ProfiledBrowser();

  async start() {
    const page = await this.#browser.start();
    return page.context();
  }

  /** Kills the browser; its storage stays. */
  async kill() {
    await this.#browser.kill();
  }

  async remove() {
    await this.#browser.remove();
  }
}

/**
 * @template T
 * @param {Promise<T>} answer
 * @param {number} ms
 * @returns {Promise<T>}
 */
async function within(answer, ms) {
  /** @type {NodeJS.Timeout | undefined} */
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new TooSlow(ms)), ms);
  });
  try {
    return await Promise.race([answer, /** @type {Promise<never>} */ (late)]);
  } finally {
    clearTimeout(timer);
  }
}
