import { freshAccount } from "../../browser/support/accounts.mjs";
import { DEADLINE_MS } from "../../browser/support/browser.mjs";
import { until } from "../../browser/support/until.mjs";
import { watch } from "../../browser/support/watched.mjs";

/** @typedef {import("./globals.js").Props} Props */

/** A page of one framework, as its visitor sees it. */
export class FrameworkPage {
  /** What the console warned of or failed with. @type {string[]} */
  complaints = [];

  /**
   * @param {import("playwright-core").Page} page
   * @param {string} url
   * @param {string} account
   * @param {Props} props
   */
  constructor(page, url, account, props) {
    this.page = page;
    this.url = url;
    this.account = account;
    this.props = props;
    page.on("console", (message) => {
      if (["warning", "error"].includes(message.type())) this.complaints.push(message.text());
    });
    page.on("pageerror", (error) => this.complaints.push(String(error)));
  }

  /**
   * @param {import("../../browser/support/stage.mjs").Stage} stage
   * @param {string} url
   * @param {Partial<Props>} [props]
   */
  static async open(stage, url, props = {}) {
    const context = await stage.context();
    const page = await context.newPage();
    await watch(page);
    const account = freshAccount("framework");
    const options = await stage.options(account);
    const own = { options, chargeKey: "one", ...props };
    const opened = new FrameworkPage(page, url, account, own);
    await opened.visit();
    return opened;
  }

  /** @param {Partial<Props>} props */
  async update(props) {
    this.props = { ...this.props, ...props };
    await this.page.evaluate((props) => globalThis.update(props), this.props);
  }

  /** @param {string} [search] */
  async visit(search = "") {
    await this.page.goto(this.url + search);
    await this.page.waitForFunction(() => globalThis.mount !== undefined);
  }

  /** Loads the page as the server renders it. */
  async visitRendered() {
    await this.visit(`?props=${encodeURIComponent(JSON.stringify(this.props))}`);
  }

  async mount() {
    await this.page.evaluate((props) => globalThis.mount(props), this.props);
  }

  /** Mounts, and waits until the server's balance is there. */
  async mountAndOpen() {
    await this.mount();
    await this.says("billing", "open");
    await this.says("balance", "120");
    await this.page.getByTestId("stale").waitFor({ state: "detached" });
  }

  async unmount() {
    await this.page.evaluate(() => globalThis.unmount());
  }

  /** @param {string} testId */
  at(testId) {
    return this.page.getByTestId(testId);
  }

  /** @param {string} testId */
  async click(testId) {
    await this.at(testId).click();
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
      () => `${testId} says ${text}, not ${said}; ${this.complaints.join("\n")}`,
      async () => {
        said = await this.at(testId).textContent({ timeout: DEADLINE_MS });
        return said?.trim() === text;
      },
    );
  }

  /** The lines of the list. */
  async lines() {
    return (await this.at("line").allTextContents()).map((line) => line.trim());
  }

  /** The listeners of the page, once it holds nothing else. */
  async listenersAtRest() {
    return this.page.evaluate(async () => {
      await globalThis.watched.comesTo(
        ({ listener, ...others }) => Object.keys(others).length === 0,
      );
      return (await globalThis.watched.held()).listener;
    });
  }
}
