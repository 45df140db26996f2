// `tollbox/testing`: each fault, and what the client makes of it.

import assert from "node:assert/strict";
import { test } from "node:test";
import { openBilling } from "../../pkg/index.js";
import { createBillingServer, faults } from "../../pkg/testing.js";

/** @import { BillingClient, BillingOptions, ChargeOutcome } from "../../pkg/index.js" */
/** @import { BillingServer, Fault } from "../../pkg/testing.js" */

const REQUEST = { taskId: "film", amount: 12, feature: "cloud_trans" };
const KEY = "cloud_trans:film";

/**
 * A client of the server, with short waits, until the test ends.
 *
 * @param {import("node:test").TestContext} t
 * @param {BillingServer} server
 * @param {Partial<BillingOptions>} [more]
 * @returns {Promise<BillingClient>}
 */
async function clientOf(t, server, more) {
  const billing = await openBilling({
    baseUrl: "https://billing.test/v1",
    account: "alice",
    transport: server.transport,
    queue: { storage: "memory" },
    retry: { baseDelayMs: 1, maxDelayMs: 5 },
    log: "silent",
    ...more,
  });
  t.after(() => billing.close());
  return billing;
}

/**
 * What a charge is answered whose first request the fault hits, and what is charged in the end.
 *
 * @param {import("node:test").TestContext} t
 * @param {Fault} fault
 * @param {Partial<BillingOptions>} [more]
 */
async function hitBy(t, fault, more) {
  const server = createBillingServer({ balance: 100 });
  const billing = await clientOf(t, server, more);
  const injected = server.inject(fault);
  const outcome = await billing.charge(REQUEST);
  assert.equal(injected.left, 0);
  return { server, billing, outcome };
}

test("a charge is taken once whose first answer was lost, late, or none", async (t) => {
  const lost = [
    faults.answerLost(),
    faults.neverArrives(),
    faults.hangs(),
    faults.hangsAfterCharging(),
    faults.delayed(500),
    faults.arrivesLate(1),
    faults.serverError(),
    faults.serverError({ after: true }),
    faults.badGateway(),
    faults.inProgress(),
    faults.garbage(),
    faults.notJson(),
    faults.status(200, { body: { charge_id: "c", idempotency_key: "another", amount: 12 } }),
    faults.unavailable({ body: "<h1>Router</h1>", after: true }),
  ];
  for (const fault of lost) {
    const retry = { baseDelayMs: 1, maxDelayMs: 5, requestTimeoutMs: 200 };
    const { server, billing, outcome } = await hitBy(t, fault, { retry });
    const end = outcome.status === "charged" ? outcome : await billing.settled(KEY);
    assert.equal(end.status, "charged", JSON.stringify(fault));
    assert.equal(server.balance, 88, JSON.stringify(fault));
    assert.equal(server.charges.length, 1);
    await billing.close();
  }
});

test("faults that decide a charge are told as what they are", async (t) => {
  /** @type {[Fault, Partial<ChargeOutcome>][]} */
  const decided = [
    [faults.rejected(), { status: "declined", reason: "rejected" }],
    [faults.forbidden(), { status: "failed", reason: "forbidden" }],
    [faults.keyReused(), { status: "failed", reason: "conflict" }],
    [faults.status(400), { status: "failed", reason: "invalid_request" }],
    [faults.unavailable({ retryAfter: 60 }), { status: "queued", reason: "busy" }],
    [faults.tooManyRequests({ retryAfter: 60 }), { status: "queued", reason: "busy" }],
    [faults.accountMismatch(), { status: "queued", reason: "unauthorized" }],
  ];
  for (const [fault, expected] of decided) {
    const { server, billing, outcome } = await hitBy(t, fault);
    const { status, reason } = /** @type {any} */ (outcome);
    assert.deepEqual({ status, reason }, expected);
    assert.equal(server.balance, 100);
    await billing.close();
  }
});

test("a refused token is asked for anew", async (t) => {
  const server = createBillingServer({
    authenticate: (token) => (token === "new" ? "alice" : null),
  });
  const getToken = ({ refresh = false }) => (refresh ? "new" : "old");
  const billing = await clientOf(t, server, { getToken });
  assert.equal((await billing.charge(REQUEST)).status, "charged");
  const charging = server.sent.filter(({ operation }) => operation === "charge");
  assert.ok(charging.some(({ headers }) => headers.authorization === "Bearer new"));
});

test("somebody else's client is refused by a server with one account", async (t) => {
  const server = createBillingServer({ account: "bob" });
  const billing = await clientOf(t, server);
  const outcome = await billing.charge(REQUEST);
  assert.deepEqual([outcome.status, server.balanceOf("bob")], ["queued", 120]);
});

