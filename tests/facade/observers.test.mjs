// What React, Vue and Svelte show: the observers under their entries.

import assert from "node:assert/strict";
import { test } from "node:test";
import { ChargeObserver } from "../../pkg/lib/observers/charge.js";
import { ChargesObserver, writtenFilter } from "../../pkg/lib/observers/charges.js";
import { SharedClient } from "../../pkg/lib/observers/shared-client.js";
import { TaskObserver } from "../../pkg/lib/observers/task.js";
import { createBillingServer } from "../../pkg/testing.js";
import { FakeClient, record } from "./support/fake-client.mjs";

/** @import { BillingOptions } from "tollbox" */
/** @import { TestContext } from "node:test" */

const REQUEST = { taskId: "film", amount: 12, feature: "cloud_trans", key: "k" };
const CHARGED = { key: "k", status: "charged", attempts: 1 };
const UNKNOWN = { key: "k", status: "unknown", reason: "timeout", attempts: 1 };
const CANCELLED = { key: "k", status: "failed", reason: "cancelled", attempts: 0 };

/** Time for what is under way in memory. */
const settled = () => new Promise((resolve) => setImmediate(resolve));

/**
 * What a listener throws is reported by a timer, which never fires here.
 *
 * @param {TestContext} t
 */
function keepReports(t) {
  t.mock.timers.enable({ apis: ["setTimeout"] });
}

/**
 * An account at a server in memory, and what its clients are opened with.
 *
 * @param {TestContext} t
 * @param {(token: string | null) => boolean} [authenticate]
 */
function account(t, authenticate = (/** @type {string | null} */ token) => token === "good") {
  const server = createBillingServer({
    authenticate: (token) => (authenticate(token) ? "alice" : null),
  });
  /** @type {(() => void)[]} */
  const ends = [];
  t.after(() => {
    for (const end of ends) end();
  });
  /** How often a client was opened. */
  const opened = { times: 0 };
  const options = (/** @type {Partial<BillingOptions>} */ more) => ({
    baseUrl: "https://billing.example/v1",
    account: "alice",
    log: /** @type {const} */ ("silent"),
    transport: server.transport,
    retry: { respondWithinMs: 500 },
    // Copied where a client is opened, and looked at nowhere else.
    get queue() {
      opened.times += 1;
      return { storage: /** @type {const} */ ("memory") };
    },
    ...more,
  });
  const watch = (/** @type {SharedClient} */ shared, listener = () => {}) => {
    ends.push(shared.subscribe(listener));
    return shared;
  };
  return { server, options, opened, watch };
}

/**
 * @param {SharedClient} shared
 * @returns {Promise<import("tollbox").BillingClient>}
 */
const openedClient = (shared) => shared.run(async (client) => client);

