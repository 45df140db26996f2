import assert from "node:assert/strict";
import { test } from "node:test";
import { page } from "./support/page.mjs";

test("other tasks run while very many charges are listed", async (t) => {
  const client = await page(t).open();
  const keys = Array.from({ length: 1_200 }, (_, n) => `asr:${n}`);
  for (const [n] of keys.entries()) {
    // The server refuses them for now: they are answered when the client is closed.
    client.charge({ taskId: String(n), amount: 1, feature: "asr" }).catch(() => {});
  }
  const isStored = () => client.getSnapshot().stats.enqueued === keys.length;
  while (!isStored()) {
    await new Promise(setImmediate);
  }
  let others = 0;
  let isListed = false;
  const other = () => {
    others += 1;
    isListed || setImmediate(other);
  };
  setImmediate(other);
  const listed = await client.charges();
  isListed = true;
  assert.ok(others > 1, `${others}`);
  assert.deepEqual(
    listed.map(({ key }) => key),
    keys.toReversed(),
  );
});