test("a fault hits only what it is meant for", async (t) => {
  const server = createBillingServer();
  const billing = await clientOf(t, server);
  const other = server.inject(faults.forbidden(), { key: "cloud_trans:book", times: Infinity });
  const chosen = server.inject(faults.forbidden(), { when: ({ body }) => amountOf(body) === 7 });
  const removed = server.inject(faults.forbidden());
  removed.remove();
  assert.equal(removed.left, 0);
  assert.equal((await billing.charge(REQUEST)).status, "charged");
  assert.equal((await billing.charge({ ...REQUEST, taskId: "book" })).status, "failed");
  assert.equal((await billing.charge({ ...REQUEST, taskId: "song", amount: 7 })).status, "failed");
  assert.deepEqual([other.left, chosen.left], [Infinity, 0]);
  server.clearFaults();
  assert.equal(other.left, 0);
  assert.equal((await billing.retry("cloud_trans:book")).status, "charged");
});

test("what has arrived, and what the server has taken, can be looked at", async (t) => {
  const server = createBillingServer({ balance: 50, now: () => 1_000 });
  const billing = await clientOf(t, server);
  await billing.charge({ ...REQUEST, metadata: { file: "a.srt" } });
  assert.deepEqual(server.charges, [
    {
      account: "alice",
      key: KEY,
      taskId: "film",
      feature: "cloud_trans",
      amount: 12,
      chargeId: "charge-1",
      chargedAt: 1_000,
      metadata: { file: "a.srt" },
      requests: 1,
    },
  ]);
  const sent = server.sent.find(({ operation }) => operation === "charge");
  assert.deepEqual(
    [sent?.method, sent?.path, sent?.account, sent?.keys, sent?.arrived, sent?.status],
    ["POST", "charges", "alice", [KEY], true, 201],
  );
  assert.equal(server.topUp(5), 43);
  server.setPrice("book", 3);
  const dear = await billing.charge({ ...REQUEST, taskId: "book" });
  assert.equal(dear.status, "failed");
  assert.equal(
    (await billing.charge({ ...REQUEST, taskId: "book", amount: 3, key: "b" })).status,
    "charged",
  );
});

test("an offline queue is sent as one batch when the server is back", async (t) => {
  const server = createBillingServer();
  const billing = await clientOf(t, server, {
    retry: { baseDelayMs: 1, maxDelayMs: 5, respondWithinMs: 100 },
  });
  await billing.refreshBalance();
  server.goOffline();
  const outcomes = await Promise.all(
    [1, 2, 3].map((n) => billing.charge({ ...REQUEST, taskId: `t${n}` })),
  );
  assert.ok(outcomes.every(({ status }) => status === "queued" || status === "unknown"));
  assert.equal(server.charges.length, 0);
  server.goOnline();
  await billing.flush();
  await Promise.all([1, 2, 3].map((n) => billing.settled(`cloud_trans:t${n}`)));
  assert.equal(server.balance, 120 - 36);
});

test("keys are forgotten by the server's own clock", async (t) => {
  let now = 0;
  const server = createBillingServer({ keyTtlMs: 1_000, now: () => now });
  const one = await clientOf(t, server);
  assert.equal((await one.charge(REQUEST)).status, "charged");
  const other = await clientOf(t, server);
  const replayed = await other.charge(REQUEST);
  assert.equal(replayed.status === "charged" && replayed.replayed, true);
  now = 1_000;
  const third = await clientOf(t, server);
  const again = await third.charge(REQUEST);
  assert.equal(again.status === "charged" && again.replayed, false);
  assert.equal(server.charges.length, 2);
});

/**
 * Asks the server for a hold of 12 points, or to release it, as a client does.
 *
 * @param {BillingServer} server
 * @param {"POST" | "DELETE"} method
 * @param {string} [key]
 */
async function askForHold(server, method, key = KEY) {
  const isHold = method === "POST";
  const body = { task_id: "film", feature: "cloud_trans", amount: 12, expires_in_s: 180 };
  const headers = { "content-type": "application/json", "idempotency-key": `"${key}"` };
  const answer = await server.transport(
    /** @type {any} */ ({
      method,
      path: isHold ? "holds" : `holds?key=${encodeURIComponent(key)}`,
      headers: { "billing-account": '"alice"', ...(isHold && headers) },
      body: isHold ? JSON.stringify(body) : null,
      signal: new AbortController().signal,
    }),
  );
  return { status: answer.status, ...JSON.parse(answer.body) };
}

test("holds are kept where they are asked for, end by the server's clock, and are listed", async (t) => {
  let now = 1_000;
  const server = createBillingServer({ balance: 30, holds: true, now: () => now });
  assert.equal((await askForHold(server, "POST")).held, 12);
  assert.deepEqual(server.holds, [
    {
      account: "alice",
      key: KEY,
      taskId: "film",
      feature: "cloud_trans",
      amount: 12,
      expiresAt: 181_000,
    },
  ]);
  assert.deepEqual([server.balance, server.charges], [30, []]);
  now = 181_000;
  assert.deepEqual(server.holds, []);

  assert.equal((await askForHold(server, "POST")).status, 201);
  const billing = await clientOf(t, server);
  assert.equal((await billing.charge(REQUEST)).status, "charged");
  assert.deepEqual([server.balance, server.holds], [18, []]);
  assert.deepEqual((await askForHold(server, "POST")).type, "already-charged");
});

