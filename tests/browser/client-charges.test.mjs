import assert from "node:assert/strict";
import { test } from "node:test";
import { patient, Stage } from "./support/stage.mjs";
import { knowsOffline, openIn, settledIn } from "./support/tabs.mjs";

const stage = new Stage();
const REQUEST = { taskId: "film", amount: 4, feature: "cloud_trans" };

test("getCharge finds the record of a charge, with its metadata", async () => {
  const { page, options } = await stage.bare();
  await openIn(page, patient(options));
  const { outcome, record, before } = await page.evaluate(async (request) => {
    const before = await globalThis.client.getCharge("mine");
    const outcome = await globalThis.client.charge({
      ...request,
      key: "mine",
      metadata: { title: "片名" },
    });
    return { outcome, before, record: await globalThis.client.getCharge("mine") };
  }, REQUEST);
  assert.equal(before, null);
  assert.equal(outcome.key, "mine");
  assert.ok(record);
  assert.equal(record.status, "success");
  assert.deepEqual(record.metadata, { title: "片名" });
  assert.deepEqual(
    [record.key, record.taskId, record.feature, record.amount],
    ["mine", "film", "cloud_trans", 4],
  );
  assert.deepEqual(record.outcome, outcome);
  assert.equal(record.nextAttemptAt, null);
  assert.ok(record.attempts >= 1 && record.createdAt <= record.updatedAt);
});

test("charges: newest first, by status, and no more than the limit", async () => {
  const { page, options } = await stage.bare();
  await openIn(page, patient(options));
  const lists = await page.evaluate(async (request) => {
    const { client } = globalThis;
    for (const taskId of ["a", "b", "c"]) await client.charge({ ...request, taskId });
    await client.charge({ ...request, taskId: "dear", amount: 10_000 });
    /** @param {Parameters<typeof client.charges>[0]} [filter] */
    const tasks = async (filter) => (await client.charges(filter)).map(({ taskId }) => taskId);
    return {
      all: await tasks(),
      success: await tasks({ status: "success" }),
      failed: await tasks({ status: ["failed", "unknown"] }),
      pending: await tasks({ status: "pending" }),
      newest: await tasks({ limit: 2 }),
    };
  }, REQUEST);
  assert.deepEqual(lists, {
    all: ["dear", "c", "b", "a"],
    success: ["c", "b", "a"],
    failed: ["dear"],
    pending: [],
    newest: ["dear", "c"],
  });
});

test("one key is charged once, however many calls are made at once", async () => {
  const { page, account, options } = await stage.bare();
  await openIn(page, patient(options));
  const outcomes = await page.evaluate(
    (request) => Promise.all(Array.from({ length: 10 }, () => globalThis.client.charge(request))),
    REQUEST,
  );
  assert.deepEqual(
    outcomes.map((outcome) => outcome.status),
    Array(10).fill("charged"),
  );
  const ids = outcomes.map((outcome) => (outcome.status === "charged" ? outcome.chargeId : null));
  assert.equal(new Set(ids).size, 1);
  const ledger = await stage.server.ledger(account);
  assert.equal(ledger.balance, 116);
  assert.equal(ledger.charges.length, 1);
});

test("a key used for another body is refused as a conflict, and nothing more is taken", async () => {
  const { page, account, options } = await stage.bare();
  const outcome = await page.evaluate(
    async ({ options, request }) => {
      const first = await globalThis.openClient(options);
      await first.charge(request);
      // A client that doesn't share the first one's journal: only the server can tell.
      const queue = /** @type {const} */ ({ storage: "memory" });
      const other = await globalThis.openClient({ ...options, queue });
      return other.charge({ ...request, amount: 9 });
    },
    { options: patient(options), request: REQUEST },
  );
  assert.ok(outcome.status === "failed" && outcome.reason === "conflict", JSON.stringify(outcome));
  const ledger = await stage.server.ledger(account);
  assert.equal(ledger.balance, 116);
  assert.equal(ledger.charges.length, 1);
});