test("a listener that throws is reported, and the others are called", (t) => {
  keepReports(t);
  const client = new FakeClient();
  const charge = new ChargeObserver(client.shared, "k");
  let heard = 0;
  charge.subscribe(() => {
    throw new Error("a view's mistake");
  });
  charge.subscribe(() => {
    heard += 1;
  });
  client.tell(record("success", CHARGED));
  assert.equal(heard, 1);
  assert.throws(() => t.mock.timers.tick(1), /a view's mistake/);
});

test("a task that is paid is paid, though a listener throws", async (t) => {
  keepReports(t);
  const client = new FakeClient();
  client.answer = CHARGED;
  const task = new TaskObserver(client.shared);
  task.subscribe(() => {
    if (task.get().status === "paid") {
      throw new Error("a view's mistake");
    }
  });
  const outcome = await task.run(REQUEST, async () => "done");
  assert.equal(outcome.task, "completed");
  assert.equal(task.get().status, "paid");
});

test("an act gives its answer, though a listener throws", async (t) => {
  keepReports(t);
  const client = new FakeClient();
  client.answer = CHARGED;
  const charge = new ChargeObserver(client.shared, "k");
  charge.subscribe(() => {
    throw new Error("a view's mistake");
  });
  assert.equal(await charge.charge(REQUEST), CHARGED);
});

test("an act gets its client, though an earlier listener of the opening throws", async (t) => {
  const { options, watch } = account(t);
  const shared = new SharedClient(options({ getToken: () => "good" }));
  const { setTimeout } = globalThis;
  watch(shared, () => {
    if (shared.get().status === "open") {
      // Its report alone comes to nothing.
      t.mock.method(globalThis, "setTimeout", () => {}, { times: 1 });
      throw new Error("a view's mistake");
    }
  });
  const charge = new ChargeObserver(shared, "k");
  const late = new Promise((resolve) => setTimeout(resolve, 5_000, "late").unref());
  const answer = charge.charge(REQUEST).then(({ status }) => status);
  assert.equal(await Promise.race([answer, late]), "charged");
});

test("a listener that another has ended is not called, and does not follow the client", async () => {
  const client = new FakeClient();
  client.answer = UNKNOWN;
  const { shared } = client;
  const task = new TaskObserver(shared);
  let heard = 0;
  let end = () => {};
  task.subscribe(() => end());
  end = task.subscribe(() => {
    heard += 1;
  });
  await task.run(REQUEST, async () => "done");
  assert.equal(heard, 0);
});

test("an observer that is ended as the client opens does not attach to it", async (t) => {
  const { options, watch } = account(t);
  const shared = new SharedClient(options({ getToken: () => "good" }));
  let end = () => {};
  watch(shared, () => end());
  const charge = new ChargeObserver(shared, "k");
  end = charge.subscribe(() => {});
  const client = await openedClient(shared);
  await client.charge(REQUEST);
  await settled();
  assert.equal(charge.get().status, "loading");
});

test("a token function that comes later is asked", async (t) => {
  const { options, watch } = account(t);
  const shared = watch(new SharedClient(options({ getToken: undefined })));
  await openedClient(shared);
  shared.update(options({ getToken: () => "good" }));
  const outcome = await new ChargeObserver(shared, "k").charge(REQUEST);
  assert.equal(outcome.status, "charged");
});

test("a token function that is taken away is asked no more", async (t) => {
  const { options, watch } = account(t);
  const getToken = t.mock.fn(() => "good");
  const shared = watch(new SharedClient(options({ getToken })));
  await openedClient(shared);
  shared.update(options({}));
  await openedClient(shared);
  getToken.mock.resetCalls();
  const outcome = await new ChargeObserver(shared, "k").charge(REQUEST);
  assert.deepEqual([outcome.status, getToken.mock.callCount()], ["queued", 0]);
});

test("functions that are other functions open no other client", async (t) => {
  const { options, opened, watch } = account(t);
  const shared = watch(new SharedClient(options({ getToken: () => "bad", log: () => {} })));
  const client = await openedClient(shared);
  shared.update(options({ getToken: () => "good", log: () => {} }));
  assert.equal(await openedClient(shared), client);
  assert.equal(opened.times, 1);
});

test("a client with charges in memory alone goes on until they are made", async (t) => {
  const { server, options, watch } = account(t, () => true);
  const shared = watch(new SharedClient(options({})));
  const client = await openedClient(shared);
  await client.refreshBalance();
  server.goOffline();
  const { status } = await client.charge(REQUEST);
  assert.ok(["queued", "unknown"].includes(status), status);
  const withToken = options({ getToken: () => "good" });
  shared.update(withToken);
  assert.equal(await openedClient(shared), client);
  server.goOnline();
  await client.flush();
  assert.equal((await client.settled("k")).status, "charged");
  shared.update(withToken);
  assert.notEqual(await openedClient(shared), client);
  const isClosed = () =>
    client.charges().then(
      () => false,
      ({ code }) => code === "closed",
    );
  while (!(await isClosed())) await settled();
});

test("a client that is left at once is not opened, and one that is taken again is", async (t) => {
  const { options, opened, watch } = account(t);
  const left = new SharedClient(options({}));
  left.subscribe(() => {})();
  await settled();
  assert.equal(opened.times, 0);
  watch(left);
  await openedClient(left);
  assert.equal(opened.times, 1);
});

test("a charge is shown as it goes on, though another listener freezes what it is told", async () => {
  const client = new FakeClient();
  client.on("charge", deepFreeze);
  const charge = new ChargeObserver(client.shared, "k");
  charge.subscribe(() => {});
  await settled();
  client.tell(record("retrying", { status: "queued", attempts: 1 }));
  client.tell(record("retrying", { status: "unknown", attempts: 2 }));
  client.tell(record("success", { status: "charged", attempts: 2 }));
  assert.equal(charge.get().status, "success");
});

test("a task whose charge is given up is unpaid, though an attempt of it was taken back", async () => {
  const client = new FakeClient();
  client.answer = UNKNOWN;
  const task = new TaskObserver(client.shared);
  task.subscribe(() => {});
  await task.run(REQUEST, async () => "done");
  client.tell(record("pending", { status: "queued", attempts: 0 }));
  client.tell(record("failed", CANCELLED));
  assert.equal(task.get().status, "unpaid");
});

test("a task does not take what became of an earlier run for its own", async () => {
  const client = new FakeClient();
  client.records = [record("failed", { ...CANCELLED, attempts: 3 }, Date.now() - 1_000)];
  client.answer = { ...UNKNOWN, attempts: 0 };
  const task = new TaskObserver(client.shared);
  task.subscribe(() => {});
  await task.run(REQUEST, async () => "done");
  await settled();
  assert.equal(task.get().status, "open");
  client.tell(record("success", CHARGED));
  assert.equal(task.get().status, "paid");
});

test("a task takes what it is told for later, though the clock was set back", async () => {
  const client = new FakeClient();
  client.answer = UNKNOWN;
  const task = new TaskObserver(client.shared);
  task.subscribe(() => {});
  await task.run(REQUEST, async () => {
    client.records = [record("retrying", UNKNOWN)];
    return "done";
  });
  await settled();
  client.tell(record("success", CHARGED, Date.now() - 60_000));
  assert.equal(task.get().status, "paid");
});

test("a charge and a list that could not be read are read at the next sign of life", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const client = new FakeClient();
  client.trouble = new Error("the module rests");
  const charge = new ChargeObserver(client.shared, "k");
  charge.subscribe(() => {});
  const charges = new ChargesObserver(client.shared);
  charges.subscribe(() => {});
  await settled();
  assert.deepEqual([charge.get().status, charges.get().status], ["unavailable", "unavailable"]);
  client.trouble = null;
  client.showAnew();
  t.mock.timers.tick(100);
  await settled();
  assert.deepEqual([charge.get().status, charges.get().status], ["absent", "ready"]);
});

