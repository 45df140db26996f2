import assert from "node:assert/strict";
import { test } from "node:test";
import { page } from "./support/page.mjs";

test("in Node.js the module is read from the file beside the package", async (t) => {
  const { open } = page(t);
  const client = await open({ module: undefined });
  assert.equal(client.getSnapshot().account, "alice");
});
