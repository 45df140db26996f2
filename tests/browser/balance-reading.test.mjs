import assert from "node:assert/strict";
import { test } from "node:test";
import { PATIENT, Stage } from "./support/stage.mjs";
import { until } from "./support/until.mjs";

const stage = new Stage();

/**
 * A page with an open client that reads no balance by itself, and the answers to its reads: the
 * status of each, and whether its request was conditional.
 */
async function reader() {
  const { page, account, options } = await stage.bare();
  /** @type {{ status: number, conditional: boolean }[]} */
  const readings = [];
  page.on("response", (response) => {
    const request = response.request();
    if (request.method() === "GET" && request.url().includes("/balance?")) {
      const conditional = request.headers()["if-none-match"] !== undefined;
      readings.push({ status: response.status(), conditional });
    }
  });
  await page.evaluate(
    async (options) => {
      globalThis.client = await globalThis.openClient(options);
      await globalThis.client.refreshBalance();
    },
    {
      ...options,
      balance: { syncEveryMs: 0 },
      retry: { ...options.retry, ...PATIENT },
    },
  );
  await until("the first reading", () => readings.length === 1);
  return { page, account, readings };
}

test("an unchanged balance is answered 304, and counts as fresh", async () => {
  const { page, readings } = await reader();
  const [before, after] = await page.evaluate(async () => {
    const before = globalThis.client.balance();
    const result = await globalThis.client.refreshBalance();
    return [before, result.status === "fresh" ? result.balance : null];
  });
  assert.ok(before && after);
  assert.deepEqual([after.confirmed, after.version], [before.confirmed, before.version]);
  assert.ok(after.asOf >= before.asOf && !after.stale);
  await until("the second reading", () => readings.length === 2);
  assert.deepEqual(readings, [
    { status: 200, conditional: false },
    { status: 304, conditional: true },
  ]);
});

test("simultaneous balance reads share one request", async () => {
  const { page, account, readings } = await reader();
  await stage.server.topUp(account, 30);
  const balances = await page.evaluate(async () => {
    const calls = Array.from({ length: 10 }, () => globalThis.client.refreshBalance());
    const results = await Promise.all(calls);
    return results.map((result) => (result.status === "fresh" ? result.balance.confirmed : null));
  });
  assert.deepEqual(new Set(balances), new Set([150]));
  await until("their reading", () => readings.length === 2);
  await page.evaluate(() => globalThis.client.refreshBalance());
  await until("the next one", () => readings.length >= 3);
  assert.equal(readings.length, 3);
});

test("a late balance answer never replaces a newer version", async () => {
  const { page, account } = await reader();
  /** @type {() => void} */
  let deliver = () => {};
  const held = new Promise((resolve) => {
    deliver = () => resolve(undefined);
  });
  // The server answers the next read at once, but the answer arrives after that of the charge.
  let answered = false;
  await page.route(
    "**/balance?*",
    async (route) => {
      const response = await route.fetch();
      answered = true;
      await held;
      await route.fulfill({ response });
    },
    { times: 1 },
  );
  await stage.server.topUp(account, 5);
  await page.evaluate(() => {
    Reflect.set(globalThis, "late", globalThis.client.refreshBalance());
    const versions = [globalThis.client.balance()?.version ?? 0];
    Reflect.set(globalThis, "versions", versions);
    globalThis.client.on("balance", ({ version }) => versions.push(version));
  });
  await until("the server's answer", () => answered);
  const charged = await page.evaluate(() =>
    globalThis.client.charge({ taskId: "film", amount: 25, feature: "asr" }),
  );
  assert.ok(charged.status === "charged" && charged.balance === 100);
  deliver();
  const { late, versions, balance } = await page.evaluate(async () => ({
    late: await Reflect.get(globalThis, "late"),
    versions: Reflect.get(globalThis, "versions"),
    balance: globalThis.client.balance(),
  }));
  assert.equal(late.status, "fresh");
  assert.deepEqual([late.balance.confirmed, balance?.confirmed], [100, 100]);
  assert.deepEqual(
    versions,
    [...versions].sort((one, other) => one - other),
  );
});

test("the snapshot is plain JSON, and its figures are consistent", async () => {
  const { page } = await reader();
  const { snapshot, copy } = await page.evaluate(async () => {
    for (let index = 0; index < 20; index += 1) {
      await globalThis.client.charge({ taskId: `task-${index}`, amount: 1, feature: "asr" });
    }
    const snapshot = globalThis.client.getSnapshot();
    return { snapshot, copy: JSON.parse(JSON.stringify(snapshot)) };
  });
  assert.deepEqual(copy, snapshot);
  const { enqueued, charged, declined, failed, unknown, open, latencyMs } = snapshot.stats;
  assert.deepEqual([enqueued, charged], [20, 20]);
  assert.equal(enqueued, charged + declined + failed + unknown + open);
  assert.ok(latencyMs);
  assert.ok(0 < latencyMs.p50 && latencyMs.p50 <= latencyMs.p95 && latencyMs.p95 <= latencyMs.p99);
});

test("the log is in English by default, and reports a charge as made only once it is", async () => {
  const { context, page, options } = await stage.bare();
  await page.evaluate(async ({ token, ...options }) => {
    /** @type {string[]} */
    const lines = [];
    Reflect.set(globalThis, "lines", lines);
    globalThis.client = await globalThis.tollbox.openBilling({
      ...options,
      getToken: () => token,
      log: ({ level, message }) => {
        if (level !== "debug") lines.push(message);
      },
    });
    await globalThis.client.refreshBalance();
  }, options);
  await context.setOffline(true);
  await page.waitForFunction(() => globalThis.client.getSnapshot().network === "offline");
  const lines = () =>
    page.evaluate(() => /** @type {string[]} */ (Reflect.get(globalThis, "lines")));
  await page.evaluate(() =>
    globalThis.client.charge({ taskId: "film", amount: 3, feature: "asr" }),
  );
  assert.match((await lines()).at(-1) ?? "", /^⏳ charge queued: .* - points: 3, task: film$/);
  await context.setOffline(false);
  await page.evaluate(() => globalThis.client.settled("asr:film"));
  const about = (await lines()).filter((line) => line.includes("film"));
  assert.equal(about.at(-1), "✅ translation task charged - points: 3, task: film");
  assert.equal(about.filter((line) => /charged|complete|success/i.test(line)).length, 1);
});
