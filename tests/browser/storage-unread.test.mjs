import assert from "node:assert/strict";
import { cpSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { freshAccount } from "./support/accounts.mjs";
import { openDatabase } from "./support/database.mjs";
import { ProfiledBrowser } from "./support/profile.mjs";
import { Stage } from "./support/stage.mjs";
import { chargeAll, chargedOnce, knowsOffline, openIn, seesCharged } from "./support/tabs.mjs";

const stage = new Stage();

/** @typedef {import("playwright-core").Page} Page */
/** @typedef {Awaited<ReturnType<Stage["options"]>>} Options */

/**
 * Opens a client in the page, and keeps its alerts.
 *
 * @param {Page} page
 * @param {Options & Partial<import("tollbox").BillingOptions>} options
 */
async function openHeard(page, options) {
  await page.evaluate(async (options) => {
    globalThis.client = await globalThis.openClient(options);
    /** @type {string[]} */
    const alerts = [];
    globalThis.kept.alerts = alerts;
    globalThis.client.on("alert", ({ kind, detail }) => alerts.push(`${kind}: ${detail}`));
  }, options);
}

/** @param {Page} page @param {string} text what an alert says */
async function hears(page, text) {
  await page.waitForFunction(
    (text) =>
      /** @type {string[]} */ (globalThis.kept.alerts).some((alert) => alert.includes(text)),
    text,
  );
}

/**
 * A charge that was made and whose answer was lost, and a page for the next client.
 *
 * @param {string} purpose
 */
async function oneTaken(purpose) {
  const { context, page, account, options } = await stage.bare(purpose);
  await openIn(page, options);
  await stage.server.breakFor(account, { kind: "drop_after" }, { on: "charge" });
  const [outcome] = await chargeAll(page, ["film"]);
  assert.equal(outcome?.status, "unknown");
  await page.evaluate(() => globalThis.client.close());
  await stage.server.repair();
  await stage.site.visit(page);
  return { context, page, account, options };
}

/** Ways in which the journal can't be read at a start; each is run in the page. */
const UNREAD = {
  "can't be opened": () => {
    IDBFactory.prototype.open = () => {
      throw new DOMException("no", "UnknownError");
    };
  },
  "is not there": () => {
    Object.defineProperty(globalThis, "indexedDB", { configurable: true, value: undefined });
  },
  "can't be read": () => {
    const fail = () => {
      throw new DOMException("no", "UnknownError");
    };
    IDBDatabase.prototype.transaction = fail;
  },
};

for (const [what, spoil] of Object.entries(UNREAD)) {
  for (const storage of /** @type {const} */ (["auto", "indexeddb"])) {
    test(`a charge that may have been made is unknown while IndexedDB ${what} (${storage}), and made in the end`, async () => {
      const { context, page, account, options } = await oneTaken("unread");
      await page.evaluate(spoil);
      await openHeard(page, { ...options, queue: { storage } });
      await context.setOffline(true);
      await knowsOffline(page);
      const [again] = await chargeAll(page, ["film"]);
      assert.ok(again?.status === "unknown" && again.resolving, JSON.stringify(again));
      const given = await page.evaluate((key) => globalThis.client.cancel(key), again.key);
      assert.equal(given.status, "unknown", JSON.stringify(given));
      await context.setOffline(false);
      await page.evaluate(() => globalThis.client.close());

      // IndexedDB works again.
      await stage.site.visit(page);
      await openIn(page, { ...options, queue: { storage } });
      assert.equal(await page.evaluate(() => globalThis.client.getSnapshot().storage), "indexeddb");
      await seesCharged(page, ["film"]);
      chargedOnce(await stage.server.ledger(account), ["film"]);
    });
  }
}

test("a charge with a damaged record is unknown when asked for again, and charged in the end", async () => {
  const { context, page, account, options } = await oneTaken("damaged");
  await page.evaluate(
    async (database) => {
      const transaction = database.transaction("charges", "readwrite");
      const rows = transaction.objectStore("charges");
      const row = rows.get("asr:film");
      row.onsuccess = () => rows.put({ ...row.result, body: "{}" });
      await new Promise((resolve) => {
        transaction.oncomplete = resolve;
      });
      database.close();
    },
    await openDatabase(page, stage.server, account),
  );
  await openIn(page, options);
  await context.setOffline(true);
  await knowsOffline(page);
  const [again] = await chargeAll(page, ["film"]);
  assert.equal(again?.status, "unknown", JSON.stringify(again));
  await context.setOffline(false);
  await seesCharged(page, ["film"]);
  chargedOnce(await stage.server.ledger(account), ["film"]);
});

/**
 * Ways in which writing fails a few times; each is run in the page, under an open client.
 *
 * @type {Record<string, () => void>}
 */
const PASSING = {
  "transactions fail with UnknownError": () => {
    const { transaction } = IDBDatabase.prototype;
    let left = 5;
    IDBDatabase.prototype.transaction = function (...args) {
      if (left > 0) {
        left -= 1;
        throw new DOMException("Connection to Indexed Database server lost.", "UnknownError");
      }
      return transaction.apply(this, args);
    };
  },
  "the connection is lost, and every use of it fails": () => {
    const { transaction } = IDBDatabase.prototype;
    /** @type {Set<IDBDatabase>} */
    const lost = new Set();
    IDBDatabase.prototype.transaction = function (...args) {
      // The connection that is open at the time.
      if (lost.size === 0) lost.add(this);
      if (lost.has(this)) {
        throw new DOMException(
          "Connection to Indexed Database server lost. Refresh the page to try again",
          "UnknownError",
        );
      }
      return transaction.apply(this, args);
    };
  },
  "transactions abort": () => {
    const { put } = IDBObjectStore.prototype;
    let left = 4;
    IDBObjectStore.prototype.put = function (...args) {
      const request = put.apply(this, args);
      if (left > 0) {
        left -= 1;
        this.transaction.abort();
      }
      return request;
    };
  },
};

for (const [what, spoil] of Object.entries(PASSING)) {
  test(`every charge is made, and none reported as failed, although ${what} a few times`, async () => {
    const { page, account, options } = await stage.bare("passing");
    const retry = { ...options.retry, respondWithinMs: 8_000 };
    await openIn(page, { ...options, retry });
    await page.evaluate(spoil);
    const outcomes = await chargeAll(page, ["one", "two", "three"]);
    for (const { status } of outcomes) assert.equal(status, "charged");
    assert.equal(await page.evaluate(() => globalThis.client.getSnapshot().storage), "indexeddb");
    chargedOnce(await stage.server.ledger(account), ["one", "two", "three"]);
  });
}

/**
 * A browser with its own profile, and an account for which `older`, then `newer` and `newest` were
 * queued without a server. `between` runs while the browser is down, after the first.
 *
 * @param {import("node:test").TestContext} t
 * @param {(databases: string) => void} between
 */
async function twoVisits(t, between) {
  const account = freshAccount("files");
  // No balance is known yet.
  const queue = /** @type {const} */ ({ offlineSpend: "unlimited" });
  const options = { ...(await stage.options(account)), queue };
  const browser = new ProfiledBrowser();
  t.after(() => browser.remove());
  await stage.server.breakFor(account, { kind: "drop_before" });
  for (const taskIds of [["older"], ["newer", "newest"]]) {
    const page = await browser.start();
    await stage.site.visit(page);
    await page.evaluate(async (options) => {
      globalThis.client = await globalThis.openClient(options);
    }, options);
    for (const outcome of await chargeAll(page, taskIds)) {
      assert.ok("durable" in outcome && outcome.durable, JSON.stringify(outcome));
    }
    await page.evaluate(() => globalThis.client.close());
    await browser.quit();
    if (taskIds[0] === "older") between(browser.databases);
  }
  await stage.server.repair();
  return { account, options, browser };
}

test("a database restored from older files is reported with the accepted charges missing in it", async (t) => {
  const copy = path.join(process.cwd(), "target", `files-${process.pid}`);
  t.after(() => rmSync(copy, { recursive: true, force: true }));
  const { account, options, browser } = await twoVisits(t, (databases) => {
    cpSync(databases, copy, { recursive: true });
  });
  rmSync(browser.databases, { recursive: true });
  cpSync(copy, browser.databases, { recursive: true });

  const page = await browser.start();
  await stage.site.visit(page);
  await openHeard(page, options);
  await hears(page, "2 accepted charges are missing in it: asr:newer, asr:newest");
  await seesCharged(page, ["older"]);
  // They may have been sent, so they are looked up first; the server does not know them.
  await chargeAll(page, ["newer", "newest"]);
  await seesCharged(page, ["newer", "newest"]);
  chargedOnce(await stage.server.ledger(account), ["older", "newer", "newest"]);
});

/**
 * Changes the files of all databases in the folder.
 *
 * @param {string} databases
 * @param {(bytes: Buffer) => Buffer} change
 */
function spoilFiles(databases, change) {
  for (const name of readdirSync(databases, { recursive: true })) {
    const file = path.join(databases, String(name));
    if (/(\.log|\.ldb|MANIFEST-\d+)$/.test(file)) writeFileSync(file, change(readFileSync(file)));
  }
}

for (const [what, change] of Object.entries({
  "cut in half": (/** @type {Buffer} */ bytes) => bytes.subarray(0, bytes.length >> 1),
  garbage: (/** @type {Buffer} */ bytes) => Buffer.alloc(bytes.length, 0xa5),
})) {
  test(`a database whose files are ${what} is reported, and its charges are unknown`, async (t) => {
    const { account, options, browser } = await twoVisits(t, () => {});
    spoilFiles(browser.databases, change);
    const page = await browser.start();
    await stage.site.visit(page);
    await stage.server.breakFor(account, { kind: "drop_before" });
    await openHeard(page, options);
    await hears(page, "storage_degraded");
    const alerts = await page.evaluate(() => /** @type {string[]} */ (globalThis.kept.alerts));
    t.diagnostic(JSON.stringify(alerts));
    const told = alerts.some((alert) => alert.includes("asr:newe"));
    assert.ok(told, `it is told which: ${JSON.stringify(alerts)}`);
    for (const outcome of await chargeAll(page, ["newer", "newest"])) {
      assert.equal(outcome.status, "unknown", JSON.stringify(outcome));
    }
    await stage.server.repair();
    await seesCharged(page, ["newer", "newest"]);
    await page.evaluate(() => globalThis.client.close());

    // A database that works is used again, whatever storage was used meanwhile.
    await stage.site.visit(page);
    await openIn(page, options);
    const snapshot = await page.evaluate(() => globalThis.client.getSnapshot());
    t.diagnostic(snapshot.storage);
    const { charges } = await stage.server.ledger(account);
    const tasks = charges.map((charge) => charge.task_id);
    assert.equal(new Set(tasks).size, tasks.length, JSON.stringify(tasks));
  });
}
