import assert from "node:assert/strict";
import { test } from "node:test";
import { freshAccount, stemOf } from "./support/accounts.mjs";
import { deleteDatabase } from "./support/database.mjs";
import { PATIENT, Stage } from "./support/stage.mjs";
import { locksAre, openIn, queueAll, settledIn, tasks } from "./support/tabs.mjs";
import { watch } from "./support/watched.mjs";

const stage = new Stage();
const REQUEST = { taskId: "film", amount: 4, feature: "cloud_trans" };
/** Time limits that no request and no call of these tests reaches. */
const RETRY = { ...PATIENT, requestTimeoutMs: 60_000 };

/** A page that watches itself, nothing opened yet. */
async function watchedPage() {
  const { context, page, account, options } = await stage.bare("let go");
  await watch(context);
  await stage.site.visit(page);
  const held = await page.evaluate(() => globalThis.watched.held());
  assert.deepEqual(held, {}, "the page itself holds nothing");
  return { context, page, account, options: { ...options, retry: RETRY } };
}

/**
 * Closes the page's client, and makes sure that nothing is left of it.
 *
 * @param {import("playwright-core").Page} page
 * @param {string} account
 */
async function letsGo(page, account) {
  const left = await page.evaluate(async () => {
    await globalThis.client.close();
    const { lock, ...left } = await globalThis.watched.held();
    // The browser takes a moment to give a lock back.
    await globalThis.watched.comesTo((held) => held.lock === undefined);
    return { ...left, ...(await globalThis.watched.held()) };
  });
  assert.deepEqual(left, {});
  assert.equal(await deleteDatabase(page, stage.server, account), "deleted");
}

test("an idle client holds browser resources, and none once it is closed", async () => {
  const { page, account, options } = await watchedPage();
  await openIn(page, options);
  const held = await page.evaluate(() => globalThis.watched.held());
  assert.deepEqual(
    Object.keys(held).sort(),
    ["channel", "database", "listener", "lock", "timer"],
    "what the watching is about, so that it can fail",
  );
  await letsGo(page, account);
});

test("a client closed right after opening holds nothing", async () => {
  const { page, account, options } = await watchedPage();
  await page.evaluate(async (options) => {
    globalThis.client = await globalThis.openClient(options);
  }, options);
  await letsGo(page, account);
});

test("a client closed in the same turn in which it opened, and twice, holds nothing", async () => {
  const { page, account, options } = await watchedPage();
  await page.evaluate(async (options) => {
    globalThis.client = await globalThis.openClient(options);
    await Promise.all([globalThis.client.close(), globalThis.client.close()]);
  }, options);
  await letsGo(page, account);
});

test("a client closed while it reads its journal holds nothing", async () => {
  const { page, account, options } = await watchedPage();
  await openIn(page, options);
  await page.evaluate(async () => {
    // By a transaction of either kind: most reading needs no more than a readonly one.
    const reads = new Promise((resolve) => {
      const { transaction } = IDBDatabase.prototype;
      IDBDatabase.prototype.transaction = function (...args) {
        IDBDatabase.prototype.transaction = transaction;
        resolve(0);
        return transaction.apply(this, args);
      };
    });
    // A client that wakes up reads its journal.
    dispatchEvent(new Event("online"));
    await reads;
    await globalThis.client.close();
  });
  await letsGo(page, account);
});

test("a client closed with queued charges holds nothing", async () => {
  const { context, page, account, options } = await watchedPage();
  await openIn(page, options);
  await context.setOffline(true);
  await queueAll(page, ["film"]);
  await letsGo(page, account);
});

test("a client closed with a charge's request on its way holds nothing, and the next settles the charge", async () => {
  const { page, account, options } = await watchedPage();
  await openIn(page, options);
  await stage.server.breakFor(account, { kind: "hang_after" }, { on: "charge" });
  const outcome = await page.evaluate(async (request) => {
    const stop = new AbortController();
    const asked = globalThis.client.charge(request, { signal: stop.signal });
    await globalThis.watched.comesTo(
      (held) => held.request?.some((name) => name.startsWith("POST")) ?? false,
    );
    stop.abort();
    return asked;
  }, REQUEST);
  assert.equal(outcome.status, "unknown");
  const left = await page.evaluate(async () => {
    await globalThis.client.close();
    await globalThis.watched.comesTo((held) => Object.keys(held).length === 0);
    return globalThis.watched.held();
  });
  assert.deepEqual(left, {});
  await stage.server.repair();
  await openIn(page, options);
  const [settled] = await settledIn(page, ["cloud_trans:film"]);
  assert.equal(settled?.status, "charged");
  assert.equal((await stage.server.ledger(account)).charges.length, 1);
  await letsGo(page, account);
});

