/**
 * What Lighthouse says of the demo as its own server serves it, to a visitor who signs in and to one who
 * is signed in. Run by `cargo xtask test lighthouse`.
 */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import lighthouse, { defaultConfig, desktopConfig } from "lighthouse";
import puppeteer from "puppeteer-core";
import { CHROMIUM, FLAGS } from "../../tests/browser/support/browser.mjs";
import { BillingServer } from "../../tests/browser/support/server.mjs";

/** These have to be perfect. Performance is a time on this computer: it is told. */
const PERFECT = ["accessibility", "best-practices"];
const TOLD = "performance";

const VISITORS = [
  { on: "a telephone", config: defaultConfig, locale: "en-GB", theme: "light" },
  { on: "a telephone", config: defaultConfig, locale: "zh-CN", theme: "dark" },
  { on: "a desktop", config: desktopConfig, locale: "en-GB", theme: "dark" },
  { on: "a desktop", config: desktopConfig, locale: "zh-CN", theme: "light" },
];

/** @type {BillingServer} */
let server;

before(async () => {
  server = await BillingServer.start();
});

after(async () => {
  await server?.stop();
});

for (const { on, config, locale, theme } of VISITORS) {
  test(`Lighthouse finds no fault in the demo on ${on}: ${locale}, ${theme}`, async (t) => {
    const browser = await puppeteer.launch({
      executablePath: CHROMIUM,
      args: [...FLAGS, `--accept-lang=${locale}`],
    });
    try {
      const page = await browser.newPage();
      const at = (/** @type {string} */ id) => page.locator(`[data-testid="${id}"]`);
      await page.goto(`${server.url}/?tour=0`);
      await at("theme").fill(theme);
      const start = await report(page, config);
      t.diagnostic(`measured: performance when signing in on ${on}, ${locale}: ${start.told}`);
      assert.deepEqual(start.faults, [], "signing in");

      await at("sign-in").click();
      await at("balance-available").wait();
      const desk = await report(page, config);
      t.diagnostic(`measured: performance of the desk on ${on}, ${locale}: ${desk.told}`);
      assert.deepEqual(desk.faults, [], "the desk");
    } finally {
      await browser.close();
    }
  });
}

/**
 * Loads the page anew, with what the visitor has chosen but nothing cached, and judges it.
 *
 * @param {import("puppeteer-core").Page} page
 * @param {import("lighthouse").Config} config
 */
async function report(page, config) {
  const flags = {
    onlyCategories: [...PERFECT, TOLD],
    disableStorageReset: true,
    logLevel: /** @type {const} */ ("error"),
  };
  const session = await page.createCDPSession();
  await session.send("Network.clearBrowserCache");
  await session.detach();
  const result = await lighthouse(page.url(), flags, config, page);
  assert.ok(result, "a report");
  const { categories, audits, runtimeError } = result.lhr;
  assert.equal(runtimeError, undefined);
  const faults = PERFECT.flatMap((name) => {
    const category = categories[name];
    const failed = category?.auditRefs
      .map(({ id, weight }) => ({ weight, audit: audits[id] }))
      .filter(({ weight, audit }) => weight > 0 && audit?.score !== null && audit?.score !== 1)
      .map(({ audit }) => `${name}: ${audit?.title} ${JSON.stringify(audit?.details)}`);
    return category?.score === 1 ? [] : [`${name}: ${category?.score}`, ...(failed ?? [])];
  });
  return { faults, told: Math.round(100 * (categories[TOLD]?.score ?? 0)) };
}
