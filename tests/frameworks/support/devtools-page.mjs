import { watch } from "../../browser/support/watched.mjs";

/** A page with a client and the devtools' panel for it. */
export class DevtoolsPage {
  /**
   * @param {import("playwright-core").Page} page
   * @param {string} account
   */
  constructor(page, account) {
    this.page = page;
    this.account = account;
    this.panel = page.getByRole("region", { name: /Tollbox/ });
    this.body = page.getByRole("tabpanel");
  }

  /**
   * @param {import("../../browser/support/stage.mjs").Stage} stage
   * @param {Omit<import("tollbox/devtools").DevtoolsOptions, "log" | "parent">} [options]
   * @param {import("tollbox").BillingOptions["retry"]} [retry]
   */
  static async open(stage, options = {}, retry = {}) {
    const { page, context, account, options: opening } = await stage.bare("devtools");
    await watch(context);
    await stage.site.visit(page);
    const opened = new DevtoolsPage(page, account);
    await page.evaluate(
      async ({ opening, options }) => {
        const { token, ...rest } = opening;
        const { createDevtoolsLog, mountDevtools } = await import(String("/devtools.js"));
        const log = createDevtoolsLog();
        const given = { ...rest, log, getToken: () => token };
        globalThis.client = await globalThis.tollbox.openBilling(given);
        await globalThis.client.refreshBalance();
        globalThis.devtools = mountDevtools(globalThis.client, { log, ...options });
      },
      {
        opening: { ...opening, retry: { ...opening.retry, ...retry } },
        options: { open: true, ...options },
      },
    );
    return opened;
  }

  /** @param {string} name */
  async choose(name) {
    await this.panel.getByRole("tab", { name }).click();
  }

  /** @param {boolean} isOffline */
  async setOffline(isOffline) {
    await this.page.context().setOffline(isOffline);
    await this.page.waitForFunction(
      (isOffline) => (globalThis.client.getSnapshot().network === "offline") === isOffline,
      isOffline,
    );
  }

  /**
   * @param {string} taskId
   * @param {number} amount
   */
  async charge(taskId, amount = 4) {
    await this.page.evaluate((request) => globalThis.client.charge(request), {
      taskId,
      amount,
      feature: "film",
    });
  }

  /** @param {string} key */
  line(key) {
    return this.body
      .getByRole("listitem")
      .filter({ has: this.page.getByText(key, { exact: true }) });
  }
}
