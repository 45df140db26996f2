import assert from "node:assert/strict";
import { test } from "node:test";
import { deleteDatabase, openDatabase } from "./support/database.mjs";
import { patient, Stage } from "./support/stage.mjs";
import { knowsOffline, locksAre, settledIn } from "./support/tabs.mjs";
import { until } from "./support/until.mjs";

const stage = new Stage();

/** @typedef {import("tollbox").Alert} Alert */

/** A charge of one point for the task. */
const request = (/** @type {string} */ taskId) => ({ taskId, amount: 1, feature: "cloud_trans" });

/**
 * Opens a client whose alerts are kept, charges while the browser is offline, and gives the
 * outcome.
 *
 * @param {import("playwright-core").Page} page
 * @param {import("tollbox").BillingOptions & { token: string }} options
 * @param {string} taskId
 * @param {() => Promise<void>} [meanwhile] done before the browser is online again
 */
async function chargeOffline(page, options, taskId, meanwhile = async () => {}) {
  await page.evaluate(async (options) => {
    globalThis.client = await globalThis.openClient(options);
    /** @type {Alert[]} */
    const alerts = [];
    globalThis.kept.alerts = alerts;
    globalThis.client.on("alert", (alert) => alerts.push(alert));
    await globalThis.client.refreshBalance();
  }, patient(options));
  await page.context().setOffline(true);
  await knowsOffline(page);
  try {
    return await page.evaluate(async (request) => {
      const outcome = await globalThis.client.charge(request);
      return { outcome, storage: globalThis.client.getSnapshot().storage };
    }, request(taskId));
  } finally {
    await meanwhile();
    await page.context().setOffline(false);
  }
}

/** @param {import("playwright-core").Page} page */
const alerts = (page) => page.evaluate(() => /** @type {Alert[]} */ (globalThis.kept.alerts));

/**
 * @param {import("playwright-core").Page} page
 * @param {Alert["kind"]} kind
 */
async function hears(page, kind) {
  await page.waitForFunction(
    (kind) => /** @type {Alert[]} */ (globalThis.kept.alerts).some((alert) => alert.kind === kind),
    kind,
  );
}

/**
 * @param {import("playwright-core").Page} page
 * @param {string} key
 */
async function settled(page, key) {
  const [outcome] = await settledIn(page, [key]);
  return /** @type {import("tollbox").SettledOutcome} */ (outcome);
}

/** Ways in which a browser has no IndexedDB; each is run in the page before anything else. */
const OUT_OF_ORDER = {
  absent: () => {
    Reflect.deleteProperty(globalThis, "indexedDB");
    Object.defineProperty(globalThis, "indexedDB", { configurable: true, value: undefined });
  },
  denied: () => {
    Object.defineProperty(globalThis, "indexedDB", {
      configurable: true,
      get() {
        throw new DOMException("no", "SecurityError");
      },
    });
  },
  "failing to open": () => {
    IDBFactory.prototype.open = () => {
      throw new DOMException("no", "UnknownError");
    };
  },
  hanging: () => {
    IDBFactory.prototype.open = () =>
      /** @type {IDBOpenDBRequest} */ (/** @type {unknown} */ (new EventTarget()));
  },
};

