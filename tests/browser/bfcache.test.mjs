import assert from "node:assert/strict";
import { test } from "node:test";
import { launchWithCache } from "./support/browser.mjs";
import { goesOnPromptly, LIMIT_MS, stuckFlush } from "./support/hand-over.mjs";
import { patient, Stage } from "./support/stage.mjs";
import {
  chargeAll,
  chargedOnce,
  locksAre,
  openIn,
  queueAll,
  seesCharged,
} from "./support/tabs.mjs";
import { until } from "./support/until.mjs";

const stage = new Stage({ launching: launchWithCache });
/** The most attempts at a journey, as the browser may evict the page. */
const MOST_JOURNEYS = 3;

/** The browser has evicted the page for a reason that it does not tell. */
class ThrownOut extends Error {}

/**
 * A test whose page is restored from the cache. If the browser evicts the page, its document is
 * gone, so the whole journey is repeated.
 *
 * @param {string} name
 * @param {(t: import("node:test").TestContext) => Promise<void>} journey
 */
function testJourney(name, journey) {
  test(name, async (t) => {
    for (let begun = 1; ; begun += 1) {
      try {
        return await journey(t);
      } catch (error) {
        if (!(error instanceof ThrownOut) || begun === MOST_JOURNEYS) throw error;
        t.diagnostic(`once more: ${error.message}`);
        await stage.server.repair();
      }
    }
  });
}

/** Two tabs of one account; the first is the one to enter the back/forward cache. */
async function twoTabs() {
  const { context, page: traveller, account, options } = await stage.bare("bfcache");
  const other = await context.newPage();
  await stage.site.visit(other);
  return { context, traveller, other, account, options };
}

/**
 * Navigates the page to another origin, and so into the cache.
 *
 * @param {import("playwright-core").Page} page with an open client
 */
