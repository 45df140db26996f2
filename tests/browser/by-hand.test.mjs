import assert from "node:assert/strict";
import { test } from "node:test";
import { Stage } from "./support/stage.mjs";
import { chargeAll, chargedOnce, knowsOffline, openIn, seesCharged } from "./support/tabs.mjs";

const stage = new Stage();

/**
 * A page whose charge has been parked: charged, its answers lost, and look-ups not allowed.
 *
 * @param {string} taskId
 */
async function withParked(taskId) {
  const { page, account, options } = await stage.bare("parked");
  await openIn(page, { ...options, retry: { ...options.retry, maxTotalAttempts: 1 } });
  await stage.server.breakFor(account, { kind: "status", status: 500 });
  await chargeAll(page, [taskId]);
  await page.waitForFunction(async (key) => {
    const record = await globalThis.client.getCharge(key);
    return record?.status === "unknown";
  }, `asr:${taskId}`);
  await stage.server.repair();
  return { page, account };
}

/**
 * @param {import("playwright-core").Page} page
 * @param {string} key
 */
const statusOf = (page, key) =>
  page.evaluate(async (key) => (await globalThis.client.getCharge(key))?.status, key);

test("flush takes up what failed and what is parked", async () => {
  const { page, account } = await withParked("parked");
  await page.context().setOffline(true);
  await knowsOffline(page);
  await page.evaluate(() =>
    globalThis.client.charge({ taskId: "dear", amount: 500, feature: "asr" }),
  );
  assert.equal(await statusOf(page, "asr:dear"), "failed");
  await stage.server.topUp(account, 1_000);
  await page.context().setOffline(false);
  const report = await page.evaluate(async () => {
    await globalThis.client.refreshBalance();
    return globalThis.client.flush();
  });
  assert.equal(report.stopped, null);
  await seesCharged(page, ["parked", "dear"]);
  const { charges } = await stage.server.ledger(account);
  assert.deepEqual(charges.map((charge) => charge.task_id).sort(), ["dear", "parked"]);
});

test("retry finds out about what is parked, and charges it once", async () => {
  const { page, account } = await withParked("film");
  const outcome = await page.evaluate(() => globalThis.client.retry("asr:film"));
  assert.equal(outcome.status, "charged");
  chargedOnce(await stage.server.ledger(account), ["film"]);
});

test("what failed for want of the network is taken up by itself when it is back, once", async () => {
  const { context, page, account, options } = await stage.bare("again");
  await openIn(page, { ...options, queue: { offlineSpend: "deny" } });
  await context.setOffline(true);
  await knowsOffline(page);
  const [denied] = await chargeAll(page, ["film"]);
  assert.equal(denied?.status, "failed");
  await context.setOffline(false);
  await page.waitForFunction(async () => {
    const record = await globalThis.client.getCharge("asr:film");
    return record?.status === "success";
  });
  chargedOnce(await stage.server.ledger(account), ["film"]);
});
