import assert from "node:assert/strict";
import { test } from "node:test";
import { PATIENT, QUICK, Stage } from "./support/stage.mjs";
import { chargeAll, knowsOffline } from "./support/tabs.mjs";

const stage = new Stage();

/** @typedef {import("tollbox").Alert} Alert */
/** @typedef {import("tollbox").LogEntry} LogEntry */

/**
 * A page whose client keeps its alerts and its log, in Chinese.
 *
 * @param {Partial<import("tollbox").BillingOptions>} given
 */
async function watching(given) {
  const { context, page, account, options } = await stage.bare("alerts");
  await page.evaluate(
    async ({ options: { token, ...options }, given }) => {
      const { kept, tollbox } = globalThis;
      /** @type {LogEntry[]} */
      const log = [];
      /** @type {Alert[]} */
      const alerts = [];
      Object.assign(kept, { log, alerts, token });
      globalThis.client = await tollbox.openBilling({
        ...options,
        ...given,
        getToken: () => /** @type {string} */ (kept.token),
        log: (entry) => log.push(entry),
        locale: "zh-CN",
      });
      globalThis.client.on("alert", (alert) => alerts.push(alert));
      await globalThis.client.refreshBalance();
    },
    { options, given },
  );
  return { context, page, account, token: options.token };
}

/**
 * Waits until the snapshot shows the alert as ongoing, or as over.
 *
 * @param {import("playwright-core").Page} page
 * @param {Alert["kind"]} kind
 * @param {boolean} goesOn
 */
async function shows(page, kind, goesOn) {
  await page.waitForFunction(
    ({ kind, goesOn }) => {
      const { alerts = [] } = globalThis.client.getSnapshot();
      return alerts.some((alert) => alert.kind === kind) === goesOn;
    },
    { kind, goesOn },
  );
}

/** @param {import("playwright-core").Page} page */
const raised = (page) =>
  page.evaluate(() => /** @type {Alert[]} */ (globalThis.kept.alerts).map(({ kind }) => kind));

test("network alerts: one when the server is lost, one when it is back, and again at the next loss", async () => {
  const { page, account } = await watching({ balance: { syncEveryMs: 0 } });
  for (const _round of [1, 2]) {
    await stage.server.breakFor(account, { kind: "drop_before" });
    for (const _try of [1, 2, 3]) {
      await page.evaluate(() => globalThis.client.refreshBalance());
    }
    await shows(page, "network_lost", true);
    await stage.server.repair();
    await shows(page, "network_lost", false);
  }
  const round = ["network_lost", "network_restored"];
  assert.deepEqual(await raised(page), [...round, ...round]);
});

test("the token alert lasts from the first refused token to the first accepted one", async () => {
  const { page, token } = await watching({});
  await page.evaluate(() => {
    globalThis.kept.token = "not a token";
  });
  const [outcome] = await chargeAll(page, ["film"]);
  assert.ok(outcome?.status !== "charged", JSON.stringify(outcome));
  await shows(page, "unauthorized", true);
  await page.evaluate((token) => {
    globalThis.kept.token = token;
  }, token);
  await page.evaluate(() => globalThis.client.flush());
  await shows(page, "unauthorized", false);
  await page.evaluate(() => globalThis.client.settled("asr:film"));
  assert.deepEqual(await raised(page), ["unauthorized"]);
});

test("the alerts for a low balance and a nearly full queue last as long as their causes", async () => {
  const { context, page, account } = await watching({
    balance: { lowWatermark: 116, syncEveryMs: 0 },
    queue: { maxEntries: 10 },
  });
  await context.setOffline(true);
  await knowsOffline(page);
  await chargeAll(page, ["1", "2", "3", "4"]);
  assert.deepEqual(await raised(page), ["network_lost"]);
  await chargeAll(page, ["5"]);
  await shows(page, "balance_low", true);
  await chargeAll(page, ["6", "7", "8", "9"]);
  await shows(page, "queue_nearly_full", true);
  await context.setOffline(false);
  await shows(page, "queue_nearly_full", false);
  await stage.server.topUp(account, 50);
  await page.evaluate(() => globalThis.client.refreshBalance());
  await shows(page, "balance_low", false);
  assert.deepEqual(await raised(page), [
    "network_lost",
    "balance_low",
    "queue_nearly_full",
    "network_restored",
  ]);
});

test("a low success rate raises one alert, which ends when more charges succeed", async () => {
  const { page } = await watching({
    monitor: { minSamples: 4, alertBelowSuccessRate: 0.5 },
    retry: { ...QUICK, ...PATIENT },
  });
  const dear = { amount: 1_000, feature: "asr" };
  await page.evaluate(async (dear) => {
    for (const taskId of ["a", "b", "c"]) await globalThis.client.charge({ ...dear, taskId });
  }, dear);
  assert.deepEqual(await raised(page), [], "too few to judge by");
  await page.evaluate((dear) => globalThis.client.charge({ ...dear, taskId: "d" }), dear);
  await shows(page, "success_rate_low", true);
  await chargeAll(page, ["e", "f", "g", "h", "i", "j"]);
  await shows(page, "success_rate_low", false);
  assert.deepEqual(await raised(page), ["success_rate_low"]);
});

test("the log tells the outcome of each charge, and contains neither token nor metadata", async () => {
  const { context, page, token } = await watching({ retry: { ...QUICK, ...PATIENT } });
  const secret = "nobody's business";
  const charge = (/** @type {string} */ taskId, amount = 3) =>
    page.evaluate((request) => globalThis.client.charge(request), {
      taskId,
      amount,
      feature: "cloud_trans",
      metadata: { title: secret },
    });
  await charge("paid");
  await charge("dear", 5_000);
  await context.setOffline(true);
  await knowsOffline(page);
  await charge("waits");
  const log = await page.evaluate(() => /** @type {LogEntry[]} */ (globalThis.kept.log));
  const of = (/** @type {string} */ task) => log.filter(({ key }) => key === `cloud_trans:${task}`);
  assert.deepEqual(
    of("paid").map(({ level, message }) => [level, message]),
    [["info", "✅ 翻译任务扣费成功 - 算力: 3, 任务ID: paid"]],
  );
  const [declined, ...more] = of("dear");
  assert.equal(declined?.level, "error");
  assert.match(declined.message, /^❌ .*失败.* - 算力: 5000, 任务ID: dear$/u);
  assert.deepEqual(more, []);
  assert.match(of("waits")[0]?.message ?? "", /^⏳ .*排队.* - 算力: 3, 任务ID: waits$/u);
  const all = JSON.stringify(log);
  assert.ok(!all.includes(secret) && !all.includes(String(token)));
});
