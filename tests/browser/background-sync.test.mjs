import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { rolldown } from "rolldown";
import { freshAccount, stemOf } from "./support/accounts.mjs";
import { BareSite, SYNC_WORKER } from "./support/bare.mjs";
import { patient, Stage } from "./support/stage.mjs";
import {
  chargeAll,
  chargedOnce,
  locksOf,
  openIn,
  queueAll,
  seesCharged,
  stands,
  tasks,
} from "./support/tabs.mjs";
import { until } from "./support/until.mjs";
import { BareWorker } from "./support/workers.mjs";

/** @typedef {import("playwright-core").Page} Page */

const stage = new Stage();

/**
 * A service worker that flushes on `sync`, a page without a client that stays, and a tab.
 *
 * @param {Record<string, string>} [given] what the worker is to be given that differs
 */
async function withSync(given = {}) {
  const { context, page, account, options } = await stage.bare("sync");
  const { baseUrl, token } = options;
  const retry = JSON.stringify(options.retry);
  const query = new URLSearchParams({ baseUrl, token, fresh: token, retry, ...given });
  const script = `/sync-worker.js?${query}`;
  const worker = await BareWorker.start(page, "service", { script });
  const tab = await context.newPage();
  await stage.site.visit(tab);
  return {
    ...{ context, page, worker, tab, account },
    options: { ...options, backgroundSync: true },
    // Of the account's first session.
    tag: `${stemOf(stage.server, account)}:0`,
  };
}

/**
 * The tags that are registered.
 *
 * @param {Page} page
 */
function tagsIn(page) {
  return page.evaluate(async () => {
    /** @type {any} */
    const { sync } = await navigator.serviceWorker.ready;
    return /** @type {Promise<string[]>} */ (sync.getTags());
  });
}

/**
 * Has the browser tell the service worker of the network, as it does when it is back.
 *
 * @param {Page} page
 * @param {string} tag
 */
async function dispatchSync(page, tag) {
  const devtools = await page.context().newCDPSession(page);
  /** @type {string | undefined} */
  let registrationId;
  devtools.on("ServiceWorker.workerRegistrationUpdated", ({ registrations }) => {
    registrationId ??= registrations.find(({ isDeleted }) => !isDeleted)?.registrationId;
  });
  await devtools.send("ServiceWorker.enable");
  const sync = {
    registrationId: await until("the registration", () => registrationId),
    origin: new URL(page.url()).origin,
    ...{ tag, lastChance: false },
  };
  await devtools.send("ServiceWorker.dispatchSyncEvent", sync);
  await devtools.detach();
}

/**
 * As `dispatchSync`, and gives what came of it: `paid`, or the error.
 *
 * @param {{ page: Page, worker: BareWorker, tag: string }} scene
 * @returns {Promise<string>}
 */
async function sync({ page, worker, tag }) {
  const before = await syncsOf(worker);
  await dispatchSync(page, tag);
  const syncs = await until("the end of the sync", async () => {
    const syncs = await syncsOf(worker);
    return syncs.length > before.length ? syncs : null;
  });
  return syncs.at(-1) ?? "";
}

/** @param {BareWorker} worker */
function syncsOf(worker) {
  return worker.evaluate(() => /** @type {string[]} */ (globalThis.kept.syncs));
}

/** @param {import("./support/server.mjs").Ledger} ledger */
const sendings = (ledger) => ledger.charges.map(({ requests }) => requests);

test("charges queued offline are paid by the service worker when their tab is gone", async () => {
  const { context, page, worker, tab, tag, account, options } = await withSync();
  await openIn(tab, options);
  assert.deepEqual(await tagsIn(page), [], "nothing waits yet");
  await context.setOffline(true);
  await queueAll(tab, tasks("film", 3));
  await until("the tag", async () => (await tagsIn(page)).length > 0);
  assert.deepEqual(await tagsIn(page), [tag]);
  await tab.close();
  assert.deepEqual((await stage.server.ledger(account)).charges, []);

  // The browser may have seen it by itself, and then this is one more.
  await context.setOffline(false);
  assert.equal(await sync({ page, worker, tag }), "paid");
  const ledger = await stage.server.ledger(account);
  chargedOnce(ledger, tasks("film", 3));
  assert.deepEqual(sendings(ledger), [1, 1, 1]);
  assert.deepEqual((await locksOf(page)).tabs, [], "the worker's client is closed");

  await openIn(page, options);
  await seesCharged(page, tasks("film", 3));
  assert.equal(await page.evaluate(() => globalThis.client.balance()?.confirmed), 117);
});

