import assert from "node:assert/strict";
import { test } from "node:test";
import {
  allowDeaths,
  deathsLogged,
  KEY,
  MORTAL,
  openLogged,
  openMortal,
  REQUEST,
} from "./support/deaths.mjs";
import { patient, Stage } from "./support/stage.mjs";
import { knowsOffline, locksAre, locksOf, stands } from "./support/tabs.mjs";
import { until } from "./support/until.mjs";
import { watch } from "./support/watched.mjs";

const stage = new Stage({ folder: MORTAL });

/** @param {import("tollbox").BillingOptions["retry"]} [retry] */
const mortal = (retry) => openMortal(stage, retry);

/**
 * Waits until no client of the page's browser context holds its lock of the living. The browser
 * takes a moment to release a lock.
 *
 * @param {import("playwright-core").Page} page
 */
async function noneAlive(page) {
  await locksAre(page, "no lock", ({ held }) => !held.includes("alive"));
}

test("the locks and claims of a module that dies in a flush are free at once", async () => {
  // The client waits for a hung request, under the lock, far longer than this test takes.
  const { context, page, account, options } = await mortal({ requestTimeoutMs: 60_000 });
  await context.setOffline(true);
  await knowsOffline(page);
  await page.evaluate((request) => globalThis.client.charge(request), REQUEST);
  await stage.server.breakFor(account, { kind: "hang" }, { on: "charge" });
  await context.setOffline(false);
  await page.waitForFunction(() => globalThis.client.getSnapshot().queue.retrying === 1);
  await locksAre(page, "the flush's lock", ({ held }) => held.includes("flush"));
  const { tabs: before } = await locksOf(page);
  assert.equal(before.length, 1);

  // The other tab does the work while the dead one's page stays as it is, hung request and all.
  await stage.server.repair();
  await page.evaluate(() => globalThis.die("timer", "trap"));
  const other = await context.newPage();
  await stage.site.visit(other);
  await openLogged(other, options);
  for (const tab of [page, other]) await stands(tab, KEY, "success");
  await locksAre(
    page,
    "the locks of the two that live, without the dead one's",
    ({ tabs }) => tabs.length === 2 && !tabs.includes(before[0] ?? ""),
  );
  assert.equal((await stage.server.ledger(account)).charges.length, 1);

  await other.close();
  await page.evaluate(() => globalThis.client.close());
  await noneAlive(page);
});

test("the next module starts although the browser never confirms that a lock is released", async () => {
  const { page, account, options } = await stage.bare();
  await allowDeaths(page);
  await page.evaluate(() => {
    const { request } = LockManager.prototype;
    LockManager.prototype.request = (/** @type {any[]} */ ...args) => {
      void Reflect.apply(request, navigator.locks, args);
      return new Promise(() => {});
    };
  });
  await openLogged(page, patient(options));
  await page.evaluate(() => globalThis.die("timer", "trap"));
  await page.waitForFunction(() => globalThis.log.some((line) => /has died/.test(line)));
  await page.evaluate((request) => {
    void globalThis.client.charge(request);
  }, REQUEST);
  await page.waitForFunction(() => globalThis.client.getSnapshot().stats.charged === 1);
  assert.equal((await stage.server.ledger(account)).charges.length, 1);
});

test("a module that keeps dying is not restarted for a while, and then goes on", async () => {
  const { page, account } = await mortal();
  /** @param {string} taskId */
  const dieIn = (taskId) =>
    page.evaluate(
      async ({ request, taskId }) => {
        globalThis.die("borrow", "panic");
        return globalThis.client.charge({ ...request, taskId });
      },
      { request: REQUEST, taskId },
    );
  /** @param {string} taskId */
  const charge = (taskId) =>
    page.evaluate(
      async ({ request, taskId }) => {
        try {
          return (await globalThis.client.charge({ ...request, taskId })).status;
        } catch (error) {
          const ours = error instanceof globalThis.tollbox.BillingError;
          return ours ? `${error.code}: ${error.message}` : String(error);
        }
      },
      { request: REQUEST, taskId },
    );
  for (const taskId of ["a", "b", "c", "d"]) {
    const outcome = await dieIn(taskId);
    assert.ok(outcome.status === "unknown" && outcome.resolving, taskId);
    assert.equal(await charge(taskId), "charged");
  }
  const last = await dieIn("e");
  assert.ok(last.status === "unknown");
  assert.equal(last.resolving, false, "nobody goes on with it");
  assert.match(await charge("f"), /^module_load_failed: the billing module has died 5 times/);
  const { confirmed } = /** @type {import("tollbox").Balance} */ (
    await page.evaluate(() => globalThis.client.balance())
  );
  assert.equal(confirmed, 104, "what was last shown is still there");
  assert.equal(await deathsLogged(page), 5);

  // A minute later, by the page's clock.
  await page.evaluate(() => {
    const now = performance.now.bind(performance);
    performance.now = () => now() + 61_000;
  });
  for (const taskId of ["e", "f"]) assert.equal(await charge(taskId), "charged");
  const { charges } = await stage.server.ledger(account);
  assert.deepEqual(charges.map((charge) => charge.task_id).toSorted(), [..."abcdef"]);
});