async function leave(page) {
  await page.evaluate(async () => {
    // Chromium evicts a cached page in which an answer of the browser (for a lock or a transaction)
    // runs JavaScript, so pending requests are answered first.
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
 * Navigates back, and makes sure that the same document came out of the cache.
 *
 * @param {import("playwright-core").Page} page
 */
async function comeBack(page) {
  // Asked for by the page itself: the driver may not be attached yet to the one that has just come.
  // No document is loaded, so nothing but the commit can be awaited.
  const back = page.waitForEvent("framenavigated");
  await page.evaluate(() => history.back());
  await back;
  const { kept, why } = await page.evaluate(async () => {
    const [entry] = performance.getEntriesByType("navigation");
    const reasons = JSON.stringify(Reflect.get(entry ?? {}, "notRestoredReasons"));
    return { kept: await globalThis.kept?.shown, why: reasons };
  });
  // Chromium's only word for an eviction because of an answer that ran JavaScript.
  if (kept !== true && `${why}`.includes('"masked"')) throw new ThrownOut(why);
  assert.equal(kept, true, `not out of the cache: ${why}`);
}

testJourney(
  "a client restored from the cache works again: lock, charges, network, timers, other tabs",
  async () => {
    const { context, traveller, other, account, options } = await twoTabs();
    await openIn(traveller, patient(options));
    await locksAre(other, "its lock of the living", ({ held }) => held.includes("alive"));
    await leave(traveller);
    await locksAre(other, "no lock of the one in the cache", ({ held }) => held.length === 0);
    await comeBack(traveller);
    await locksAre(other, "its lock again", ({ held }) => held.includes("alive"));

    const [outcome] = await chargeAll(traveller, ["film"]);
    assert.equal(outcome?.status, "charged");

    await context.setOffline(true);
    await queueAll(traveller, ["offline"]);
    await context.setOffline(false);
    await seesCharged(traveller, ["offline"]);

    await stage.server.breakFor(
      account,
      { kind: "status", status: 500 },
      { on: "charge", times: 5 },
    );
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
  },
);

testJourney(
  "activity in another tab does not evict a page from the cache, which sees it when restored",
  async () => {
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
  },
);

testJourney("a page cached while another tab signs out is restored signed out", async () => {
  const { context, traveller, other, account, options } = await twoTabs();
  for (const page of [traveller, other]) await openIn(page, patient(options));
  await context.setOffline(true);
  await queueAll(traveller, ["film"]);
  await context.setOffline(false);
  await seesCharged(traveller, ["film"]);
  await leave(traveller);
  await other.evaluate(() => globalThis.client.signOut());
  /** @type {string[]} */
  const sent = [];
  context.on("request", (request) => {
    if (request.url().startsWith(stage.server.billing)) sent.push(request.url());
  });
  await comeBack(traveller);
  await traveller.waitForFunction(() => globalThis.client.balance() === null);
  const seen = await traveller.evaluate(
    async (where) => {
      const { client } = globalThis;
      const charge = client.charge({ taskId: "late", amount: 1, feature: "asr" });
      const code = await charge.catch((error) => error.code);
      const { stopped } = await client.flush();
      return { code, stopped, cached: globalThis.tollbox.cachedBalance(where) };
    },
    { baseUrl: options.baseUrl, account },
  );
  assert.deepEqual(seen, { code: "closed", stopped: "unauthorized", cached: null });
  assert.deepEqual(sent, []);
  chargedOnce(await stage.server.ledger(account), ["film"]);
});

for (const [what, kind] of /** @type {const} */ ([
  ["its request lost: the waiting tab goes on", "hang"],
  ["its charges made: the waiting tab goes on and charges nothing twice", "hang_after"],
])) {
  testJourney(`a flushing tab goes into the cache, ${what}`, async (t) => {
    const stuck = await stuckFlush(stage, kind);
    const { first, second, account, taskIds } = stuck;
    await goesOnPromptly(t, stage, stuck, second, () => leave(first));

    await comeBack(first);
    await seesCharged(first, taskIds);
    await chargeAll(first, ["after"]);
    await seesCharged(first, ["after"]);
    chargedOnce(await stage.server.ledger(account), [...taskIds, "after"]);
  });
}

testJourney(
  "a tab that enters the cache while it waits for the lock makes its charges when restored",
  async (t) => {
    const stuck = await stuckFlush(stage, "hang_after");
    const { first, second } = stuck;
    await leave(second);
    await locksAre(first, "nobody waiting", ({ pending }) => pending.length === 0);
    await first.close();
    await goesOnPromptly(t, stage, stuck, second, () => comeBack(second));
  },
);

test("a client leaves no finalizers to the garbage collector, which would evict its page from the cache", async () => {
  const { context, options } = await stage.bare("bfcache");
  const page = await context.newPage();
  await page.addInitScript(() => {
    globalThis.collected = [];
    globalThis.FinalizationRegistry = new Proxy(FinalizationRegistry, {
      construct(Registry, [cleanUp]) {
        return new Registry((held) => {
          globalThis.collected.push(String(held).endsWith("canary") ? held : "ours");
          cleanUp(held);
        });
      },
    });
  });
  await stage.site.visit(page);
  await openIn(page, options);
  await chargeAll(page, ["one", "two", "three"]);
  await context.setOffline(true);
  await queueAll(page, ["open"]);
  const abandoned = await page.evaluate(async () => {
    const stop = new AbortController();
    const waiting = globalThis.client.settled("asr:open", { signal: stop.signal });
    stop.abort();
    const name = await waiting.catch((error) => error.name);
    await Promise.all([globalThis.client.charges(), globalThis.client.flush()]);
    return name;
  });
  assert.equal(abandoned, "AbortError");
  await collectCanary(page, "first canary");
  await context.setOffline(false);
  await seesCharged(page, ["open"]);
  // Each registry is told in a task of its own: by the third canary, all finds of the second are
  // told.
  for (const name of ["second canary", "third canary"]) await collectCanary(page, name);
  assert.deepEqual(await page.evaluate(() => globalThis.collected), [
    "first canary",
    "second canary",
    "third canary",
  ]);
});

test("a client goes on at once though the page's timers have stood still in the cache", async () => {
  const { page, account, options } = await stage.bare("bfcache");
  await openIn(page, patient(options));
  await page.evaluate(() => {
    dispatchEvent(new PageTransitionEvent("pagehide", { persisted: true }));
    // What the timers wait for is as far away as before.
    const now = performance.now.bind(performance);
    performance.now = () => now() + 400_000;
    dispatchEvent(new PageTransitionEvent("pageshow", { persisted: true }));
  });
  await stage.server.breakFor(account, { kind: "drop_before" }, { on: "any" });
  await page.evaluate(() => {
    void globalThis.client.charge({ taskId: "one", amount: 1, feature: "asr" });
  });
  await until("the server is out of reach", () =>
    page.evaluate(() => globalThis.client.getSnapshot().network === "unreachable"),
  );
  await stage.server.repair();
  // A call would have it go on.
  await until("the charge is made", () =>
    page.evaluate(() => globalThis.client.getSnapshot().stats.charged === 1),
  );
});

/**
 * Waits until the page's garbage has been collected, and its registries have been told.
 *
 * @param {import("playwright-core").Page} page
 * @param {string} name
 */
async function collectCanary(page, name) {
  await page.evaluate((name) => {
    const registry = new FinalizationRegistry(() => {});
    globalThis.kept[name] = registry;
    registry.register({}, name);
  }, name);
  const devtools = await page.context().newCDPSession(page);
  await until(name, async () => {
    await devtools.send("HeapProfiler.collectGarbage");
    return page.evaluate((name) => globalThis.collected.includes(name), name);
  });
  await devtools.detach();
}
