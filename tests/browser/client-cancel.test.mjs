import assert from "node:assert/strict";
import { test } from "node:test";
import { patient, Stage } from "./support/stage.mjs";
import { knowsOffline, openIn } from "./support/tabs.mjs";

const stage = new Stage();
const REQUEST = { taskId: "film", amount: 4, feature: "cloud_trans" };

/**
 * A page with a charge in doubt: every answer but a look-up's is spoilt by `kind`.
 *
 * @param {Awaited<ReturnType<typeof stage.bare>>} bare
 * @param {"drop_after" | "drop_before"} kind
 * @param {"charge" | "any"} on
 */
async function leaveUnknown({ page, account, options }, kind, on) {
  // Long waits, so that the client doesn't find out by itself before it is asked to cancel.
  const slow = { baseDelayMs: 60_000, maxDelayMs: 60_000, maxAttempts: 1 };
  await openIn(page, patient(options, slow));
  await stage.server.breakFor(account, { kind }, { on });
  const outcome = await page.evaluate((request) => globalThis.client.charge(request), REQUEST);
  assert.equal(outcome.status, "unknown");
  return outcome.key;
}

/**
 * @param {import("playwright-core").Page} page
 * @param {string} key
 */
function cancel(page, key) {
  return page.evaluate(async (key) => {
    const outcome = await globalThis.client.cancel(key);
    const record = await globalThis.client.getCharge(key);
    return { outcome, record, balance: globalThis.client.balance() };
  }, key);
}

test("cancel before the first attempt: no points are ever taken", async () => {
  const { context, page, account, options } = await stage.bare();
  await openIn(page, options);
  await context.setOffline(true);
  await knowsOffline(page);
  const queued = await page.evaluate((request) => globalThis.client.charge(request), REQUEST);
  assert.equal(queued.status, "queued");
  assert.equal(queued.attempts, 0);

  const { outcome, record, balance } = await cancel(page, queued.key);
  assert.ok(outcome.status === "failed" && outcome.reason === "cancelled");
  assert.equal(record?.status, "failed");
  assert.equal(balance?.held, 0);
  const again = await cancel(page, queued.key);
  assert.deepEqual(again.outcome, outcome, "a settled one just answers");

  await context.setOffline(false);
  const report = await page.evaluate(async () => {
    await globalThis.client.flush();
    return globalThis.client.getSnapshot().queue;
  });
  assert.equal(report.pending + report.retrying, 0);
  const ledger = await stage.server.ledger(account);
  assert.equal(ledger.balance, 120);
  assert.deepEqual(ledger.charges, []);
});

test("cancel after a lost answer of a charge that was made: the outcome is `charged`", async () => {
  const bare = await stage.bare();
  const key = await leaveUnknown(bare, "drop_after", "charge");
  const { outcome, record, balance } = await cancel(bare.page, key);
  assert.equal(outcome.status, "charged");
  assert.equal(record?.status, "success");
  assert.equal(balance?.confirmed, 116);
  assert.equal(balance?.held, 0);
  const ledger = await stage.server.ledger(bare.account);
  assert.equal(ledger.balance, 116);
  assert.equal(ledger.charges.length, 1);
});

test("cancel after a lost request: the charge is looked up, then given up", async () => {
  const bare = await stage.bare();
  const key = await leaveUnknown(bare, "drop_before", "charge");
  const { outcome, balance } = await cancel(bare.page, key);
  assert.ok(outcome.status === "failed" && outcome.reason === "cancelled", JSON.stringify(outcome));
  assert.equal(balance?.held, 0);
  const ledger = await stage.server.ledger(bare.account);
  assert.equal(ledger.balance, 120);
  assert.deepEqual(ledger.charges, []);
});

test("cancel while the server can't be asked: the outcome is `unknown`, and the points stay held", async () => {
  const bare = await stage.bare();
  const key = await leaveUnknown(bare, "drop_after", "any");
  const { outcome, balance } = await cancel(bare.page, key);
  assert.equal(outcome.status, "unknown");
  assert.equal(balance?.held, 4);

  await stage.server.repair();
  const found = await bare.page.evaluate((key) => globalThis.client.retry(key), key);
  assert.equal(found.status, "charged");
  assert.equal((await stage.server.ledger(bare.account)).charges.length, 1);
});
