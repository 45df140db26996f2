import assert from "node:assert/strict";
import { test } from "node:test";
import { launchWithCache } from "./support/browser.mjs";
import { Stage } from "./support/stage.mjs";
import {
  chargeAll,
  chargedOnce,
  locksAre,
  openIn,
  queueAll,
  seesCharged,
  stuckFlush,
} from "./support/tabs.mjs";
import { until } from "./support/until.mjs";

const stage = new Stage({ launching: launchWithCache });
/** No claim and no request ends by its time within a test. */
const LIMIT_MS = 120_000;
/** Long for a hand-over between two tabs on any machine, short for a claim. */
const PROMPTLY_MS = 30_000;

/** Two tabs of one account, of which the first is to be put into the back/forward cache. */
async function twoTabs() {
  const { context, page: traveller, account, options } = await stage.bare("bfcache");
  const other = await context.newPage();
  await stage.site.visit(other);
  return { context, traveller, other, account, options };
}

/**
 * Leaves for another origin.
 *
 * @param {import("playwright-core").Page} page with an open client
 */
async function leave(page) {
  await page.evaluate(async () => {
    // Chromium throws a page out of the cache in which an answer of the browser's (of a lock or a
    // transaction) has run JavaScript: what has been asked is answered first.
    for (let round = 0; round < 3; round += 1) {
      await globalThis.client.charges();
      await navigator.locks.query();
    }
    globalThis.kept.shown = new Promise((resolve) => {
      addEventListener("pageshow", (event) => resolve(event.persisted), { once: true });
    });
  });
  await page.goto(stage.server.url, { waitUntil: "commit" });
}

/**
 * Comes back, and makes sure that it is the same document, out of the cache.
 *
 * @param {import("playwright-core").Page} page
 */
async function comeBack(page) {
  // No document is loaded, so nothing but the commit can be awaited.
  await page.goBack({ waitUntil: "commit" });
  const { kept, why } = await page.evaluate(async () => {
    const [entry] = performance.getEntriesByType("navigation");
    const reasons = JSON.stringify(Reflect.get(entry ?? {}, "notRestoredReasons"));
    return { kept: await globalThis.kept?.shown, why: reasons };
  });
  assert.equal(kept, true, `not out of the cache: ${why}`);
}

test("back from the cache a client lives again: lock, charges, network, timers, other tabs", async () => {
  const { context, traveller, other, account, options } = await twoTabs();
  await openIn(traveller, options);
  await locksAre(other, "its lock of the living", ({ held }) => held.includes("alive"));
  await leave(traveller);
  await locksAre(other, "no lock of the one in the cache", ({ held }) => held.length === 0);
  await comeBack(traveller);
  await locksAre(other, "its lock again", ({ held }) => held.includes("alive"));

  const [outcome] = await chargeAll(traveller, ["film"]);
  assert.equal(outcome?.status, "charged");

  await context.setOffline(true);
  await traveller.waitForFunction(() => globalThis.client.getSnapshot().network === "offline");
  await queueAll(traveller, ["offline"]);
  await context.setOffline(false);
  await seesCharged(traveller, ["offline"]);

  await stage.server.breakFor(account, { kind: "status", status: 500 }, { on: "charge", times: 5 });
  await chargeAll(traveller, ["retried"]);
  await seesCharged(traveller, ["retried"]);

  await traveller.evaluate(() => {
    globalThis.client.on("charge", ({ taskId, status }) => {
      if (taskId === "elsewhere" && status === "success") globalThis.kept.heard = true;
    });
  });
  await openIn(other, options);
  await chargeAll(other, ["elsewhere"]);
  await traveller.waitForFunction(() => globalThis.kept.heard);
  const taskIds = ["film", "offline", "retried", "elsewhere"];
  chargedOnce(await stage.server.ledger(account), taskIds);
});

test("what another tab does meanwhile leaves a page in the cache, which sees it on return", async () => {
  const { traveller, other, account, options } = await twoTabs();
  await openIn(traveller, {
    ...options,
    retry: { requestTimeoutMs: LIMIT_MS, respondWithinMs: 200 },
  });
  await stage.server.breakFor(account, { kind: "hang" }, { on: "charge", times: 1 });
  const [mine] = await chargeAll(traveller, ["mine"]);
  assert.equal(mine?.status, "unknown");
  await leave(traveller);
  await openIn(other, options);
  await seesCharged(other, ["mine"]);
  await chargeAll(other, ["theirs"]);
  await comeBack(traveller);
  await seesCharged(traveller, ["mine", "theirs"]);
  await traveller.waitForFunction(() => globalThis.client.balance()?.confirmed === 118);
  chargedOnce(await stage.server.ledger(account), ["mine", "theirs"]);
});

test("a flushing tab goes into the cache, its request lost: who waits goes on", async (t) => {
  await flushingTabLeaves(t, "hang");
});

test("a flushing tab goes into the cache, its charges made: who waits goes on, once", async (t) => {
  await flushingTabLeaves(t, "hang_after");
});

/**
 * @param {import("node:test").TestContext} t
 * @param {"hang" | "hang_after"} kind
 */
async function flushingTabLeaves(t, kind) {
  const { first, second, account, taskIds } = await stuckFlush(stage, kind, LIMIT_MS);
  const began = Date.now();
  await leave(first);
  await seesCharged(second, taskIds);
  const ms = Date.now() - began;
  t.diagnostic(`all charged ${ms} ms after it left`);
  assert.ok(ms < PROMPTLY_MS, `${ms} ms`);
  chargedOnce(await stage.server.ledger(account), taskIds);

  await comeBack(first);
  await seesCharged(first, taskIds);
  await chargeAll(first, ["after"]);
  await seesCharged(first, ["after"]);
  chargedOnce(await stage.server.ledger(account), [...taskIds, "after"]);
}

test("a tab goes into the cache waiting for the lock: back, its charges are made", async () => {
  const { first, second, account, taskIds } = await stuckFlush(stage, "hang_after", LIMIT_MS);
  await leave(second);
  await locksAre(first, "nobody waiting", ({ pending }) => pending.length === 0);
  await first.close();
  await comeBack(second);
  const began = Date.now();
  await seesCharged(second, taskIds);
  assert.ok(Date.now() - began < PROMPTLY_MS);
  chargedOnce(await stage.server.ledger(account), taskIds);
});

test("nothing is left to the garbage collector, whose work would throw a page out of the cache", async () => {
  const { context, options } = await stage.bare("bfcache");
  const page = await context.newPage();
  await page.addInitScript(() => {
    globalThis.collected = [];
    globalThis.FinalizationRegistry = new Proxy(FinalizationRegistry, {
      construct(Registry, [cleanUp]) {
        return new Registry((held) => {
          globalThis.collected.push(held === "canary" ? held : "ours");
          cleanUp(held);
        });
      },
    });
  });
  await stage.site.visit(page);
  await openIn(page, options);
  await chargeAll(page, ["one", "two", "three"]);
  await page.evaluate(async () => {
    const stopped = globalThis.client.settled("asr:one", { signal: AbortSignal.timeout(10_000) });
    await Promise.all([stopped, globalThis.client.charges(), globalThis.client.flush()]);
    const registry = new FinalizationRegistry(() => {});
    globalThis.kept.registry = registry;
    registry.register({}, "canary");
  });
  const devtools = await context.newCDPSession(page);
  await until(
    () => "the canary is collected",
    async () => {
      await devtools.send("HeapProfiler.collectGarbage");
      return page.evaluate(() => globalThis.collected.includes("canary"));
    },
  );
  assert.deepEqual(await page.evaluate(() => globalThis.collected), ["canary"]);
});
