import assert from "node:assert/strict";
import { mock, test } from "node:test";
import { BillingError } from "../../pkg/lib/error.js";
import { runTask } from "../../pkg/lib/task.js";

const REQUEST = { taskId: "film", amount: 3, feature: "f" };
const CHARGED = { key: "f:film", status: "charged" };

/** A client and its core, which lets every task start. */
function stage() {
  const client = {
    charge: mock.fn(async (/** @type {any} */ _request) => /** @type {any} */ (CHARGED)),
    getCharge: mock.fn(async () => null),
  };
  const module = {
    taskOf: (/** @type {string} */ request) => {
      const { feature, taskId, amount } = JSON.parse(request);
      return { key: `${feature}:${taskId}`, identity: `${feature}:${taskId}:${amount}` };
    },
    startTask: mock.fn(async () => /** @type {any} */ (null)),
  };
  const core = {
    ask: async (/** @type {any} */ question) => question(module),
    keepHold: mock.fn(),
    endHold: mock.fn(),
  };
  const host = {
    say: (/** @type {string} */ english) => english,
    openRecord: mock.fn(() => /** @type {any} */ (undefined)),
    snapshot: () => ({ storage: "indexeddb" }),
  };
  const run = (/** @type {any} */ work, request = REQUEST) =>
    runTask(
      /** @type {any} */ (client),
      /** @type {any} */ (core),
      /** @type {any} */ (host),
      request,
      work,
    );
  return { client, module, core, host, run };
}

test("work that succeeds is charged, and its points are held until then", async () => {
  const { client, core, run } = stage();
  const outcome = await run(async () => {
    assert.equal(core.keepHold.mock.callCount(), 1);
    assert.equal(client.charge.mock.callCount(), 0);
    return "subtitles";
  });
  assert.deepEqual(outcome, { task: "completed", value: "subtitles", billing: CHARGED });
  assert.deepEqual(core.endHold.mock.calls[0]?.arguments, ["f:film", true]);
});

test("work that fails is not charged, and its points are free again", async () => {
  const { client, core, run } = stage();
  const error = new Error("no such film");
  const outcome = await run(() => Promise.reject(error));
  assert.deepEqual(outcome, { task: "failed", error, billing: null });
  assert.equal(client.charge.mock.callCount(), 0);
  assert.deepEqual(core.endHold.mock.calls[0]?.arguments, ["f:film", false]);
});

test("work that throws before its promise is work that fails", async () => {
  const { client, run } = stage();
  const outcome = await run(() => {
    throw new Error("no such film");
  });
  assert.equal(outcome.task, "failed");
  assert.equal(client.charge.mock.callCount(), 0);
});

test("work that may not start is not run, and holds nothing", async () => {
  const { core, module, run } = stage();
  const declined = { key: "f:film", status: "declined" };
  module.startTask.mock.mockImplementation(async () => declined);
  const work = mock.fn();
  assert.deepEqual(await run(work), { task: "not_started", billing: declined });
  assert.equal(work.mock.callCount(), 0);
  assert.equal(core.keepHold.mock.callCount(), 0);
});

test("two calls under one key that the core tells apart are two tasks", async () => {
  const { module, run } = stage();
  const conflict = { key: "f:film", status: "failed", reason: "conflict" };
  module.startTask.mock.mockImplementationOnce(async () => conflict, 1);
  const work = mock.fn(async () => "subtitles");
  const outcomes = await Promise.all([run(work), run(work, { ...REQUEST, amount: 4 })]);
  assert.equal(work.mock.callCount(), 1);
  assert.deepEqual(outcomes[1], { task: "not_started", billing: conflict });
});

test("two calls for one task run its work once", async () => {
  const { client, run } = stage();
  const work = mock.fn(async () => "subtitles");
  const [one, other] = await Promise.all([run(work), run(work)]);
  assert.equal(work.mock.callCount(), 1);
  assert.equal(client.charge.mock.callCount(), 1);
  assert.equal(one, other);
});

test("a task that has ended may run again", async () => {
  const { run } = stage();
  const work = mock.fn(async () => "subtitles");
  await run(work);
  await run(work);
  assert.equal(work.mock.callCount(), 2);
});

test("work says that it costs less than was held, and is charged that", async () => {
  const { client, run } = stage();
  await run(async (/** @type {any} */ task) => task.setAmount(2));
  assert.equal(client.charge.mock.calls[0]?.arguments[0].amount, 2);
});

test("setAmount refuses more than was held, part of a point, and to come late", async () => {
  const { client, run } = stage();
  /** @type {any} */
  let late;
  await run(async (/** @type {any} */ task) => {
    late = task;
    for (const points of [4, 0, 1.5, Number.NaN, "2"]) {
      assert.throws(() => task.setAmount(points), { code: "invalid_argument" });
    }
  });
  assert.throws(() => late.setAmount(1), { code: "invalid_argument" });
  assert.equal(client.charge.mock.calls[0]?.arguments[0].amount, 3);
});

test("a client that is closed during the work leaves the work and an unknown charge", async () => {
  const { client, run } = stage();
  client.charge.mock.mockImplementation(async () => {
    throw new BillingError("closed", "the client is closed");
  });
  const outcome = await run(async () => "subtitles");
  assert.equal(outcome.task, "completed");
  const { status, resolving, amount } = /** @type {any} */ (outcome).billing;
  assert.deepEqual(
    { status, resolving, amount },
    { status: "unknown", resolving: false, amount: 3 },
  );
});

test("a client that signs out during the work does not resolve the charge, though one is open", async () => {
  const { client, host, run } = stage();
  host.openRecord.mock.mockImplementation(() => ({ attempts: 1 }));
  client.charge.mock.mockImplementation(async () => {
    throw new BillingError("closed", "the client has signed out");
  });
  const { billing } = /** @type {any} */ (await run(async () => "subtitles"));
  assert.deepEqual([billing.status, billing.resolving], ["unknown", false]);
  assert.equal(billing.detail, "the client has signed out");
});

test("what is charged is what was asked for at the start", async () => {
  const { client, run } = stage();
  const request = { ...REQUEST };
  await run(async () => {
    request.amount = 9;
  }, request);
  assert.equal(client.charge.mock.calls[0]?.arguments[0].amount, 3);
});