test("a charge that can be read is not read at every snapshot", async (t) => {
  const client = new FakeClient();
  const charge = new ChargeObserver(client.shared, "k");
  charge.subscribe(() => {});
  await settled();
  const read = t.mock.method(client, "getCharge");
  client.showAnew();
  assert.equal(read.mock.callCount(), 0);
});

test("progress is shown of the work that a second run has joined, until it has ended", async () => {
  const client = new FakeClient();
  const task = new TaskObserver(client.shared);
  task.subscribe(() => {});
  const progress = () => /** @type {any} */ (task.get()).progress;
  /** @type {any} */
  let context;
  let finish = (/** @type {string} */ _value) => {};
  client.answer = CHARGED;
  const first = task.run(REQUEST, (_request, given) => {
    context = given;
    return new Promise((resolve) => {
      finish = resolve;
    });
  });
  await settled();
  // The client runs the work of two such calls once.
  client.runTask = () => new Promise(() => {});
  void task.run({ ...REQUEST }, async () => "never");
  context.setProgress(0.5);
  assert.equal(progress(), 0.5);
  finish("done");
  await first;
  context.setProgress(0.7);
  assert.equal(progress(), 0.5);
});

test("progress is not shown of work for another task, or beside a mistaken call", async () => {
  const client = new FakeClient();
  const task = new TaskObserver(client.shared);
  task.subscribe(() => {});
  /** @type {any} */
  let context;
  const work = async (/** @type {any} */ _request, /** @type {any} */ given) => {
    context ??= given;
    return new Promise(() => {});
  };
  void task.run(REQUEST, work);
  await settled();
  void task.run({ ...REQUEST, amount: 3 }, work);
  context.setProgress(0.5);
  assert.equal(/** @type {any} */ (task.get()).progress, null);
  void task.run(/** @type {any} */ (undefined), work);
  context.setProgress(0.5);
  assert.equal(/** @type {any} */ (task.get()).progress, null);
});

test("a limit of Infinity is no limit, and one that is a mistake stays one", () => {
  assert.equal(writtenFilter({ limit: Number.POSITIVE_INFINITY }), "{}");
  assert.equal(writtenFilter({ limit: Number.NaN }), '{"limit":null}');
  assert.equal(writtenFilter({ status: "failed", limit: 3 }), '{"status":"failed","limit":3}');
  assert.equal(writtenFilter(), "{}");
});

/** @param {any} value */
function deepFreeze(value) {
  if (typeof value === "object" && value !== null) {
    Object.values(value).forEach(deepFreeze);
    Object.freeze(value);
  }
}
