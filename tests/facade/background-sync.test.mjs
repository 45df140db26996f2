import assert from "node:assert/strict";
import { test } from "node:test";
import { syncWhileWaiting } from "../../pkg/lib/background-sync.js";
import { createHost } from "../../pkg/lib/host.js";
import { OWNER } from "./support/page.mjs";

/**
 * A page whose snapshots are `tell`'s, from the first on, and the tags that it has registered.
 *
 * @param {string} network
 * @param {number} pending
 * @param {number} [refusals] how many of its first registrations the browser refuses
 */
async function page(network, pending, refusals = 0) {
  /** @type {string[]} */
  const tags = [];
  let tries = 0;
  const register = async (/** @type {string} */ tag) => {
    tries += 1;
    if (tries <= refusals) {
      throw new DOMException("not now", "NotAllowedError");
    }
    tags.push(tag);
  };
  const serviceWorker = { ready: Promise.resolve({ sync: { register } }) };
  Object.defineProperty(navigator, "serviceWorker", { value: serviceWorker, configurable: true });
  const host = createHost({ ...OWNER, log: "silent" });
  const tell = async (
    /** @type {string} */ network,
    /** @type {number} */ pending,
    retrying = 0,
  ) => {
    host.notice("snapshot", JSON.stringify({ network, queue: { pending, retrying } }));
    await new Promise((resolve) => setImmediate(resolve));
  };
  await tell(network, pending);
  syncWhileWaiting(host, () => "the tag");
  await tell(network, pending);
  return { tags, tell };
}

test("a sync is registered once for charges that go on waiting", async () => {
  const { tags, tell } = await page("online", 0);
  await tell("online", 1);
  assert.deepEqual(tags, []);
  await tell("unreachable", 2);
  await tell("unreachable", 1, 1);
  await tell("offline", 0, 2);
  assert.deepEqual(tags, ["the tag"]);
});

test("a sync is registered anew when more charges wait: the browser may have given the last one up", async () => {
  const { tags, tell } = await page("online", 0);
  await tell("unreachable", 1);
  await tell("unreachable", 1, 1);
  assert.equal(tags.length, 2);
  await tell("unreachable", 1);
  await tell("unreachable", 2);
  assert.equal(tags.length, 3);
});

test("a sync is registered anew when charges wait again", async () => {
  const { tags, tell } = await page("online", 0);
  await tell("offline", 2);
  await tell("online", 2);
  await tell("offline", 2);
  await tell("offline", 0);
  await tell("offline", 1);
  assert.equal(tags.length, 3);
});

test("a sync that could not be registered is registered at the next change", async () => {
  const { tags, tell } = await page("online", 0, 1);
  await tell("offline", 1);
  assert.deepEqual(tags, []);
  await tell("offline", 0, 1);
  assert.deepEqual(tags, ["the tag"]);
});

test("a sync is registered for charges that wait already when the client is opened", async () => {
  const { tags } = await page("offline", 1);
  assert.deepEqual(tags, ["the tag"]);
});
