import { setTimeout } from "node:timers/promises";
import { taskId } from "./charge.js";
import { BenchPage } from "./page.mjs";

/** localStorage reaches the browser's own process a little after setItem has returned. */
const SETTLE_MS = 300;

/** Not all that was stored was there after the page was opened anew. */
export class NotSaved extends Error {}

/**
 * How much a run measures.
 *
 * @typedef {object} Plan
 * @property {boolean} isQuick
 * @property {number} rounds
 * @property {number} samples charges, each timed by itself
 * @property {number} idleMs
 */

/** One adapter on a fresh origin with a server of its own, for one scenario. */
export class Scene {
  adapter;
  server;
  context;
  plan;
  #limitMs;

  /**
   * @param {import("./adapters/index.mjs").Adapter} adapter
   * @param {import("./server.mjs").BenchServer} server
   * @param {import("playwright-core").BrowserContext} context
   * @param {Plan} plan
   * @param {number} limitMs of each operation in a page
   */
  constructor(adapter, server, context, plan, limitMs) {
    this.adapter = adapter;
    this.server = server;
    this.context = context;
    this.plan = plan;
    this.#limitMs = limitMs;
  }

  get ledger() {
    return this.server.ledger;
  }

  /** @param {string} query what the page is asked for: see page/driver.js */
  open(query = "") {
    return this.openIn(this.context, query);
  }

  /**
   * @param {import("playwright-core").BrowserContext} context
   * @param {string} query
   */
  openIn(context, query = "") {
    return BenchPage.open(context, `${this.server.url}${query}`, this.#limitMs);
  }

  /**
   * A page that finds the charges [0, count) stored by an earlier one. Its script and module come from
   * the HTTP cache.
   *
   * @param {number} count
   * @param {string} query
   */
  async reopenWith(count, query = "") {
    const page = await this.open(query);
    if (count) await page.fill(0, count);
    await setTimeout(SETTLE_MS);
    await page.close();
    const next = await this.open(query);
    const found = next.started.count;
    if (!this.adapter.hasNoQueue && found !== count) {
      throw new NotSaved(`${found} of ${count} were there`);
    }
    return next;
  }

  /**
   * How many of the charges [0, count) the server does not have.
   *
   * @param {number} count
   */
  unbooked(count) {
    const ids = Array.from({ length: count }, (_, index) => taskId(index));
    return ids.filter((id) => !this.ledger.receipts.has(id)).length;
  }

  /**
   * What has become of the charges [0, count): opens the queue again and sends what is left in it.
   *
   * @param {number} count
   */
  async fate(count) {
    const page = await this.open();
    const left = page.started.count;
    if (left) await page.flush().catch(() => {});
    const { requests, duplicates } = this.ledger;
    return { left, requests, duplicates, lost: this.unbooked(count) };
  }
}