test("a module that died too often is restarted by itself after a minute", async () => {
  const { context, page, account } = await mortal();
  await context.setOffline(true);
  await knowsOffline(page);
  const { status } = await page.evaluate((request) => globalThis.client.charge(request), REQUEST);
  assert.equal(status, "queued");
  // The test decides when the minute is over.
  await page.evaluate(() => {
    const { setTimeout } = globalThis;
    /** @type {(() => void)[]} */
    const rests = [];
    globalThis.kept.rests = rests;
    Reflect.set(globalThis, "setTimeout", (/** @type {() => void} */ work, ms = 0) =>
      ms > 50_000 && ms <= 60_000 ? rests.push(work) : setTimeout(work, ms),
    );
  });
  for (let times = 1; times <= 5; times += 1) {
    await page.evaluate(() => globalThis.die("timer", "trap"));
    await until(`death ${times}`, async () => (await deathsLogged(page)) === times);
    if (times < 5) await page.evaluate(() => globalThis.client.charges());
  }
  await context.setOffline(false);
  await page.waitForFunction(
    () => /** @type {(() => void)[]} */ (globalThis.kept.rests).length > 0,
  );
  assert.deepEqual((await stage.server.ledger(account)).charges, []);

  await page.evaluate(() => {
    const now = performance.now.bind(performance);
    performance.now = () => now() + 61_000;
    for (const work of /** @type {(() => void)[]} */ (globalThis.kept.rests)) work();
  });
  await stands(page, KEY, "success");
  assert.equal((await stage.server.ledger(account)).charges.length, 1);
});

test("close right after the module's death keeps the charges, and holds nothing", async () => {
  const { page, options, account } = await mortal();
  const { outcome, later } = await page.evaluate(async (request) => {
    globalThis.die("call", "panic");
    const asked = globalThis.client.charge(request);
    await globalThis.client.close();
    const later = await globalThis.client.charge(request).catch((error) => error.code);
    return { outcome: await asked, later };
  }, REQUEST);
  assert.ok(outcome.status === "unknown" && outcome.resolving);
  assert.equal(later, "closed");
  await noneAlive(page);
  await openLogged(page, options);
  const settled = await page.evaluate((key) => globalThis.client.settled(key), KEY);
  assert.equal(settled.status, "charged");
  assert.equal((await stage.server.ledger(account)).charges.length, 1);
});

test("close resolves although the module dies in it, and another client opens", async () => {
  const { page, options } = await mortal();
  await page.evaluate(() => {
    globalThis.die("borrow", "trap");
    return globalThis.client.close();
  });
  await noneAlive(page);
  await openLogged(page, options);
  const outcome = await page.evaluate((request) => globalThis.client.charge(request), REQUEST);
  assert.equal(outcome.status, "charged");
});

test("a client closed while its module restarts stays closed", async () => {
  const { context, page, options } = await stage.bare();
  await watch(context);
  await stage.site.visit(page);
  await allowDeaths(page);
  await openLogged(page, options);
  await page.evaluate(() => globalThis.client.refreshBalance());
  const { before, left } = await page.evaluate(async ({ token, ...options }) => {
    const died = new Promise((resolve) => addEventListener("error", resolve, { once: true }));
    const before = await globalThis.watched.held();
    globalThis.die("timer", "trap");
    await died;
    await globalThis.client.close();
    // By the time another client is open, the closed one would be open too.
    const getToken = () => token;
    const later = await globalThis.tollbox.openBilling({ ...options, getToken });
    await later.refreshBalance();
    await later.close();
    await globalThis.watched.comesTo(({ lock }) => lock === undefined);
    return { before, left: await globalThis.watched.held() };
  }, options);
  assert.equal(await deathsLogged(page), 1);
  // A dead module can release nothing but its locks; beyond its leftovers nothing is held.
  assert.equal(left.lock, undefined, "no client lives");
  for (const [kind, things] of Object.entries(left)) {
    assert.ok(things.length <= (before[kind]?.length ?? 0), JSON.stringify({ before, left }));
  }
});

