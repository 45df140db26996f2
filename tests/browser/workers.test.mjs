import assert from "node:assert/strict";
import { test } from "node:test";
import { BareSite } from "./support/bare.mjs";
import { patient, Stage } from "./support/stage.mjs";
import {
  chargeAll,
  chargedOnce,
  locksAre,
  locksOf,
  openIn,
  seesCharged,
  stands,
  tasks,
} from "./support/tabs.mjs";
import { until } from "./support/until.mjs";
import { BareWorker, WORKER_KINDS } from "./support/workers.mjs";

const stage = new Stage();

/**
 * A page with a worker of this kind, neither with a client yet.
 *
 * @param {import("./support/workers.mjs").WorkerKind} kind
 */
async function withWorker(kind) {
  const bare = await stage.bare(kind);
  return { ...bare, worker: await BareWorker.start(bare.page, kind) };
}

/** @param {import("./support/server.mjs").Ledger} ledger */
const sendings = (ledger) => ledger.charges.map(({ requests }) => requests);

for (const kind of WORKER_KINDS) {
  test(`a ${kind} worker charges, and has its queue in IndexedDB`, async () => {
    const { worker, account, options } = await withWorker(kind);
    await openIn(worker, patient(options, { requestTimeoutMs: 60_000 }));
    const [outcome] = await chargeAll(worker, ["film"]);
    assert.deepEqual([outcome?.status, outcome?.attempts], ["charged", 1]);
    const { balance, storage, network } = await worker.evaluate(() =>
      globalThis.client.getSnapshot(),
    );
    assert.deepEqual([balance?.confirmed, storage, network], [119, "indexeddb", "online"]);
    chargedOnce(await stage.server.ledger(account), ["film"]);
  });

  test(`a ${kind} worker queues while the server is away, and flushes when it is back`, async () => {
    const { worker, account, options } = await withWorker(kind);
    await openIn(worker, options);
    await stage.server.breakFor(account, { kind: "status", status: 503 });
    const outcomes = await chargeAll(worker, tasks("film", 3));
    for (const outcome of outcomes) {
      assert.ok(outcome.status === "queued" && outcome.durable, JSON.stringify(outcome));
    }
    await stage.server.repair();
    await until("an end of the queue", async () => {
      const report = await worker.evaluate(() => globalThis.client.flush());
      return report.remaining === 0;
    });
    await seesCharged(worker, tasks("film", 3));
    chargedOnce(await stage.server.ledger(account), tasks("film", 3));
  });

  // Chromium has no event for it in a worker.
  test(`a ${kind} worker sees that the browser is offline, and sends nothing until it is not`, async () => {
    const { context, worker, account, options } = await withWorker(kind);
    await openIn(worker, options);
    await context.setOffline(true);
    await until("offline", () => worker.evaluate(() => !navigator.onLine));
    const [outcome] = await chargeAll(worker, ["film"]);
    assert.ok(
      outcome?.status === "queued" && outcome.reason === "offline",
      JSON.stringify(outcome),
    );
    assert.deepEqual((await stage.server.ledger(account)).charges, []);
    await context.setOffline(false);
    await seesCharged(worker, ["film"]);
    chargedOnce(await stage.server.ledger(account), ["film"]);
  });

  test(`a ${kind} worker and a tab make each of their charges once, and show each other's`, async () => {
    const { page, worker, account, options } = await withWorker(kind);
    // No request is sent again because of a slow machine.
    const given = patient(options, { requestTimeoutMs: 60_000 });
    await Promise.all([openIn(page, given), openIn(worker, given)]);
    const taskIds = { page: tasks("page", 5), worker: tasks("worker", 5), both: ["both"] };
    const outcomes = await Promise.all([
      chargeAll(page, [...taskIds.page, ...taskIds.both]),
      chargeAll(worker, [...taskIds.worker, ...taskIds.both]),
    ]);
    for (const { status } of outcomes.flat()) assert.equal(status, "charged");
    const all = Object.values(taskIds).flat();
    const ledger = await stage.server.ledger(account);
    chargedOnce(ledger, all);
    assert.deepEqual(sendings(ledger), Array(all.length).fill(1));
    for (const place of [page, worker]) {
      await until(`${all.length} charges and the balance in each`, () =>
        place.evaluate(async (count) => {
          const records = await globalThis.client.charges({ status: "success" });
          const { balance } = globalThis.client.getSnapshot();
          return records.length === count && balance?.confirmed === 120 - count;
        }, all.length),
      );
    }
  });

  test(`a ${kind} worker and a tab that flush at once share the locks and the claims`, async () => {
    const { page, worker, account, options } = await withWorker(kind);
    const given = patient(options, { requestTimeoutMs: 60_000, respondWithinMs: 2_000 });
    await Promise.all([openIn(page, given), openIn(worker, given)]);
    await stage.server.breakFor(account, { kind: "status", status: 503 });
    await chargeAll(page, tasks("page", 20));
    await chargeAll(worker, tasks("worker", 20));
    assert.deepEqual((await stage.server.ledger(account)).charges, []);
    await stage.server.repair();
    const flush = () => globalThis.client.flush();
    await Promise.all([page.evaluate(flush), worker.evaluate(flush)]);
    const all = [...tasks("page", 20), ...tasks("worker", 20)];
    await Promise.all([seesCharged(page, all), seesCharged(worker, all)]);
    const ledger = await stage.server.ledger(account);
    chargedOnce(ledger, all);
    assert.deepEqual(sendings(ledger), Array(all.length).fill(1));
  });

  test(`a charge of a ${kind} worker that is ended in the middle of it is finished by the tab`, async () => {
    const { page, worker, account, options } = await withWorker(kind);
    await openIn(page, patient(options));
    // A time limit that no claim and no request reaches within the test.
    await openIn(worker, patient(options, { requestTimeoutMs: 120_000 }));
    await stage.server.breakFor(account, { kind: "hang_after" }, { on: "charge", times: 1 });
    await worker.evaluate(() => {
      globalThis.client.charge({ taskId: "film", amount: 1, feature: "asr" });
    });
    await stage.server.ledgerWhen(account, "the charge", ({ charges }) => charges.length === 1);
    await stands(page, "asr:film", "retrying");
    assert.equal((await locksOf(page)).tabs.length, 2);
    await worker.kill();
    await locksAre(page, "the tab alone", ({ tabs }) => tabs.length === 1);
    // The user comes back to the tab, which would look by itself within half a minute.
    await page.evaluate(() => document.dispatchEvent(new Event("visibilitychange")));
    await seesCharged(page, ["film"]);
    chargedOnce(await stage.server.ledger(account), ["film"]);
  });

  test(`a ${kind} worker is signed out with the account's tabs`, async () => {
    const { page, worker, account, options } = await withWorker(kind);
    await Promise.all([openIn(page, options), openIn(worker, options)]);
    await page.evaluate(() => globalThis.client.signOut());
    const said = await worker.evaluate(async () => {
      const request = { taskId: "late", amount: 1, feature: "asr" };
      const error = await globalThis.client.charge(request).catch((error) => error);
      return { code: error.code, balance: globalThis.client.balance() };
    });
    assert.deepEqual(said, { code: "closed", balance: null });
    assert.deepEqual((await stage.server.ledger(account)).charges, []);
  });

  test(`a ${kind} worker without IndexedDB queues in memory, and says so`, async () => {
    const { worker, account, options } = await withWorker(kind);
    await worker.evaluate(() => {
      Object.defineProperty(globalThis, "indexedDB", { value: undefined });
    });
    await openIn(worker, options);
    await stage.server.breakFor(account, { kind: "status", status: 503 });
    const [outcome] = await chargeAll(worker, ["film"]);
    assert.ok(outcome?.status === "queued" && !outcome.durable, JSON.stringify(outcome));
    assert.equal(await worker.evaluate(() => globalThis.client.getSnapshot().storage), "memory");
    await stage.server.repair();
    await seesCharged(worker, ["film"]);
    chargedOnce(await stage.server.ledger(account), ["film"]);
  });

  test(`in a ${kind} worker addresses are relative to its script, and nothing is cached`, async () => {
    const { worker, account } = await withWorker(kind);
    const seen = await worker.evaluate(async (account) => {
      const where = { account, baseUrl: "billing/v1" };
      /** @type {string[]} */
      const paths = [];
      const client = await globalThis.tollbox.openBilling({
        ...where,
        module: "wasm/tollbox_bg.wasm",
        transport: async ({ path }) => {
          paths.push(path.replace(/=.*/, ""));
          return { status: 200, headers: {}, body: '{"balance":7,"version":1}' };
        },
      });
      const result = await client.refreshBalance();
      const listed = await indexedDB.databases();
      await client.close();
      const names = listed.map(({ name = "" }) => decodeURIComponent(name));
      return { result, names, cached: globalThis.tollbox.cachedBalance(where) };
    }, account);
    assert.equal(seen.result.status, "fresh");
    assert.ok(
      seen.names.includes(`tollbox:${stage.site.url}billing/v1:${account}`),
      `${seen.names}`,
    );
    assert.equal(seen.cached, null);
  });
}