test("a hold whose points were taken is not there again when the clock is set back", async (t) => {
  let now = 0;
  const server = createBillingServer({ balance: 12, holds: true, now: () => now });
  assert.equal((await askForHold(server, "POST", "another")).status, 201);
  now = 180_000;
  const billing = await clientOf(t, server);
  assert.equal((await billing.charge(REQUEST)).status, "charged");
  now = 0;
  assert.deepEqual([server.balance, server.holds], [0, []]);
});

test("a hold that was released is not there again when the clock is set back", async () => {
  let now = 0;
  const server = createBillingServer({ balance: 12, holds: true, now: () => now });
  assert.equal((await askForHold(server, "POST")).status, 201);
  now = 180_000;
  assert.equal((await askForHold(server, "DELETE")).held, 0);
  now = 0;
  assert.deepEqual(server.holds, []);
});

test("a hold of another device takes points away until it is released", async (t) => {
  const server = createBillingServer({ balance: 30, account: "alice", holds: true });
  const billing = await clientOf(t, server);
  const hold = server.holdElsewhere(20);
  assert.throws(() => server.holdElsewhere(11), RangeError);
  assert.deepEqual(
    server.holds.map(({ account, amount }) => [account, amount]),
    [["alice", 20]],
  );
  const declined = await billing.charge(REQUEST);
  assert.deepEqual([declined.status, server.balance], ["declined", 30]);
  hold.release();
  hold.release();
  assert.equal((await billing.charge(REQUEST)).status, "charged");
});

test("a hold of another device has the points of what expired before it", async () => {
  let now = 0;
  const server = createBillingServer({
    balance: 12,
    account: "alice",
    holds: true,
    now: () => now,
  });
  assert.equal((await askForHold(server, "POST")).status, 201);
  now = 180_000;
  server.holdElsewhere(12);
  now = 0;
  assert.deepEqual(
    server.holds.map(({ amount }) => amount),
    [12],
  );
});

test("a fault hits a hold, and its release", async () => {
  const server = createBillingServer({ holds: true });
  server.inject(faults.status(403), { on: "hold", key: KEY });
  server.inject(faults.serverError({ after: true }), { on: "release" });
  assert.equal((await askForHold(server, "POST", "another")).status, 201);
  assert.equal((await askForHold(server, "POST")).status, 403);
  assert.equal((await askForHold(server, "POST")).status, 201);
  assert.equal((await askForHold(server, "DELETE")).status, 500);
  assert.deepEqual(
    server.holds.map(({ key }) => key),
    ["another"],
  );
  assert.deepEqual(
    server.sent.map(({ operation, keys }) => [operation, ...keys]),
    [
      ["hold", "another"],
      ["hold", KEY],
      ["hold", KEY],
      ["release", KEY],
    ],
  );
});

test("a server without holds has no such requests, and its clients are told of none", async () => {
  const server = createBillingServer({ account: "alice" });
  const answer = await askForHold(server, "POST");
  assert.deepEqual([answer.status, answer.type], [404, "not-found"]);
  assert.equal((await askForHold(server, "DELETE")).status, 404);
  assert.deepEqual([server.sent[0]?.operation, server.holds], [null, []]);
  assert.throws(() => server.holdElsewhere(5), TypeError);
});

test("mistakes of a test are told where they are made", () => {
  const server = createBillingServer();
  const holding = createBillingServer({ holds: true });
  const wrong = /** @type {any} */ ([
    () => createBillingServer({ balance: -1 }),
    () => createBillingServer({ balance: 1.5 }),
    () => server.inject(/** @type {any} */ ({ kind: "flood" })),
    () => server.inject(faults.status(99)),
    () => server.inject(faults.delayed(-1)),
    () => server.inject(faults.hangs(), /** @type {any} */ ({ on: "charges" })),
    () => server.topUp(0, "alice"),
    () => server.topUp(5),
    () => server.setPrice("t", 0, "alice"),
    () => server.holdElsewhere(1, "alice"),
    () => holding.holdElsewhere(0, "alice"),
    () => holding.holdElsewhere(1),
    () => holding.holdElsewhere(121, "alice"),
  ]);
  for (const mistake of wrong) {
    assert.throws(mistake, Error, String(mistake));
  }
  server.topUp(1, "alice");
  server.topUp(1, "bob");
  assert.throws(() => server.balance, /alice, bob/);
});

/** @param {any} body */
function amountOf(body) {
  return body?.amount;
}