test("a client closed while it reads the balance holds nothing", async () => {
  const { page, account, options } = await watchedPage();
  await stage.server.breakFor(account, { kind: "hang" }, { on: "balance" });
  await page.evaluate(async (options) => {
    globalThis.client = await globalThis.openClient(options);
    globalThis.kept.balance = globalThis.client.refreshBalance();
    await globalThis.watched.comesTo((held) => held.request !== undefined);
  }, options);
  await letsGo(page, account);
  const balance = await page.evaluate(() => globalThis.kept.balance);
  assert.equal(/** @type {{ status: string }} */ (balance).status, "unavailable");
});

test("a client closed while it flushes holds nothing", async () => {
  const { context, page, account, options } = await watchedPage();
  await queueCharges(context, page, options);
  await stage.server.breakFor(account, { kind: "hang" }, { on: "batch" });
  await context.setOffline(false);
  await page.evaluate(() =>
    globalThis.watched.comesTo(
      (held) => held.request?.some((url) => url.includes("batch")) ?? false,
    ),
  );
  await letsGo(page, account);
});

test("a client closed while it waits for another tab's flush lock holds nothing", async () => {
  const { context, page, account, options } = await watchedPage();
  const other = await context.newPage();
  await stage.site.visit(other);
  await holdFlushLock(other, account);
  await queueCharges(context, page, options);
  await context.setOffline(false);
  await locksAre(page, "its wait for the lock", ({ pending }) => pending.includes("flush"));
  const left = await page.evaluate(async () => {
    await globalThis.client.close();
    // The browser takes a moment to give a lock back.
    await globalThis.watched.comesTo(({ lock }) => lock?.length === 1);
    const { lock, ...left } = await globalThis.watched.held();
    return { lock: lock?.length, ...left };
  });
  assert.deepEqual(left, { lock: 1 }, "only the other tab's lock");
  assert.equal(await deleteDatabase(page, stage.server, account), "deleted");
});

test("a client closed in the same turn in which a flush begins, the lock held elsewhere, holds nothing", async () => {
  const { context, page, account, options } = await watchedPage();
  const other = await context.newPage();
  await stage.site.visit(other);
  await queueCharges(context, page, options);
  await holdFlushLock(other, account);
  await page.evaluate(async () => {
    // The shell asks for the lock in the same task in which it is closed.
    dispatchEvent(new Event("online"));
    void globalThis.client.flush().catch(() => {});
    await globalThis.client.close();
  });
  await context.setOffline(false);
  const left = await page.evaluate(async () => {
    await globalThis.watched.comesTo(({ lock }) => lock?.length === 1);
    return globalThis.watched.held();
  });
  assert.deepEqual(left, { lock: [`${stemOf(stage.server, account)}:flush`] });
});

test("closing one of two clients in a page leaves the other working until it is closed too", async () => {
  const { page, account, options } = await watchedPage();
  const outcome = await page.evaluate(
    async ({ options, request }) => {
      const first = await globalThis.openClient(options);
      globalThis.client = await globalThis.openClient(options);
      await first.close();
      return globalThis.client.charge(request);
    },
    { options, request: REQUEST },
  );
  assert.equal(outcome.status, "charged");
  await letsGo(page, account);
});

test("closing a client leaves another account's client alone", async () => {
  const { page, account, options } = await watchedPage();
  const otherOptions = { ...(await stage.options(freshAccount("other"))), retry: RETRY };
  const { held, outcome } = await page.evaluate(
    async ({ options, otherOptions, request }) => {
      const closing = await globalThis.openClient(options);
      globalThis.client = await globalThis.openClient(otherOptions);
      await closing.close();
      const held = await globalThis.watched.held();
      return { held, outcome: await globalThis.client.charge(request) };
    },
    { options, otherOptions, request: REQUEST },
  );
  assert.equal(held.database?.length, 1);
  assert.equal(held.channel?.length, 1);
  assert.equal(outcome.status, "charged");
  assert.equal(await deleteDatabase(page, stage.server, account), "deleted");
});

/**
 * Opens the page's client and leaves charges in its queue; the context is offline then.
 *
 * @param {import("playwright-core").BrowserContext} context
 * @param {import("playwright-core").Page} page
 * @param {Parameters<typeof openClient>[0]} options
 */
async function queueCharges(context, page, options) {
  await openIn(page, options);
  await context.setOffline(true);
  await queueAll(page, tasks("film", 10));
}

/**
 * Takes the account's flush lock in a page, for as long as the page lives.
 *
 * @param {import("playwright-core").Page} page
 * @param {string} account
 */
async function holdFlushLock(page, account) {
  await page.evaluate(
    (name) =>
      new Promise((held) => {
        void navigator.locks.request(name, () => {
          held(true);
          return new Promise(() => {});
        });
      }),
    `${stemOf(stage.server, account)}:flush`,
  );
}
