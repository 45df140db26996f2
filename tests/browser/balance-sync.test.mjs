import assert from "node:assert/strict";
import { test } from "node:test";
import { Stage } from "./support/stage.mjs";
import { chargeAll, openIn, seesCharged } from "./support/tabs.mjs";
import { until } from "./support/until.mjs";

const stage = new Stage();
const EVERY_MS = 3_000;

/**
 * Tabs of one account that sync its balance periodically, and a count of their reads.
 *
 * @param {number} count
 */
async function syncingTabs(count) {
  const { context, page, account, options } = await stage.bare("sync");
  const readings = { count: 0 };
  context.on("request", (request) => {
    const isReading = request.url().includes("/balance?") && request.method() === "GET";
    readings.count += Number(isReading);
  });
  const tabs = [page];
  while (tabs.length < count) {
    const tab = await context.newPage();
    await stage.site.visit(tab);
    tabs.push(tab);
  }
  for (const tab of tabs) {
    await openIn(tab, { ...options, balance: { syncEveryMs: EVERY_MS, staleAfterMs: EVERY_MS } });
  }
  return { tabs, account, readings };
}

/** @param {import("playwright-core").Page} page */
const asOf = (page) => page.evaluate(() => globalThis.client.balance()?.asOf ?? 0);

/**
 * Makes the page believe that it is visible, or hidden.
 *
 * @param {import("playwright-core").Page} page
 * @param {"visible" | "hidden"} state
 */
async function show(page, state) {
  await page.evaluate((state) => {
    Object.defineProperty(document, "visibilityState", { configurable: true, value: state });
    document.dispatchEvent(new Event("visibilitychange"));
  }, state);
}

test("one tab reads the balance for all tabs, and all show it", async (t) => {
  const { tabs, account, readings } = await syncingTabs(4);
  const [first] = tabs;
  assert.ok(first);
  const began = await asOf(first);
  const before = readings.count;
  await until(
    () => "five periods",
    async () => (await asOf(first)) > began + 5 * EVERY_MS,
    12 * EVERY_MS,
  );
  const periods = ((await asOf(first)) - began) / EVERY_MS;
  const share = (readings.count - before) / periods;
  t.diagnostic(`${share.toFixed(2)} readings a period`);
  // About one read; four tabs without a common sync would make four.
  assert.ok(share < 2, `${share} readings a period`);

  await stage.server.topUp(account, 30);
  for (const tab of tabs) {
    await tab.waitForFunction(() => globalThis.client.balance()?.confirmed === 150);
  }
});

test("hidden tabs do not read the balance, and a stale one is read when a tab is shown again", async () => {
  const { tabs, readings } = await syncingTabs(1);
  const [tab] = tabs;
  assert.ok(tab);
  await show(tab, "hidden");
  // Requests that are already on their way are answered first.
  await tab.evaluate(() => globalThis.client.refreshBalance());
  const before = readings.count;
  await tab.waitForFunction(() => globalThis.client.balance()?.stale);
  const hidden = await asOf(tab);
  await until(
    () => "two periods",
    () => Date.now() > hidden + 2 * EVERY_MS,
  );
  assert.equal(readings.count, before);
  await show(tab, "visible");
  await tab.waitForFunction((asOf) => (globalThis.client.balance()?.asOf ?? 0) > asOf, hidden);
  assert.equal(readings.count, before + 1);
});

test("another tab's outdated balance is ignored, however often it is broadcast", async () => {
  const { tabs } = await syncingTabs(2);
  const [first, second] = tabs;
  assert.ok(first && second);
  await chargeAll(first, ["one", "two", "three"]);
  for (const tab of tabs) {
    await tab.waitForFunction(() => globalThis.client.balance()?.confirmed === 117);
    await tab.route("**/billing/v1/balance?*", async (route) => {
      await route.fulfill({ json: { balance: 120, version: 1 } });
    });
  }
  // A reading that is on its way is answered first.
  await first.evaluate(() => globalThis.client.refreshBalance());
  for (let times = 0; times < 5; times += 1) {
    const result = await first.evaluate(() => globalThis.client.refreshBalance());
    assert.equal(result.status, "unavailable");
  }
  for (const tab of tabs) {
    assert.equal(await tab.evaluate(() => globalThis.client.balance()?.confirmed), 117);
  }
});

test("a flush in one tab is shown in another until it is over", async () => {
  const { context, page: first, account, options } = await stage.bare("flush");
  const second = await context.newPage();
  await stage.site.visit(second);
  const retry = { ...options.retry, baseDelayMs: 120_000, maxDelayMs: 120_000, maxAttempts: 1 };
  for (const tab of [first, second]) {
    await openIn(tab, { ...options, retry, queue: { batchSize: 2 } });
  }
  const broken = { kind: "status", status: 500 };
  await stage.server.breakFor(account, broken, { on: "charge" });
  const taskIds = ["a", "b", "c", "d", "e", "f"];
  await chargeAll(first, taskIds);
  await second.evaluate(() => {
    /** @type {string[]} */
    const shown = [];
    globalThis.kept.shown = shown;
    globalThis.client.subscribe(() => {
      const { flush } = globalThis.client.getSnapshot();
      const line = flush ? `${flush.done} of ${flush.total}` : "none";
      if (shown.at(-1) !== line) shown.push(line);
    });
  });
  await stage.server.repair();
  await stage.server.breakFor(account, { kind: "latency", ms: 100 });
  await first.evaluate(() => globalThis.client.flush());
  await seesCharged(second, taskIds);
  await second.waitForFunction(() => {
    const shown = /** @type {string[]} */ (globalThis.kept.shown);
    return shown.some((line) => line.startsWith("2 of ")) && shown.at(-1) === "none";
  });
});

test("two clients in one page follow each other's readings", async () => {
  const { page, account, options } = await stage.bare("two");
  await page.evaluate(async (options) => {
    globalThis.kept.other = await globalThis.openClient(options);
    globalThis.client = await globalThis.openClient(options);
    await globalThis.client.refreshBalance();
  }, options);
  await stage.server.topUp(account, 30);
  await page.evaluate(() => globalThis.client.refreshBalance());
  await page.waitForFunction(() => {
    const other = /** @type {import("tollbox").BillingClient} */ (globalThis.kept.other);
    return other.balance()?.confirmed === 150;
  });
});

test("a client opened offline reads its balance when it comes online", async () => {
  const { context, page, options } = await stage.bare("offline");
  // The module is loaded by a first client; the second is opened offline.
  await page.evaluate(async (options) => {
    const first = await globalThis.openClient({ ...options, account: "nobody" });
    await first.close();
  }, options);
  await context.setOffline(true);
  await page.evaluate(async (options) => {
    const balance = { syncEveryMs: 0 };
    globalThis.client = await globalThis.openClient({ ...options, balance });
  }, options);
  assert.equal(await page.evaluate(() => globalThis.client.balance()), null);
  await context.setOffline(false);
  await page.waitForFunction(() => globalThis.client.balance()?.confirmed === 120);
});
