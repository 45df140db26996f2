import assert from "node:assert/strict";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { freshAccount, stemOf } from "./support/accounts.mjs";
import { openDatabase } from "./support/database.mjs";
import { ProfiledBrowser } from "./support/profile.mjs";
import { Stage } from "./support/stage.mjs";
import {
  chargeAll,
  chargedOnce,
  knowsOffline,
  openIn,
  queueAll,
  seesCharged,
} from "./support/tabs.mjs";

const stage = new Stage();

/** A charge queued by a client that is now closed, and a page for the next client. */
async function oneKept() {
  const { context, page, account, options } = await stage.bare("spoilt");
  await openIn(page, options);
  await context.setOffline(true);
  await queueAll(page, ["kept"]);
  await page.evaluate(() => globalThis.client.close());
  await context.setOffline(false);
  return { context, page, account, options };
}

/**
 * Opens the page's client after a reload, and makes sure that nothing is lost and that it charges.
 *
 * @param {import("playwright-core").Page} page
 * @param {string} account
 * @param {Awaited<ReturnType<Stage["options"]>>} options
 */
async function goesOn(page, account, options) {
  await stage.site.visit(page);
  await openIn(page, options);
  await chargeAll(page, ["new"]);
  await seesCharged(page, ["kept", "new"]);
  chargedOnce(await stage.server.ledger(account), ["kept", "new"]);
}

const GARBAGE = ["", "{", "null", "[7]", '{"confirmed":"many","id":7,"open":-1}'];

for (const [what, name] of [
  ["the cached balance", "balance"],
  ["the note of the last database", "journal"],
]) {
  test(`a client works although ${what} is spoilt`, async () => {
    for (const garbage of GARBAGE) {
      const { page, account, options } = await oneKept();
      const entry = `${stemOf(stage.server, account)}:${name}`;
      assert.ok(await page.evaluate((entry) => localStorage.getItem(entry), entry), "there is one");
      await page.evaluate(
        ([entry, garbage]) => localStorage.setItem(entry ?? "", garbage ?? ""),
        [entry, garbage],
      );
      await goesOn(page, account, options);
      await page.evaluate(() => globalThis.client.close());
    }
  });
}

/**
 * Puts things into an object store of the account's database; among the charges, in place of the
 * journal's own row.
 *
 * @param {import("playwright-core").Page} page
 * @param {string} account
 * @param {"charges" | "quarantine"} store
 */
async function putGarbage(page, account, store) {
  await page.evaluate(
    async ({ database, store }) => {
      /** @type {Record<string, unknown>} */
      const self = { key: 7n };
      self.self = self;
      const transaction = database.transaction(store, "readwrite");
      const rows = transaction.objectStore(store);
      if (store === "charges") {
        rows.put({ key: ["journal"], id: { not: "a text" }, commits: "many", mark: {}, lost: 7 });
      } else {
        for (const row of ["text", 7, null, {}, self]) rows.add(row);
        rows.add({ row: self, why: 7, found_at_ms: "then" });
      }
      await new Promise((resolve, reject) => {
        transaction.oncomplete = resolve;
        transaction.onabort = reject;
      });
      database.close();
    },
    { database: await openDatabase(page, stage.server, account), store },
  );
}

test("a client works although the identity stored in the database has a wrong type", async () => {
  const { page, account, options } = await oneKept();
  await putGarbage(page, account, "charges");
  await goesOn(page, account, options);
});

test("a client works although the quarantine has garbage in it, and exports the garbage", async () => {
  const { page, account, options } = await oneKept();
  await putGarbage(page, account, "quarantine");
  await goesOn(page, account, options);
  const aside = await page.evaluate(() => globalThis.client.quarantined());
  assert.equal(aside.length, 6);
});

test("queued charges are made although Web Locks are denied, as to a sandboxed page", async () => {
  const { context, page, account, options } = await oneKept();
  await context.addInitScript(() => {
    const refuse = () => Promise.reject(new DOMException("not here", "SecurityError"));
    LockManager.prototype.request = refuse;
    LockManager.prototype.query = refuse;
  });
  await goesOn(page, account, options);
});