test("a call that kills the module each time is given up, and others are answered", async () => {
  const { page, account } = await mortal();
  const code = await page.evaluate(async () => {
    // Each later instance has this method too.
    const { Client } = /** @type {any} */ (globalThis.tollbox);
    const { getCharge } = Client.prototype;
    Client.prototype.getCharge = function (/** @type {string} */ key) {
      if (key === "poison") globalThis.die("call", "trap");
      return getCharge.call(this, key);
    };
    return globalThis.client.getCharge("poison").catch((error) => error.code);
  });
  assert.equal(code, "module_load_failed");
  assert.equal(await deathsLogged(page), 3);
  const outcome = await page.evaluate((request) => globalThis.client.charge(request), REQUEST);
  assert.equal(outcome.status, "charged");
  assert.equal((await stage.server.ledger(account)).charges.length, 1);
});

test("holds stay while a dead module is restarted", async () => {
  const { context, page } = await mortal();
  await page.evaluate(() => globalThis.client.refreshBalance());
  await context.setOffline(true);
  await knowsOffline(page);
  const { most, after } = await page.evaluate(async (request) => {
    await globalThis.client.charge(request);
    const { available = 0 } = globalThis.client.balance() ?? {};
    /** @type {number[]} */
    const seen = [];
    globalThis.client.on("balance", (balance) => seen.push(balance.available));
    globalThis.client.subscribe(() => seen.push(globalThis.client.balance()?.available ?? 0));
    globalThis.die("borrow", "panic");
    await globalThis.client.getCharge("none");
    return { most: Math.max(...seen, available) - available, after: globalThis.client.balance() };
  }, REQUEST);
  assert.equal(most, 0);
  assert.ok(after && after.held > 0, JSON.stringify(after));
});

test("a signed-out client stays so after the module's death: it asks for no token", async () => {
  const { context, page, account, options } = await mortal();
  await context.setOffline(true);
  await knowsOffline(page);
  await page.evaluate(async (request) => {
    await globalThis.client.charge(request);
    await globalThis.client.signOut();
  }, REQUEST);
  await context.setOffline(false);
  const code = await page.evaluate(async (request) => {
    globalThis.die("borrow", "panic");
    const code = (/** @type {any} */ error) => error.code;
    const codes = [await globalThis.client.charge(request).catch(code)];
    codes.push(await globalThis.client.charge(request).catch(code));
    codes.push(await globalThis.client.retry("cloud_trans:film").catch(code));
    return codes;
  }, REQUEST);
  assert.deepEqual(code, ["closed", "closed", "closed"]);
  assert.deepEqual((await stage.server.ledger(account)).charges, []);
  await noneAlive(page);
  await openLogged(page, options);
  const settled = await page.evaluate((key) => globalThis.client.settled(key), KEY);
  assert.equal(settled.status, "charged");
});

test("traps and exceptions of other code do not count as the module's death", async () => {
  const { page, account } = await mortal();
  const status = await page.evaluate(async (request) => {
    // (module (func (export "f") unreachable))
    const header = [0, 97, 115, 109, 1, 0, 0, 0, 1, 4, 1, 96, 0, 0, 3, 2, 1, 0];
    const body = [7, 5, 1, 1, 102, 0, 0, 10, 5, 1, 3, 0, 0, 11];
    const { instance } = await WebAssembly.instantiate(new Uint8Array([...header, ...body]));
    const trap = /** @type {() => void} */ (instance.exports.f);
    const caught = new Promise((resolve) => addEventListener("error", resolve, { once: true }));
    setTimeout(trap);
    await caught;
    globalThis.client.on("charge", trap);
    globalThis.client.subscribe(trap);
    return (await globalThis.client.charge(request)).status;
  }, REQUEST);
  assert.equal(status, "charged");
  assert.equal(await deathsLogged(page), 0);
  assert.equal((await stage.server.ledger(account)).charges.length, 1);
});
