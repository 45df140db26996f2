import assert from "node:assert/strict";
import { test } from "node:test";
import { patient, Stage } from "./support/stage.mjs";
import { chargeAll, knowsOffline, openIn, stands } from "./support/tabs.mjs";

const stage = new Stage();

test("charges() lists those of the wanted statuses, newest first, as many as are wanted", async () => {
  const { page, account, options } = await stage.bare("listed");
  await openIn(page, patient(options, { maxTotalAttempts: 1 }));
  await stage.server.breakBy(account, [
    { on: "charge", fault: { kind: "drop_before" } },
    { on: "lookup", fault: { kind: "status", status: 500 } },
  ]);
  await chargeAll(page, ["parked"]);
  await stands(page, "asr:parked", "unknown");
  await stage.server.repair();
  await chargeAll(page, ["paid"]);
  await stands(page, "asr:paid", "success");
  await page.evaluate(() =>
    globalThis.client.charge({ taskId: "dear", amount: 500, feature: "asr" }),
  );
  await stands(page, "asr:dear", "failed");
  await page.context().setOffline(true);
  await knowsOffline(page);
  await chargeAll(page, ["later"]);
  await stands(page, "asr:later", "pending");

  const list = (/** @type {Parameters<import("tollbox").BillingClient["charges"]>[0]} */ filter) =>
    page.evaluate(async (filter) => {
      const charges = await globalThis.client.charges(filter);
      return charges.map(({ taskId }) => taskId).join(" ");
    }, filter);
  assert.equal(await list(undefined), "later dear paid parked");
  assert.equal(await list({ status: "pending" }), "later");
  assert.equal(await list({ status: "retrying" }), "");
  assert.equal(await list({ status: "success" }), "paid");
  assert.equal(await list({ status: "failed" }), "dear");
  assert.equal(await list({ status: ["unknown"] }), "parked");
  assert.equal(await list({ status: ["unknown", "pending", "success"], limit: 2 }), "later paid");
  assert.equal(await list({ status: [] }), "");
  assert.equal(await list({ limit: 1.5 }), "later");
  assert.equal(await list({ limit: 0 }), "");
  assert.equal(await list({ limit: Number.POSITIVE_INFINITY }), "later dear paid parked");
});
