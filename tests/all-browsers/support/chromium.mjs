import { ProfiledBrowser } from "../../browser/support/profile.mjs";
import { PATIENCE_MS } from "./tab.mjs";

/** Chromium, driven by its own protocol. */
export class Chromium {
  #browser = new ProfiledBrowser();
  /** @type {import("playwright-core").BrowserContext | null} */
  #context = null;

  /** @param {import("./pilot.mjs").PilotedSite[]} sites */
  async open(...sites) {
    const first = await this.#browser.start();
    this.#context = first.context();
    const tabs = [];
    for (const site of sites) {
      const page = tabs.length === 0 ? first : await first.context().newPage();
      page.setDefaultTimeout(PATIENCE_MS);
      await page.goto(site.url);
      const tab = new ChromiumTab(page);
      await tab.arrive();
      tabs.push(tab);
    }
    return tabs;
  }

  /** @param {boolean} offline */
  async setOffline(offline) {
    await this.#context?.setOffline(offline);
  }

  async kill() {
    await this.#browser.kill();
  }

  async remove() {
    await this.#browser.remove();
  }
}

class ChromiumTab {
  #page;

  /** @param {import("playwright-core").Page} page */
  constructor(page) {
    this.#page = page;
  }

  /**
   * @template A, R
   * @param {(argument: A) => R} script
   * @param {A} [argument]
   * @returns {Promise<Awaited<R>>}
   */
  async evaluate(script, argument) {
    const call = /** @type {(argument: any) => any} */ (script);
    return this.#page.evaluate(call, argument);
  }

  async reload() {
    await this.#page.reload();
    await this.arrive();
  }

  /** Waits until the page has imported the package. */
  async arrive() {
    await this.#page.waitForFunction(() => globalThis.tollbox !== undefined);
  }
}
