import assert from "node:assert/strict";
import { test } from "node:test";
import { page } from "./support/page.mjs";

/**
 * A client with so many charges, and their keys.
 *
 * @param {import("node:test").TestContext} t
 * @param {number} count
 */
async function withCharges(t, count) {
  const client = await page(t).open();
  const keys = Array.from({ length: count }, (_, n) => `asr:${n}`);
  for (const n of keys.keys()) {
    // The server refuses them for now: they are answered when the client is closed.
    client.charge({ taskId: String(n), amount: 1, feature: "asr" }).catch(() => {});
  }
  while (client.getSnapshot().stats.enqueued < count) {
    await new Promise(setImmediate);
  }
  return { client, keys };
}

/** @param {import("../../pkg/index.js").BillingClient} client */
async function keysListed(client) {
  return (await client.charges()).map(({ key }) => key);
}

test("other tasks run while very many charges are listed", async (t) => {
  const { client, keys } = await withCharges(t, 1_200);
  let others = 0;
  let isListed = false;
  const other = () => {
    others += 1;
    isListed || setImmediate(other);
  };
  setImmediate(other);
  const list = await keysListed(client);
  isListed = true;
  assert.ok(others > 0);
  assert.deepEqual(list, keys.toReversed());
});

test("very many charges are listed where there is no MessageChannel, as in jsdom", async (t) => {
  const { client, keys } = await withCharges(t, 600);
  const { MessageChannel } = globalThis;
  Reflect.deleteProperty(globalThis, "MessageChannel");
  t.after(() => {
    globalThis.MessageChannel = MessageChannel;
  });
  assert.deepEqual(await keysListed(client), keys.toReversed());
});