for (const [state, spoil] of Object.entries(OUT_OF_ORDER)) {
  test(`a charge made with IndexedDB ${state} is kept in localStorage, says so, and moves over later`, async () => {
    const { context, page, account, options } = await stage.bare();
    const spoilt = await context.newPage();
    await spoilt.addInitScript(spoil);
    await stage.site.visit(spoilt);
    // It can't send before it is closed either, so that the charge that moves is open.
    const cut = () => stage.server.breakFor(account, { kind: "drop_before" });
    const { outcome, storage } = await chargeOffline(spoilt, options, "film", cut);
    assert.equal(outcome.status, "queued");
    assert.equal(outcome.durable, false);
    assert.equal(storage, "localstorage");
    await hears(spoilt, "storage_degraded");
    // The lock shows that its holder lives; nothing moves away from a live client's storage.
    await locksAre(page, "its lock of the fallback", ({ held }) => held.includes("fallback"));
    await spoilt.close({ runBeforeUnload: false });
    await locksAre(page, "no lock of it", ({ held }) => !held.includes("fallback"));
    assert.deepEqual((await stage.server.ledger(account)).charges, []);
    await stage.server.repair();

    // IndexedDB works again: the fallback's charge moves over, and is made once.
    const now = await page.evaluate(async (options) => {
      globalThis.client = await globalThis.openClient(options);
      return globalThis.client.getSnapshot().storage;
    }, options);
    assert.equal(now, "indexeddb");
    assert.equal((await settled(page, outcome.key)).status, "charged");
    const left = await page.evaluate(() =>
      Object.keys(localStorage).filter((name) => name.includes(":charge:")),
    );
    assert.deepEqual(left, []);
    assert.equal((await stage.server.ledger(account)).charges.length, 1);
  });
}

test("a charge made without any storage is kept in memory, and says so", async () => {
  const { context, options } = await stage.bare();
  const page = await context.newPage();
  await page.addInitScript(OUT_OF_ORDER.absent);
  await page.addInitScript(() => {
    Object.defineProperty(globalThis, "localStorage", {
      get() {
        throw new DOMException("no", "SecurityError");
      },
    });
  });
  await stage.site.visit(page);
  const { outcome, storage } = await chargeOffline(page, options, "film");
  assert.equal(outcome.status, "queued");
  assert.equal(outcome.durable, false);
  assert.equal(storage, "memory");
  await hears(page, "storage_degraded");
  assert.equal((await settled(page, outcome.key)).status, "charged");
});

/** Fails as Chromium does on a full disk, whose own quota override does not reach IndexedDB. */
function useUpQuota() {
  const { put, delete: remove } = IDBObjectStore.prototype;
  let full = true;
  globalThis.kept.makeRoom = () => {
    full = false;
  };
  IDBObjectStore.prototype.put = function (...args) {
    if (full) throw new DOMException("the quota is used up", "QuotaExceededError");
    return put.apply(this, args);
  };
  IDBObjectStore.prototype.delete = function (key) {
    if (globalThis.kept.deletingHelps) full = false;
    return remove.call(this, key);
  };
}

test("a charge beyond the storage quota fails unsent, and the open ones stay", async () => {
  const { page, account, options } = await stage.bare();
  const cut = () => stage.server.breakFor(account, { kind: "drop_before" });
  const { outcome: kept } = await chargeOffline(page, options, "kept", cut);
  assert.equal(kept.status, "queued");
  await page.evaluate(useUpQuota);
  const outcome = await page.evaluate((it) => globalThis.client.charge(it), request("refused"));
  assert.equal(outcome.status, "failed", JSON.stringify(outcome));
  assert.equal(outcome.reason, "storage_unavailable");
  assert.equal(outcome.retryable, true);
  await hears(page, "storage_degraded");
  await stage.server.repair();
  await page.evaluate(() => /** @type {() => void} */ (globalThis.kept.makeRoom)());
  assert.equal((await settled(page, kept.key)).status, "charged");
  const again = await page.evaluate((it) => globalThis.client.charge(it), request("refused"));
  assert.equal(again.status, "charged");
  assert.equal((await stage.server.ledger(account)).charges.length, 2);
});

test("settled charges are evicted for a new charge when the storage quota is used up", async () => {
  const { page, account, options } = await stage.bare();
  await page.evaluate(
    async ({ options, request }) => {
      const earlier = await globalThis.openClient(options);
      await earlier.charge(request);
      // Its verdict is in the journal then.
      await earlier.close();
      globalThis.client = await globalThis.openClient(options);
      globalThis.kept.deletingHelps = true;
    },
    { options: patient(options), request: request("old") },
  );
  await page.evaluate(useUpQuota);
  const outcome = await page.evaluate((it) => globalThis.client.charge(it), request("new"));
  assert.equal(outcome.status, "charged", JSON.stringify(outcome));
  const left = await page.evaluate(() => globalThis.client.charges());
  assert.deepEqual(
    left.map((charge) => charge.taskId),
    ["new"],
  );
  assert.equal((await stage.server.ledger(account)).charges.length, 2);
});