test("a sync and a tab that come online at once make each charge once", async () => {
  const { context, page, worker, tab, tag, account, options } = await withSync();
  await openIn(tab, patient(options, { requestTimeoutMs: 60_000 }));
  await context.setOffline(true);
  await queueAll(tab, tasks("film", 40));
  await context.setOffline(false);
  const [end] = await Promise.all([
    sync({ page, worker, tag }),
    tab.evaluate(() => globalThis.client.flush()),
  ]);
  assert.equal(end, "paid");
  await seesCharged(tab, tasks("film", 40));
  const ledger = await stage.server.ledger(account);
  chargedOnce(ledger, tasks("film", 40));
  assert.deepEqual(sendings(ledger), Array(40).fill(1));
});

test("a sync waits for a charge that a tab is making, and does not send it", async () => {
  const { page, worker, tab, tag, account, options } = await withSync();
  await openIn(tab, patient(options, { requestTimeoutMs: 60_000 }));
  await stage.server.breakFor(account, { kind: "latency", ms: 5_000 }, { on: "charge" });
  const charging = chargeAll(tab, ["film"]);
  await stands(tab, "asr:film", "retrying");
  assert.equal(await sync({ page, worker, tag }), "paid");
  const [outcome] = await charging;
  assert.equal(outcome?.status, "charged");
  const ledger = await stage.server.ledger(account);
  chargedOnce(ledger, ["film"]);
  assert.deepEqual(sendings(ledger), [1]);
});

test("a sync asks for the account's token, and for a fresh one where the server rejects it", async () => {
  const { context, page, worker, tab, tag, account, options } = await withSync({ token: "stale" });
  await openIn(tab, options);
  await context.setOffline(true);
  await queueAll(tab, ["film"]);
  await tab.close();
  await context.setOffline(false);
  assert.equal(await sync({ page, worker, tag }), "paid");
  chargedOnce(await stage.server.ledger(account), ["film"]);
  const asked = await worker.evaluate(
    () => /** @type {{ refresh: boolean }[]} */ (globalThis.kept.asked),
  );
  assert.deepEqual(asked[0], { refresh: false, account });
  assert.ok(
    asked.some(({ refresh }) => refresh),
    JSON.stringify(asked),
  );
});