test("a client falls back in time, and charges, while another page blocks the database", async () => {
  const { context, page, account, options } = await stage.bare("blocked");
  const other = await context.newPage();
  await stage.site.visit(other);
  await other.evaluate(
    (name) =>
      new Promise((resolve, reject) => {
        const request = indexedDB.open(name);
        request.onerror = reject;
        // The connection ignores `versionchange`: the deletion waits for it, and every later
        // `open` for the deletion.
        request.onsuccess = () => {
          const deletion = indexedDB.deleteDatabase(name);
          deletion.onerror = reject;
          deletion.onblocked = () => resolve(0);
          globalThis.kept.unblock = () =>
            new Promise((done) => {
              deletion.onsuccess = done;
              request.result.close();
            });
        };
      }),
    stemOf(stage.server, account),
  );
  await openIn(page, options);
  assert.equal(await page.evaluate(() => globalThis.client.getSnapshot().storage), "localstorage");
  await chargeAll(page, ["film"]);
  await seesCharged(page, ["film"]);
  await page.evaluate(() => globalThis.client.close());
  await other.evaluate(async () => {
    const unblock = /** @type {() => Promise<unknown>} */ (globalThis.kept.unblock);
    await unblock();
  });
  await other.close();
  await openIn(page, options);
  assert.equal(await page.evaluate(() => globalThis.client.getSnapshot().storage), "indexeddb");
  await chargeAll(page, ["song"]);
  await seesCharged(page, ["song"]);
  chargedOnce(await stage.server.ledger(account), ["film", "song"]);
});

for (const storage of /** @type {const} */ (["indexeddb", "localstorage"])) {
  test(`a client with ${storage} reads nothing of another account's`, async () => {
    const { context, page, account, options } = await stage.bare("mine");
    const theirs = await stage.options(`${account}2`);
    const queue = { storage };
    await openIn(page, { ...theirs, queue });
    await context.setOffline(true);
    await knowsOffline(page);
    await chargeAll(page, ["theirs"]);
    await page.evaluate(() => globalThis.client.close());
    await context.setOffline(false);
    await context.addInitScript(() => {
      /** @type {string[]} */
      const asked = [];
      Reflect.set(globalThis, "asked", asked);
      const { open } = IDBFactory.prototype;
      IDBFactory.prototype.open = function (name, version) {
        asked.push(name);
        return open.call(this, name, version);
      };
      const { getItem } = Storage.prototype;
      Storage.prototype.getItem = function (name) {
        asked.push(name);
        return getItem.call(this, name);
      };
    });
    await stage.site.visit(page);
    await openIn(page, { ...options, queue });
    await chargeAll(page, ["mine"]);
    await seesCharged(page, ["mine"]);
    assert.equal((await page.evaluate(() => globalThis.client.charges())).length, 1);
    /** @type {string[]} */
    const asked = await page.evaluate(() => Reflect.get(globalThis, "asked"));
    const mine = stemOf(stage.server, account);
    assert.ok(asked.length > 0);
    assert.deepEqual(
      asked.filter((name) => name !== mine && !name.startsWith(`${mine}:`)),
      [],
    );
    assert.deepEqual((await stage.server.ledger(`${account}2`)).charges, []);
  });
}

test("a database that the browser found damaged and threw away is told as lost", async (t) => {
  const browser = new ProfiledBrowser();
  t.after(() => browser.remove());
  const account = freshAccount("remade");
  const options = await stage.options(account);
  let page = await browser.start();
  await stage.site.visit(page);
  await openIn(page, options);
  await stage.server.breakFor(account, { kind: "drop_after" }, { on: "charge" });
  const [lost] = await chargeAll(page, ["made"]);
  assert.equal(lost?.status, "unknown");
  await page.evaluate(() => localStorage.clear());
  await browser.quit();
  await stage.server.repair();
  damage(browser.databases);

  page = await browser.start();
  await stage.site.visit(page);
  const told = await page.evaluate(async (options) => {
    globalThis.client = await globalThis.openClient(options);
    return new Promise((resolve) => globalThis.client.on("alert", resolve));
  }, options);
  assert.equal(told.kind, "storage_degraded");
  assert.match(told.detail, /damaged/);
  // Nothing is known of the charge any more, and it is not made again.
  await chargeAll(page, ["made", "new"]);
  await seesCharged(page, ["made", "new"]);
  chargedOnce(await stage.server.ledger(account), ["made", "new"]);
});

/**
 * Spoils the log of each database.
 *
 * @param {string} databases the folder that has them
 */
function damage(databases) {
  const files = readdirSync(databases, { recursive: true, encoding: "utf8" });
  const logs = files.filter((file) => file.endsWith(".log"));
  assert.ok(logs.length > 0, "there is a log");
  for (const log of logs) {
    const file = path.join(databases, log);
    const bytes = readFileSync(file);
    bytes[50] = ~(bytes[50] ?? 0) & 0xff;
    writeFileSync(file, bytes);
  }
}