test("a client whose storage is cleared while open reports it, and sends no half-remembered charges", async () => {
  const { context, page, account, options } = await stage.bare();
  const devtools = await context.newCDPSession(page);
  const cut = () => stage.server.breakFor(account, { kind: "drop_before" });
  const { outcome } = await chargeOffline(page, options, "film", cut);
  assert.equal(outcome.status, "queued");
  const end = page.evaluate((key) => globalThis.client.settled(key), outcome.key);
  const origin = new URL(stage.site.url).origin;
  await devtools.send("Storage.clearDataForOrigin", { origin, storageTypes: "indexeddb" });
  await page.evaluate(() => globalThis.client.charges());
  const said = await end;
  assert.equal(said.status, "unknown");
  assert.equal(/** @type {import("tollbox").Unknown} */ (said).resolving, false);
  await until("the alert of the wipe", async () =>
    /wiped/.test(JSON.stringify(await alerts(page))),
  );
  await stage.server.repair();
  // The client goes on with a new journal, and the old charge is not sent.
  const next = await page.evaluate((request) => globalThis.client.charge(request), request("next"));
  assert.ok(["charged", "unknown", "queued"].includes(next.status), JSON.stringify(next));
  assert.equal((await settled(page, next.key)).status, "charged");
  const { charges } = await stage.server.ledger(account);
  assert.deepEqual(
    charges.map((charge) => charge.task_id),
    ["next"],
  );
});

test("charges that are being written while the storage is cleared go on at once", async () => {
  // Whether the browser catches a commit under way, of which it then says no more, is chance.
  for (let round = 0; round < 8; round += 1) {
    const { context, page, options } = await stage.bare();
    const devtools = await context.newCDPSession(page);
    await page.evaluate(async (options) => {
      const client = await globalThis.openClient(options);
      await client.refreshBalance();
      const { kept } = globalThis;
      kept.charged = 0;
      const charge = async () => {
        await client.charge({ taskId: `${kept.charged}`, amount: 1, feature: "f" });
        kept.charged = Number(kept.charged) + 1;
        void charge();
      };
      void charge();
    }, options);
    const charged = async (/** @type {number} */ count) => {
      await page.waitForFunction((count) => Number(globalThis.kept.charged) >= count, count);
      return page.evaluate(() => Number(globalThis.kept.charged));
    };
    const before = await charged(5);
    const origin = new URL(stage.site.url).origin;
    await devtools.send("Storage.clearDataForOrigin", { origin, storageTypes: "indexeddb" });
    await charged(before + 30);
    await context.close();
  }
});

test("a journal to which another tab writes while this one starts is not taken for an older one", async () => {
  const { context, page, options } = await stage.bare();
  await page.evaluate(async (options) => {
    const client = await globalThis.openClient(options);
    await client.refreshBalance();
    await client.charge({ taskId: "first", amount: 1, feature: "f" });
    await client.close();
  }, options);
  const next = await context.newPage();
  await stage.site.visit(next);
  const kinds = await next.evaluate(async (options) => {
    // It reads the journal's own row as it was before the last commit, and the note from after that.
    const { get } = IDBObjectStore.prototype;
    IDBObjectStore.prototype.get = function (key) {
      const request = get.call(this, key);
      if (String(key) !== "journal") {
        return request;
      }
      IDBObjectStore.prototype.get = get;
      const before = () => {
        const { result } = Object.getOwnPropertyDescriptors(IDBRequest.prototype);
        const own = result.get?.call(request);
        return { ...own, commits: own.commits - 1, changes: own.changes - 1 };
      };
      Object.defineProperty(request, "result", { get: before });
      return request;
    };
    const client = await globalThis.openClient(options);
    /** @type {string[]} */
    const kinds = [];
    client.on("alert", ({ kind }) => kinds.push(kind));
    const { status } = await client.charge({ taskId: "second", amount: 1, feature: "f" });
    await client.charges();
    return [...kinds, status];
  }, patient(options));
  assert.deepEqual(kinds, ["charged"]);
});