test("a sync rejects while the server is away, and the charges stay for the next", async () => {
  const { context, page, worker, tab, tag, account, options } = await withSync();
  await openIn(tab, options);
  await context.setOffline(true);
  await queueAll(tab, ["film"]);
  await tab.close();
  await context.setOffline(false);
  await stage.server.breakFor(account, { kind: "drop_before" });
  assert.match(await sync({ page, worker, tag }), /^Error: charges that are still open: 1 \(/);
  assert.deepEqual((await stage.server.ledger(account)).charges, []);

  await stage.server.repair();
  await until("its payment", async () => (await sync({ page, worker, tag })) === "paid");
  chargedOnce(await stage.server.ledger(account), ["film"]);
});

test("a sync ends in its time though the server does not answer", async () => {
  const given = { withinMs: "300", retry: '{"requestTimeoutMs":120000}' };
  const { context, page, worker, tab, tag, account, options } = await withSync(given);
  await openIn(tab, options);
  await context.setOffline(true);
  await queueAll(tab, ["film"]);
  await tab.close();
  await context.setOffline(false);
  await stage.server.breakFor(account, { kind: "hang" });
  assert.match(await sync({ page, worker, tag }), /still open: 1 \(time is up\)$/);
});

test("a sync ends in its time though the module does not come", async (t) => {
  const hanging = createServer().listen(0, "127.0.0.1");
  t.after(() => {
    hanging.closeAllConnections();
    hanging.close();
  });
  await once(hanging, "listening");
  const { port } = /** @type {import("node:net").AddressInfo} */ (hanging.address());
  const given = { withinMs: "300", module: `http://127.0.0.1:${port}/tollbox_bg.wasm` };
  const { page, worker, tag } = await withSync(given);
  assert.match(await sync({ page, worker, tag }), /has not opened in time$/);
});

test("after a sign-out a sync sends nothing, and the next sign-in does", async () => {
  const { context, page, worker, tab, tag, account, options } = await withSync();
  await openIn(tab, options);
  await context.setOffline(true);
  await queueAll(tab, ["film"]);
  await until("the tag", async () => (await tagsIn(page)).includes(tag));
  await tab.evaluate(() => globalThis.client.signOut());
  await tab.close();
  await context.setOffline(false);
  assert.match(await sync({ page, worker, tag }), /still open: 1/);
  assert.deepEqual((await stage.server.ledger(account)).charges, []);

  await openIn(page, options);
  await seesCharged(page, ["film"]);
  chargedOnce(await stage.server.ledger(account), ["film"]);
});

test("a sync of another server's queue, or another's tag, is left alone", async () => {
  const { page, worker, tag } = await withSync();
  await dispatchSync(page, "tidy-up");
  await dispatchSync(page, tag.replace("billing", "staging"));
  assert.equal(await sync({ page, worker, tag }), "paid");
  assert.deepEqual(await syncsOf(worker), ["paid"]);
});

for (const [what, prepare] of /** @type {const} */ ([
  ["no Background Sync", () => Reflect.deleteProperty(ServiceWorkerRegistration.prototype, "sync")],
  [
    "Background Sync that is not allowed",
    () =>
      Object.defineProperty(ServiceWorkerRegistration.prototype, "sync", {
        value: { register: () => Promise.reject(new DOMException("no", "NotAllowedError")) },
      }),
  ],
  ["no service workers", () => Reflect.deleteProperty(Navigator.prototype, "serviceWorker")],
])) {
  test(`where there is ${what}, backgroundSync changes nothing`, async () => {
    const { context, page, account, options } = await stage.bare("sync");
    if (what !== "no service workers") await BareWorker.start(page, "service");
    await context.addInitScript(prepare);
    const tab = await context.newPage();
    /** @type {string[]} */
    const errors = [];
    tab.on("pageerror", (error) => errors.push(String(error)));
    await stage.site.visit(tab);
    await openIn(tab, { ...options, backgroundSync: true });
    await context.setOffline(true);
    await queueAll(tab, ["film"]);
    await context.setOffline(false);
    await seesCharged(tab, ["film"]);
    chargedOnce(await stage.server.ledger(account), ["film"]);
    assert.deepEqual(errors, []);
  });
}

/** @param {string} id the entries as the bare site has them */
function resolveId(id) {
  if (id === "worker") return id;
  return id.startsWith("/dist/") ? fileURLToPath(new URL(`../../pkg${id}`, import.meta.url)) : null;
}

/** @param {string} id */
function load(id) {
  // A script without a module's `import.meta` says where the file is.
  const code = SYNC_WORKER.replace("?? undefined", '?? "/wasm/tollbox_bg.wasm"');
  return id === "worker" ? code : null;
}

test("a classic service worker through a bundler pays as well", async (t) => {
  const bundle = await rolldown({
    input: "worker",
    platform: "browser",
    logLevel: "silent",
    plugins: [{ name: "worker", resolveId, load }],
  });
  const { output } = await bundle.generate({ format: "iife" });
  await bundle.close();
  const site = await BareSite.start({
    answer: async (request, response) => {
      const isWorker = request.url?.startsWith("/classic-worker.js") ?? false;
      if (isWorker) {
        response.writeHead(200, { "content-type": "text/javascript" }).end(output[0].code);
      }
      return isWorker;
    },
  });
  t.after(() => site.stop());
  const context = await stage.context();
  const page = await context.newPage();
  await site.visit(page);
  const account = freshAccount("sync");
  const options = { ...(await stage.options(account)), backgroundSync: true };
  const { baseUrl, token, retry } = options;
  const query = new URLSearchParams({ baseUrl, token, retry: JSON.stringify(retry) });
  const script = `/classic-worker.js?${query}`;
  const worker = await BareWorker.start(page, "service", { script, type: "classic" });
  const tab = await context.newPage();
  await site.visit(tab);
  await openIn(tab, options);
  await context.setOffline(true);
  await queueAll(tab, ["film"]);
  await tab.close();
  await context.setOffline(false);
  const tag = `${stemOf(stage.server, account)}:0`;
  assert.equal(await sync({ page, worker, tag }), "paid");
  chargedOnce(await stage.server.ledger(account), ["film"]);
});
