import assert from "node:assert/strict";
import { test } from "node:test";
import { patient, Stage } from "./support/stage.mjs";
import { knowsOffline } from "./support/tabs.mjs";

const stage = new Stage();
const REQUEST = { taskId: "film", amount: 4, feature: "cloud_trans" };

test("the snapshot is the same object until something changes", async () => {
  const { page, options } = await stage.bare();
  const seen = await page.evaluate(
    async ({ options, request }) => {
      const client = await globalThis.openClient({ ...options, balance: { syncEveryMs: 0 } });
      await client.refreshBalance();
      await client.flush();
      const before = client.getSnapshot();
      const same = before === client.getSnapshot();
      let calls = 0;
      const differs = new Set();
      const unsubscribe = client.subscribe(() => {
        calls += 1;
        differs.add(client.getSnapshot());
      });
      await client.charge(request);
      const after = client.getSnapshot();
      const heard = calls;
      unsubscribe();
      await client.charge({ ...request, taskId: "other" });
      return {
        same,
        changed: before !== after,
        heard: heard > 0,
        different: differs.size > 0 && !differs.has(before),
        silentAfterwards: calls === heard,
        before,
        after,
      };
    },
    { options: patient(options), request: REQUEST },
  );
  assert.ok(seen.same, "no change, no new object");
  assert.equal(seen.changed, true);
  assert.ok(seen.heard, "subscribers hear of a change");
  assert.ok(seen.different, "and find a new object");
  assert.ok(seen.silentAfterwards, "who unsubscribed hears nothing");
  assert.equal(seen.before.stats.enqueued, 0);
  assert.equal(seen.after.stats.charged, 1);
  assert.equal(seen.after.balance?.confirmed, 116);
  assert.equal(seen.after.network, "online");
  assert.equal(seen.after.storage, "indexeddb");
});

test("a new snapshot keeps the objects of its unchanged parts", async () => {
  const { context, page, options } = await stage.bare();
  await page.evaluate(async (options) => {
    globalThis.client = await globalThis.openClient({ ...options, balance: { syncEveryMs: 0 } });
    await globalThis.client.refreshBalance();
    globalThis.kept.before = globalThis.client.getSnapshot();
  }, options);
  await context.setOffline(true);
  await knowsOffline(page);
  const same = await page.evaluate(() => {
    const before = /** @type {import("tollbox").BillingSnapshot} */ (globalThis.kept.before);
    const after = globalThis.client.getSnapshot();
    /** @type {(keyof typeof after)[]} */
    const parts = ["balance", "queue", "stats", "alerts"];
    return Object.fromEntries(parts.map((part) => [part, before[part] === after[part]]));
  });
  // The eviction raises an alert, and nothing else has changed.
  assert.deepEqual(same, { balance: true, queue: true, stats: true, alerts: false });
});

test("on: each event carries its payload, and a removed listener hears no more", async () => {
  const { context, page, account, options } = await stage.bare();
  await page.evaluate(async (options) => {
    const client = await globalThis.openClient({ ...options, balance: { lowWatermark: 118 } });
    globalThis.client = client;
    /** @type {Record<string, unknown[]>} */
    const events = { charge: [], balance: [], network: [], flush: [], alert: [] };
    globalThis.kept = { events };
    for (const type of /** @type {const} */ (["charge", "balance", "network", "flush", "alert"])) {
      client.on(type, (event) => events[type]?.push(event));
    }
    const stop = client.on("charge", () => events.charge?.push("unheard"));
    stop();
    await client.refreshBalance();
  }, options);
  await context.setOffline(true);
  await knowsOffline(page);
  await page.evaluate((request) => globalThis.client.charge(request), REQUEST);
  await context.setOffline(false);
  await page.evaluate((key) => globalThis.client.settled(key), "cloud_trans:film");
  await stage.server.ledgerWhen(account, "the charge", ({ charges }) => charges.length === 1);
  await page.waitForFunction(() => {
    const { events } = /** @type {{ events: Record<string, unknown[]> }} */ (globalThis.kept);
    return Object.values(events).every((list) => list.length > 0);
  });
  const events = await page.evaluate(
    () => /** @type {{ events: Record<string, any[]> }} */ (globalThis.kept).events,
  );
  const statuses = events.charge?.map((record) => record.status);
  assert.ok(statuses?.includes("pending"), `${statuses}`);
  assert.equal(statuses?.at(-1), "success");
  assert.ok(!events.charge?.includes("unheard"));
  assert.equal(events.balance?.at(-1).confirmed, 116);
  assert.deepEqual(events.network, ["offline", "online"]);
  const alerts = events.alert?.map((alert) => alert.kind);
  for (const kind of ["network_lost", "network_restored", "balance_low"]) {
    assert.ok(alerts?.includes(kind), `${kind} in ${alerts}`);
  }
  assert.ok(events.flush?.some((event) => "remaining" in event || "total" in event));
});

