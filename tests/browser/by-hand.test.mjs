import assert from "node:assert/strict";
import { test } from "node:test";
import { patient, Stage } from "./support/stage.mjs";
import {
  chargeAll,
  chargedOnce,
  knowsOffline,
  openIn,
  seesCharged,
  stands,
} from "./support/tabs.mjs";

const stage = new Stage();

/**
 * A page whose charge has been parked after its one attempt, which was lost; look-ups fail.
 *
 * @param {string} taskId
 * @param {"drop_before" | "drop_after"} kind whether the lost attempt charged nothing or did charge
 */
async function withParked(taskId, kind) {
  const { page, account, options } = await stage.bare("parked");
  await openIn(page, patient(options, { maxTotalAttempts: 1 }));
  await stage.server.breakBy(account, [
    { on: "charge", fault: { kind } },
    { on: "lookup", fault: { kind: "status", status: 500 } },
  ]);
  await chargeAll(page, [taskId]);
  await stands(page, `asr:${taskId}`, "unknown");
  const { charges } = await stage.server.ledger(account);
  assert.equal(charges.length, kind === "drop_after" ? 1 : 0);
  await stage.server.repair();
  return { page, account };
}

test("flush retries failed and parked charges", async () => {
  const { page, account } = await withParked("parked", "drop_before");
  await page.context().setOffline(true);
  await knowsOffline(page);
  await page.evaluate(() =>
    globalThis.client.charge({ taskId: "dear", amount: 500, feature: "asr" }),
  );
  await stands(page, "asr:dear", "failed", "offline_spend_denied");
  await stage.server.topUp(account, 1_000);
  // The client retries it once by itself, which fails too: the rest is left to the flush.
  await stage.server.breakFor(account, { kind: "drop_before" }, { on: "charge" });
  await page.context().setOffline(false);
  await stands(page, "asr:dear", "failed", "retries_exhausted");
  await stage.server.repair();
  await page.evaluate(() => globalThis.client.refreshBalance());
  await page.waitForFunction(() => globalThis.client.getSnapshot().network === "online");
  await stands(page, "asr:dear", "failed");
  await stands(page, "asr:parked", "unknown");
  const report = await page.evaluate(() => globalThis.client.flush());
  assert.equal(report.stopped, null);
  await seesCharged(page, ["parked", "dear"]);
  const { charges } = await stage.server.ledger(account);
  assert.deepEqual(charges.map((charge) => charge.task_id).sort(), ["dear", "parked"]);
});

for (const [what, kind] of /** @type {const} */ ([
  ["was made, and does not make it again", "drop_after"],
  ["was not made, and makes it once", "drop_before"],
])) {
  test(`retry learns that a parked charge ${what}`, async () => {
    const { page, account } = await withParked("film", kind);
    const outcome = await page.evaluate(() => globalThis.client.retry("asr:film"));
    assert.equal(outcome.status, "charged");
    chargedOnce(await stage.server.ledger(account), ["film"]);
  });
}

test("a charge that failed for want of the network is retried once, by itself, when it is back", async () => {
  const { context, page, account, options } = await stage.bare("again");
  await openIn(page, { ...options, queue: { offlineSpend: "deny" } });
  await context.setOffline(true);
  await knowsOffline(page);
  const [denied] = await chargeAll(page, ["film"]);
  assert.equal(denied?.status, "failed");
  await context.setOffline(false);
  await stands(page, "asr:film", "success");
  chargedOnce(await stage.server.ledger(account), ["film"]);
});
