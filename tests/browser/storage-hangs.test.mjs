import assert from "node:assert/strict";
import { test } from "node:test";
import { Stage } from "./support/stage.mjs";

const stage = new Stage();

/**
 * Keeps a transaction of the journal open, for which all others have to wait, until it is told to end.
 *
 * @param {string} account
 */
async function occupy(account) {
  /** @type {IDBDatabase} */
  const database = await new Promise((resolve, reject) => {
    const opening = indexedDB.open(`tollbox:${account}`);
    opening.onsuccess = () => resolve(opening.result);
    opening.onerror = () => reject(opening.error);
  });
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

test("a transaction that never ends: nothing is sent, it is told of, and all goes on afterwards", async () => {
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
  await other.evaluate(occupy, account);

  const outcome = await page.evaluate(() =>
    globalThis.client.charge({ taskId: "film", amount: 1, feature: "cloud_trans" }),
  );
  assert.equal(outcome.status, "unknown");
  assert.equal(outcome.durable, false);
  await page.waitForFunction(() =>
    /** @type {string[]} */ (globalThis.kept.alerts).includes("storage_degraded"),
  );
  assert.equal((await stage.server.ledger(account)).charges.length, 0);

  await other.evaluate(async () => {
    globalThis.kept.occupied = false;
    await globalThis.kept.free;
  });
  // What was not stored was not sent, so it may be charged again.
  const end = await page.evaluate((key) => globalThis.client.settled(key), outcome.key);
  assert.ok(["charged", "failed"].includes(end.status), JSON.stringify(end));
  const again = await page.evaluate(() =>
    globalThis.client.charge({ taskId: "film", amount: 1, feature: "cloud_trans" }),
  );
  assert.equal(again.status, "charged");
  assert.equal((await stage.server.ledger(account)).charges.length, 1);
});
