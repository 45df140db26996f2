import { randomUUID } from "node:crypto";
import { text } from "node:stream/consumers";
import { BareSite } from "../../browser/support/bare.mjs";
import { until } from "../../browser/support/until.mjs";
import { PATIENCE_MS } from "./tab.mjs";

const PAGE = `<!doctype html><html lang="en"><title>piloted</title><script type="module">
import "/bare.js";
const post = (place, body) => fetch(location.pathname + place, { method: "POST", body });
await post("/arrived");
for (;;) {
  const { id, source, argument } = await (await post("/next")).json();
  const report = { id };
  try {
    report.value = await (0, eval)("(" + source + ")")(argument);
  } catch (error) {
    report.error = String(error);
  }
  await post("/report", JSON.stringify(report));
}
</script></html>`;

/**
 * The bare site (bare.mjs), with pages that fetch their scripts from it and report the results. It
 * replaces the driver of a browser that forgets its storage when driven.
 */
export class PilotedSite {
  /** @type {BareSite} */
  #bare = /** @type {never} */ (undefined);
  /** @type {Map<string, PilotedTab>} */
  #tabs = new Map();

  static async start() {
    const site = new PilotedSite();
    site.#bare = await BareSite.start({
      answer: (request, response) => site.#answer(request, response),
    });
    return site;
  }

  /** The page's HTML without the pilot. */
  get url() {
    return this.#bare.url;
  }

  /** A page that runs the scripts given to it, once a browser has opened its address. */
  tab() {
    const place = `/piloted/${randomUUID()}`;
    const tab = new PilotedTab(new URL(place, this.url).href);
    this.#tabs.set(place, tab);
    return tab;
  }

  async stop() {
    await this.#bare.stop();
  }

  /**
   * @param {import("node:http").IncomingMessage} request
   * @param {import("node:http").ServerResponse} response
   */
  async #answer(request, response) {
    const [, place, order] = /^(\/piloted\/[^/]+)\/?(.*)$/.exec(request.url ?? "") ?? [];
    const tab = this.#tabs.get(place ?? "");
    if (!tab) return false;
    if (order === "") response.writeHead(200, { "content-type": "text/html" }).end(PAGE);
    else tab.hear(order ?? "", await text(request), response);
    return true;
  }
}

/** One piloted page. It runs one script at a time. */
export class PilotedTab {
  #arrivals = 0;
  #lastId = 0;
  /** @type {string[]} */
  #orders = [];
  /** @type {import("node:http").ServerResponse | null} */
  #waiting = null;
  /** @type {Map<number, (report: { value?: any, error?: string }) => void>} */
  #reports = new Map();

  /** @param {string} url */
  constructor(url) {
    this.url = url;
  }

  /**
   * Takes a report of the page.
   *
   * @param {string} order
   * @param {string} body
   * @param {import("node:http").ServerResponse} response
   */
  hear(order, body, response) {
    if (order === "next") {
      this.#waiting = response;
      this.#send();
      return;
    }
    response.writeHead(204).end();
    if (order === "arrived") {
      this.#arrivals += 1;
      // A script meant for the previous page is dropped.
      this.#orders = [];
    } else {
      const { id, ...report } = JSON.parse(body);
      this.#reports.get(id)?.(report);
      this.#reports.delete(id);
    }
  }

  #send() {
    const [order] = this.#orders;
    if (!order || !this.#waiting) return;
    this.#orders.shift();
    this.#waiting.writeHead(200, { "content-type": "application/json" }).end(order);
    this.#waiting = null;
  }

  /** Waits until the page has imported the package, for the first time or once more. */
  async arrive(arrivals = 1) {
    await until("the piloted page", () => this.#arrivals >= arrivals, PATIENCE_MS);
  }

  /**
   * @template A, R
   * @param {(argument: A) => R} script
   * @param {A} [argument]
   * @returns {Promise<Awaited<R>>}
   */
  async evaluate(script, argument) {
    this.#lastId += 1;
    const id = this.#lastId;
    /** @type {{ value?: any, error?: string } | null} */
    let report = null;
    this.#reports.set(id, (heard) => {
      report = heard;
    });
    this.#orders.push(JSON.stringify({ id, source: String(script), argument }));
    this.#send();
    const { value, error } = await until("the page's report", () => report, PATIENCE_MS);
    if (error) throw new Error(error);
    return value;
  }

  async reload() {
    const before = this.#arrivals;
    await this.evaluate(() => void setTimeout(() => location.reload()));
    await this.arrive(before + 1);
  }
}