test("stats: the charges taken on are always the settled ones and the open ones together", async () => {
  const { context, page, options } = await stage.bare();
  const snapshots = await page.evaluate(
    async ({ options, request }) => {
      const client = await globalThis.openClient(options);
      globalThis.client = client;
      const snapshots = [client.getSnapshot().stats];
      client.subscribe(() => snapshots.push(client.getSnapshot().stats));
      globalThis.kept = { snapshots };
      await client.refreshBalance();
      await client.charge(request);
      await client.charge({ ...request, taskId: "dear", amount: 10_000 });
      return snapshots;
    },
    { options: patient(options), request: REQUEST },
  );
  await context.setOffline(true);
  await knowsOffline(page);
  const last = await page.evaluate(async (request) => {
    await globalThis.client.charge({ ...request, taskId: "open" });
    const dropped = await globalThis.client.charge({ ...request, taskId: "dropped" });
    await globalThis.client.cancel(dropped.key);
    return globalThis.client.getSnapshot().stats;
  }, REQUEST);
  for (const stats of [...snapshots, last]) {
    const { enqueued, charged, declined, failed, unknown, open } = stats;
    assert.equal(enqueued, charged + declined + failed + unknown + open, JSON.stringify(stats));
  }
  assert.deepEqual(
    [last.enqueued, last.charged, last.declined, last.failed, last.unknown, last.open],
    [4, 1, 1, 1, 0, 1],
  );
  assert.ok(last.attempts >= 2);
  assert.ok(last.latencyMs && last.latencyMs.p50 <= last.latencyMs.p95);
  assert.ok(last.successRate !== null && last.successRate >= 0 && last.successRate <= 1);
});

test("storage: the requested storage is used, and outcomes say whether they are durable", async () => {
  const { context, page, options } = await stage.bare();
  await page.evaluate(async (options) => {
    const clients = [];
    for (const storage of /** @type {const} */ (["indexeddb", "localstorage", "memory"])) {
      const account = `${options.account}-${storage}`;
      const queue = { storage, offlineSpend: /** @type {const} */ ("unlimited") };
      clients.push(await globalThis.openClient({ ...options, account, queue }));
    }
    globalThis.kept = { clients };
  }, options);
  await context.setOffline(true);
  await page.waitForFunction(() => {
    const { clients } = /** @type {{ clients: import("tollbox").BillingClient[] }} */ (
      globalThis.kept
    );
    return clients.every((client) => client.getSnapshot().network === "offline");
  });
  const answers = await page.evaluate(async (request) => {
    const { clients } = /** @type {{ clients: import("tollbox").BillingClient[] }} */ (
      globalThis.kept
    );
    const answers = [];
    for (const client of clients) {
      const outcome = await client.charge(request);
      const durable = outcome.status === "queued" ? outcome.durable : outcome;
      answers.push([client.getSnapshot().storage, outcome.status, durable]);
    }
    return answers;
  }, REQUEST);
  assert.deepEqual(answers, [
    ["indexeddb", "queued", true],
    ["localstorage", "queued", false],
    ["memory", "queued", false],
  ]);
});

test("log and locale: entries reach the callback, and details are in the requested language", async () => {
  const { context, page, options } = await stage.bare();
  await page.evaluate(async (options) => {
    /** @type {import("tollbox").LogEntry[]} */
    const entries = [];
    const { token, ...rest } = options;
    globalThis.client = await globalThis.tollbox.openBilling({
      ...rest,
      getToken: () => token,
      log: (entry) => entries.push(entry),
      locale: "zh-CN",
    });
    globalThis.kept = { entries };
    await globalThis.client.refreshBalance();
  }, options);
  await context.setOffline(true);
  await knowsOffline(page);
  const { outcome, entries } = await page.evaluate(async (request) => {
    const outcome = await globalThis.client.charge(request);
    return { outcome, entries: /** @type {any[]} */ (globalThis.kept.entries) };
  }, REQUEST);
  assert.ok(outcome.status === "queued");
  assert.match(outcome.detail, /\p{Script=Han}/u);
  assert.ok(entries.length > 0);
  for (const { level, message, at } of entries) {
    assert.ok(["error", "info", "debug"].includes(level));
    assert.ok(message.length > 0 && at > 0);
  }
});