test("a worker learns its balance from the journal while the server is away", async () => {
  const { page, worker, account, options } = await withWorker("dedicated");
  await openIn(page, patient(options));
  await chargeAll(page, ["film"]);
  await page.evaluate(() => globalThis.client.close());
  await stage.server.breakFor(account, { kind: "drop_before" });
  await openIn(worker, options);
  assert.equal(await worker.evaluate(() => globalThis.client.balance()?.confirmed), 119);
});

test("a worker learns its balance from a tab while the server is away", async () => {
  const { page, worker, account, options } = await withWorker("dedicated");
  await stage.server.breakFor(account, { kind: "drop_before" });
  await openIn(worker, options);
  assert.equal(await worker.evaluate(() => globalThis.client.balance()), null);
  await page.evaluate(async ({ baseUrl, account }) => {
    const body = '{"balance":77,"version":9}';
    globalThis.client = await globalThis.tollbox.openBilling({
      ...{ baseUrl, account },
      transport: async () => ({ status: 200, headers: {}, body }),
    });
    await globalThis.client.refreshBalance();
  }, options);
  await until("the tab's balance", () =>
    worker.evaluate(() => globalThis.client.balance()?.confirmed === 77),
  );
});

test("a worker whose policy forbids the module's fetch is told which source is missing", async (t) => {
  const site = await BareSite.start({
    answer: async ({ url }, response) => {
      const policy = "connect-src 'none'; script-src 'self' 'unsafe-eval'";
      if (url === "/worker.js") response.setHeader("content-security-policy", policy);
      return false;
    },
  });
  t.after(() => site.stop());
  const context = await stage.context();
  const page = await context.newPage();
  await site.visit(page);
  for (const kind of WORKER_KINDS) {
    const worker = await BareWorker.start(page, kind);
    const message = await worker.evaluate(async () => {
      const options = { baseUrl: "/billing/v1", account: "alice" };
      const error = await globalThis.tollbox.openBilling(options).catch((error) => error);
      return String(error.message);
    });
    assert.match(message, /connect-src needs .*tollbox_bg\.wasm/, kind);
  }
});
