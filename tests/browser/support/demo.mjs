import { readFile } from "node:fs/promises";
import path from "node:path";
import { WWW } from "./server.mjs";
import { until } from "./until.mjs";

/**
 * @typedef {"none" | "cut" | "slow" | "lose_answers" | "broken" | "busy" | "gateway" | "stranger"}
 *   WeatherKind what the visitor can put between the page and the billing server
 */

/** The demo as its visitor sees it. */
export class DemoPage {
  /**
   * @param {import("playwright-core").Page} page
   * @param {string} url where the demo server is
   */
  constructor(page, url) {
    this.page = page;
    this.url = url;
  }

  /**
   * @param {string} account
   * @param {string} [query] more of the page's parameters
   */
  async signIn(account, query = "") {
    const delays = "baseDelayMs=50&maxDelayMs=500&requestTimeoutMs=1500";
    await this.page.goto(`${this.url}/?tour=0&${delays}&${query}`);
    await this.at("account-input").fill(account);
    await this.at("sign-in").click();
    await this.at("desk").waitFor();
  }

  /** @param {string} testId */
  at(testId) {
    return this.page.getByTestId(testId);
  }

  /** @param {string} text */
  async submit(text) {
    await this.at("task-text").fill(text);
    await this.at("task-submit").click();
    return this.row(text.slice(0, 30));
  }

  /** @param {string} text what the line's title begins with */
  row(text) {
    return new TaskLine(this.at("task-row").filter({ hasText: text }));
  }

  /**
   * Waits until the element says `text`.
   *
   * @param {string} testId
   * @param {string} text
   */
  async says(testId, text) {
    /** @type {string | null} */
    let said = null;
    await until(
      () => `${testId} says ${text}, not ${said}`,
      async () => {
        said = await this.at(testId).textContent();
        return said === text;
      },
    );
  }

  /**
   * Waits until the page shows this network state.
   *
   * @param {"online" | "offline" | "unreachable"} state
   */
  async network(state) {
    await this.page.locator(`[data-testid="network"][data-state="${state}"]`).waitFor();
  }

  /**
   * Breaks the billing server for the account, or mends it, by the page's own switch.
   *
   * @param {WeatherKind} kind
   */
  async weather(kind) {
    await this.at(`weather-${kind}`).click();
    await this.hasWeather(kind);
  }

  /**
   * Waits until the page shows this weather as chosen, which it does once the server has it in
   * force.
   *
   * @param {string} kind
   */
  async hasWeather(kind) {
    await this.at(`weather-${kind}`).and(this.page.locator(":checked")).waitFor();
  }

  /**
   * Has the page read the server's ledger, and waits for this result of its comparison.
   *
   * @param {"agree" | "more" | "behind" | "disagree"} state
   */
  async agreement(state) {
    await this.at("ledger-refresh").click();
    await this.page.locator(`[data-testid="agreement"][data-state="${state}"]`).waitFor();
  }

  /** Serves the demo's own files without the server, as a cache would while it is down. */
  async keepFiles() {
    const types = /** @type {Record<string, string>} */ ({
      ".html": "text/html",
      ".js": "text/javascript",
      ".css": "text/css",
      ".svg": "image/svg+xml",
      ".wasm": "application/wasm",
    });
    await this.page.route(`${this.url}/**`, async (route) => {
      const { pathname } = new URL(route.request().url());
      const file = path.join(WWW, pathname === "/" ? "index.html" : pathname);
      const body = await readFile(file).catch(() => null);
      if (body === null) await route.fallback();
      else await route.fulfill({ body, contentType: types[path.extname(file)] ?? "text/plain" });
    });
  }
}

/** One of the demo's translations. */
export class TaskLine {
  /** @param {import("playwright-core").Locator} locator */
  constructor(locator) {
    this.locator = locator;
  }

  /**
   * Waits until the translation is in this state.
   *
   * @param {string} state
   */
  async translated(state) {
    await this.locator.locator(`[data-testid="translation"][data-state="${state}"]`).waitFor();
  }

  /**
   * Waits until the payment is in this state, and gives its reason.
   *
   * @param {string} state
   */
  async paid(state) {
    const cell = this.locator.locator(`[data-testid="payment"][data-state="${state}"]`);
    await cell.waitFor();
    return cell.getAttribute("data-reason");
  }

  /**
   * Waits until the column "paid" gives this reason.
   *
   * @param {string} reason
   */
  async because(reason) {
    await this.locator.locator(`[data-testid="payment"][data-reason="${reason}"]`).waitFor();
  }

  /** @param {"retry" | "cancel" | "pay" | "translateAgain" | "payAgain" | "topUp" | "open-text" | "download"} action */
  async click(action) {
    await this.locator.getByTestId(action).click();
  }

  /** The idempotency key of the task's charge. */
  async key() {
    return this.locator.getAttribute("data-key");
  }
}
