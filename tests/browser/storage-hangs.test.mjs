import assert from "node:assert/strict";
import { test } from "node:test";
import { openDatabase } from "./support/database.mjs";
import { Stage } from "./support/stage.mjs";
import { settledIn } from "./support/tabs.mjs";

const stage = new Stage();

/**
 * Keeps a transaction of the journal open, which blocks all others, until told to end it.
 *
 * @param {IDBDatabase} database
 */
function occupy(database) {
  const transaction = database.transaction(["charges", "quarantine"], "readwrite");
  globalThis.kept.free = new Promise((resolve) => {
    transaction.oncomplete = resolve;
  });
  globalThis.kept.occupied = true;
  const goOn = () => {
    if (globalThis.kept.occupied) {
      transaction.objectStore("charges").count().onsuccess = goOn;
    }
  };
  goOn();
}

test("a transaction that hangs is reported, nothing is sent meanwhile, and all goes on afterwards", async () => {
  const { context, page, account, options } = await stage.bare();
  await page.evaluate(async (options) => {
    globalThis.client = await globalThis.openClient({
      ...options,
      retry: { respondWithinMs: 3_000 },
    });
    const { client, kept } = globalThis;
    /** @type {string[]} */
    const alerts = [];
    kept.alerts = alerts;
    client.on("alert", (alert) => alerts.push(alert.kind));
    await client.refreshBalance();
  }, options);
  const other = await context.newPage();
  await stage.site.visit(other);
  await other.evaluate(occupy, await openDatabase(other, stage.server, account));

  const outcome = await page.evaluate(() =>
    globalThis.client.charge({ taskId: "film", amount: 1, feature: "cloud_trans" }),
  );
  assert.equal(outcome.status, "unknown");
  assert.equal(outcome.durable, false);
  // The client waits for a transaction far longer than a test usually waits.
  await page.waitForFunction(
    () => /** @type {string[]} */ (globalThis.kept.alerts).includes("storage_degraded"),
    undefined,
    { timeout: 60_000 },
  );
  assert.equal((await stage.server.ledger(account)).charges.length, 0);

  await other.evaluate(async () => {
    globalThis.kept.occupied = false;
    await globalThis.kept.free;
  });
  // A charge that was not stored was not sent, so it may be made again.
  const [end] = await settledIn(page, [outcome.key]);
  assert.ok(end?.status === "charged" || end?.status === "failed", JSON.stringify(end));
  await page.evaluate(() =>
    globalThis.client.charge({ taskId: "film", amount: 1, feature: "cloud_trans" }),
  );
  const [again] = await settledIn(page, [outcome.key]);
  assert.equal(again?.status, "charged");
  assert.equal((await stage.server.ledger(account)).charges.length, 1);
});