test("a database deleted between two visits is reported at the next start", async () => {
  const { page, account, options } = await stage.bare();
  const cut = () => stage.server.breakFor(account, { kind: "drop_before" });
  await chargeOffline(page, options, "film", cut);
  await page.evaluate(() => globalThis.client.close());
  assert.equal(await deleteDatabase(page, stage.server, account), "deleted");
  await stage.server.repair();
  await stage.site.visit(page);
  const told = await page.evaluate(async (options) => {
    globalThis.client = await globalThis.openClient(options);
    return new Promise((resolve) => globalThis.client.on("alert", resolve));
  }, options);
  assert.equal(/** @type {Alert} */ (told).kind, "storage_degraded");
  assert.match(/** @type {Alert} */ (told).detail, /wiped/);
  assert.deepEqual((await stage.server.ledger(account)).charges, []);
});

test("a spoilt row is set aside, reported and exported, and the other charges are made", async () => {
  const { page, account, options } = await stage.bare();
  const cut = () => stage.server.breakFor(account, { kind: "drop_before" });
  const { outcome: spoilt } = await chargeOffline(page, options, "spoilt", cut);
  const good = await page.evaluate((it) => globalThis.client.charge(it), request("good"));
  await page.evaluate(() => globalThis.client.close());
  await page.evaluate(
    async ({ database, key }) => {
      const transaction = database.transaction("charges", "readwrite");
      const rows = transaction.objectStore("charges");
      const row = rows.get(key);
      row.onsuccess = () => {
        rows.put({ ...row.result, body: row.result.body.replace('"amount":1', '"amount":9') });
      };
      await new Promise((resolve) => {
        transaction.oncomplete = resolve;
      });
      database.close();
    },
    { database: await openDatabase(page, stage.server, account), key: spoilt.key },
  );
  await stage.server.repair();
  await stage.site.visit(page);
  const { alert, aside } = await page.evaluate(async (options) => {
    globalThis.client = await globalThis.openClient(options);
    /** @type {Alert} */
    const alert = await new Promise((resolve) => globalThis.client.on("alert", resolve));
    return { alert, aside: await globalThis.client.quarantined() };
  }, options);
  assert.equal(alert.kind, "record_quarantined");
  assert.equal(aside.length, 1);
  assert.equal(aside[0]?.key, spoilt.key);
  assert.match(aside[0]?.stored ?? "", /spoilt/);
  assert.equal((await settled(page, good.key)).status, "charged");
  const { charges } = await stage.server.ledger(account);
  assert.deepEqual(
    charges.map((charge) => charge.task_id),
    ["good"],
  );
});

test("persistent storage is requested once there is something to lose", async () => {
  const { page, options } = await stage.bare();
  await page.evaluate(async (options) => {
    globalThis.kept.asked = 0;
    navigator.storage.persisted = async () => false;
    navigator.storage.persist = async () => {
      globalThis.kept.asked = Number(globalThis.kept.asked) + 1;
      return true;
    };
    globalThis.client = await globalThis.openClient(options);
    await globalThis.client.refreshBalance();
  }, options);
  const before = await page.evaluate(() => globalThis.client.getSnapshot().persisted);
  assert.equal(before, null);
  assert.equal(await page.evaluate(() => globalThis.kept.asked), 0);
  for (const taskId of ["one", "two"]) {
    await page.evaluate((it) => globalThis.client.charge(it), request(taskId));
    await page.waitForFunction(() => globalThis.client.getSnapshot().persisted === true);
  }
  assert.equal(await page.evaluate(() => globalThis.kept.asked), 1);
});