test("an AbortSignal ends the wait for a charge, not the charge", async () => {
  const { page, account, options } = await stage.bare();
  await openIn(page, patient(options));
  await stage.server.breakFor(account, { kind: "hang" });
  const outcome = await page.evaluate(async (request) => {
    const stop = new AbortController();
    const going = globalThis.client.charge(request, { signal: stop.signal });
    await new Promise((resolve) => {
      const stopListening = globalThis.client.on("charge", (record) => {
        if (record.attempts === 0) return;
        stopListening();
        resolve(record);
      });
    });
    stop.abort();
    return going;
  }, REQUEST);
  assert.equal(outcome.status, "unknown", "a request may have reached the server");
  await stage.server.repair();
  const settled = await page.evaluate((key) => globalThis.client.settled(key), outcome.key);
  assert.equal(settled.status, "charged");
  assert.equal((await stage.server.ledger(account)).charges.length, 1);
});

test("retry of a charged key answers without a request", async () => {
  const { page, account, options } = await stage.bare();
  await openIn(page, patient(options, { requestTimeoutMs: 60_000 }));
  const { first, again } = await page.evaluate(async (request) => {
    const first = await globalThis.client.charge(request);
    return { first, again: await globalThis.client.retry(first.key) };
  }, REQUEST);
  assert.ok(first.status === "charged" && again.status === "charged");
  assert.equal(again.chargeId, first.chargeId);
  assert.equal((await stage.server.ledger(account)).charges[0]?.requests, 1);
});

test("settled: waits across a reload, and until its signal aborts", async () => {
  const { context, page, account, options } = await stage.bare();
  await openIn(page, patient(options));
  await context.setOffline(true);
  await knowsOffline(page);
  const { key, stopped } = await page.evaluate(async (request) => {
    const { key } = await globalThis.client.charge(request);
    const stop = new AbortController();
    const waiting = globalThis.client.settled(key, { signal: stop.signal });
    stop.abort();
    const stopped = await waiting.then(
      () => "settled",
      (error) => error.name,
    );
    return { key, stopped };
  }, REQUEST);
  assert.equal(stopped, "AbortError");

  const other = await context.newPage();
  await context.setOffline(false);
  await stage.site.visit(other);
  const elsewhere = await other.evaluate(
    async ({ options, key }) => {
      globalThis.client = await globalThis.openClient(options);
      return globalThis.client.settled(key);
    },
    { options, key },
  );
  assert.equal(elsewhere.status, "charged");
  const here = await page.evaluate((key) => globalThis.client.settled(key), key);
  assert.equal(here.status, "charged");
  assert.equal((await stage.server.ledger(account)).charges.length, 1);
});

test("flush sends the open charges and reports their outcomes", async () => {
  const { context, page, account, options } = await stage.bare();
  // Long waits, so that only the flush sends.
  const lazy = { ...options, retry: { ...options.retry, baseDelayMs: 60_000, maxDelayMs: 60_000 } };
  await openIn(page, lazy);
  await context.setOffline(true);
  await knowsOffline(page);
  await page.evaluate(async (request) => {
    for (const taskId of ["a", "b"]) await globalThis.client.charge({ ...request, taskId });
  }, REQUEST);
  const offline = await page.evaluate(() => globalThis.client.flush());
  assert.equal(offline.charged, 0);
  assert.equal(offline.remaining, 2);
  assert.equal(offline.stopped, "offline");

  await context.setOffline(false);
  await page.evaluate(() => globalThis.client.flush());
  const ledger = await stage.server.ledgerWhen(
    account,
    "both charges",
    ({ charges }) => charges.length === 2,
  );
  assert.equal(ledger.balance, 112);
  await settledIn(page, ["cloud_trans:a", "cloud_trans:b"]);
  const report = await page.evaluate(() => globalThis.client.flush());
  assert.deepEqual(
    [report.charged, report.declined, report.failed, report.unknown, report.remaining],
    [0, 0, 0, 0, 0],
  );
});
