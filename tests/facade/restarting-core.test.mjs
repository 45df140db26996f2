import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { before, mock, test } from "node:test";
import { createHost } from "../../pkg/lib/host.js";
import { died, load } from "../../pkg/lib/restart/instance.js";
import { RestartingCore } from "../../pkg/lib/restart/restarting-core.js";

before(() => load(readFile(new URL("../../pkg/wasm/tollbox_bg.wasm", import.meta.url))));

let clock = performance.now();
mock.method(performance, "now", () => clock);

/**
 * The clock by which deaths are counted goes on.
 *
 * @param {number} ms
 */
function elapse(ms) {
  clock += ms;
}

/**
 * A core that restarts, over clients that these tests make in place of the module's.
 *
 * @param {import("node:test").TestContext} t
 */
async function start(t) {
  // So that no death of one test counts against the next.
  elapse(120_000);
  /** @type {any[]} */
  const opened = [];
  const log = mock.fn();
  const host = createHost({ baseUrl: "/", account: "alice", log });
  const open = async (/** @type {unknown[]} */ ...[, , , locale]) => {
    /** @type {(answer: string) => void} */
    let answer = () => {};
    const answered = new Promise((resolve) => {
      answer = resolve;
    });
    const client = {
      locale,
      isWell: () => true,
      session: () => 5,
      // As the core does, it answers whatever is open.
      close: mock.fn(async () => answer("closed")),
      setLocale: mock.fn(),
      startTask: mock.fn(async () => null),
      endTask: mock.fn(),
      signOut: async () => [],
      charge: mock.fn(() => answered),
    };
    opened.push(client);
    return client;
  };
  const core = new RestartingCore(/** @type {any} */ (open), host, 60_000);
  t.after(() => core.close());
  await core.open();
  return { core, opened, log };
}

const BALANCE = { confirmed: 120, available: 120 };

/**
 * A core that has something to show before its journal has been read: whoever opens it goes on.
 */
async function startAhead() {
  elapse(120_000);
  const charge = mock.fn(async () => "charged");
  const client = { isWell: () => true, session: () => 5, close: async () => {}, charge };
  /**
   * How each opening ends.
   *
   * @type {{ read: () => void, fail: (refusal: unknown) => void,
   *   port: import("../../pkg/lib/restart/port.js").Port }[]}
   */
  const openings = [];
  const host = createHost({ baseUrl: "/", account: "alice", log: "silent" });
  const open = (
    /** @type {unknown} */ _,
    /** @type {import("../../pkg/lib/restart/port.js").Port} */ port,
  ) =>
    new Promise((resolve, reject) => {
      openings.push({ read: () => resolve(client), fail: reject, port });
      port.notice("snapshot", JSON.stringify({ queue: "empty yet" }));
      port.showAhead(JSON.stringify({ queue: "as noted", balance: BALANCE }), 5);
    });
  const core = new RestartingCore(/** @type {any} */ (open), host, 60_000);
  await core.open();
  return { core, host, charge, openings };
}

const ask = (/** @type {RestartingCore} */ core) =>
  core.ask((client) => /** @type {any} */ (client).charge());

test("what was noted is shown before the journal has been read, and calls wait for that", async () => {
  const { core, host, charge, openings } = await startAhead();
  assert.deepEqual(host.snapshot(), { queue: "as noted", balance: BALANCE });
  assert.equal(core.session, 5);
  const answer = ask(core);
  await turn();
  assert.equal(charge.mock.callCount(), 0);
  openings[0]?.read();
  assert.equal(await answer, "charged");
  await core.close();
});

test("what the first reading finds is no news, though a client listens already", async () => {
  const { core, host, openings } = await startAhead();
  /** @type {unknown[]} */
  const heard = [];
  host.on("charge", ({ key }) => heard.push(key));
  host.on("balance", ({ available }) => heard.push(available));
  const port = openings[0]?.port;
  assert.ok(port);
  const told = (/** @type {string} */ key, status = "pending") => {
    const record = { key, status, taskId: key, amount: 2, attempts: 1 };
    port.charges(JSON.stringify([record]));
  };
  assert.equal(port.hearsCharges, false);
  told("old", "success");
  told("open");
  port.notice("balance", { ...BALANCE });
  openings[0]?.read();
  await ask(core);
  assert.deepEqual(heard, []);
  assert.equal(host.openRecord("open")?.amount, 2);
  assert.equal(port.hearsCharges, true);
  told("open", "success");
  port.notice("balance", { ...BALANCE, available: 118 });
  assert.deepEqual(heard, ["open", 118]);
  await core.close();
});

test("after a death those charges are told that are other than they were", async () => {
  const { core, host, openings } = await startAhead();
  openings[0]?.read();
  await ask(core);
  /** @type {unknown[]} */
  const heard = [];
  host.on("charge", ({ key, status }) => heard.push(`${key} ${status}`));
  const tell = (/** @type {number} */ at, /** @type {[string, string, number][]} */ charges) => {
    const records = charges.map(([key, status, attempts]) => {
      return { key, status, attempts, taskId: key, amount: 2 };
    });
    openings[at]?.port.charges(JSON.stringify(records));
  };
  tell(0, [
    ["paid", "success", 1],
    ["waits", "pending", 0],
    ["leaves", "retrying", 1],
    ["tried", "pending", 1],
  ]);
  heard.length = 0;
  died(new Error("a panic"));
  await until(() => openings.length === 2);
  tell(1, [
    ["paid", "success", 1],
    ["waits", "pending", 0],
    ["leaves", "success", 1],
    ["tried", "retrying", 2],
    ["new", "pending", 0],
  ]);
  assert.deepEqual(heard, ["leaves success", "tried retrying", "new pending"]);
  openings[1]?.read();
  await ask(core);
  tell(1, [["paid", "success", 1]]);
  assert.equal(heard.at(-1), "paid success");
  await core.close();
});

test("a balance that differs from the noted one is told when the journal has been read", async () => {
  const { core, host, openings } = await startAhead();
  /** @type {unknown[]} */
  const heard = [];
  host.on("balance", ({ available }) => heard.push(available));
  openings[0]?.port.notice("balance", { ...BALANCE, available: 90 });
  assert.deepEqual(heard, []);
  openings[0]?.read();
  await ask(core);
  assert.deepEqual(heard, [90]);
  await core.close();
});

test("a client that could not be opened is not opened later for nobody", async (t) => {
  elapse(120_000);
  t.mock.timers.enable({ apis: ["setTimeout"] });
  let opened = 0;
  const open = async () => {
    opened += 1;
    died(new Error("a panic"));
    return new Promise(() => {});
  };
  const host = createHost({ baseUrl: "/", account: "alice", log: "silent" });
  const core = new RestartingCore(/** @type {any} */ (open), host, 60_000);
  await assert.rejects(core.open(), { code: "module_load_failed" });
  const before = opened;
  elapse(120_000);
  t.mock.timers.tick(120_000);
  t.mock.timers.reset();
  await turn();
  assert.equal(opened, before);
});

test("a module that dies after it has shown what was noted is started again, and asked then", async () => {
  const { core, charge, openings } = await startAhead();
  const answer = ask(core);
  died(new Error("a panic"));
  await until(() => openings.length === 2);
  assert.equal(charge.mock.callCount(), 0);
  openings[1]?.read();
  assert.equal(await answer, "charged");
  await core.close();
});

test("what was noted is not shown any more once the client is open", async () => {
  const { core, host, openings } = await startAhead();
  openings[0]?.read();
  await until(() => core.session === 5);
  host.notice("snapshot", JSON.stringify({ queue: "with a task at work" }));
  died(new Error("a panic"));
  await until(() => openings.length === 2);
  assert.deepEqual(host.snapshot(), { queue: "with a task at work" });
  openings[1]?.read();
  await core.close();
});

test("a core that can't be opened after it has shown what was noted is tried again", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const { core, openings } = await startAhead();
  // The module's own refusals are no errors, which would be its death.
  const refusal = { message: "no journal" };
  const refused = assert.rejects(ask(core), refusal);
  openings[0]?.fail(refusal);
  await refused;
  t.mock.timers.tick(60_000);
  t.mock.timers.reset();
  await until(() => openings.length === 2);
  openings[1]?.read();
  assert.equal(await ask(core), "charged");
  await core.close();
});

test("a call over which the module dies is asked of the next core", async (t) => {
  const { core, opened } = await start(t);
  const answer = ask(core);
  await turn();
  died(new Error("a panic"));
  await until(() => opened[1]?.charge.mock.callCount() === 1);
  assert.equal(opened[0].charge.mock.callCount(), 1);
  await core.close();
  assert.equal(await answer, "closed");
});

test("an answer that can be given at a death is given at once, with the cause", async (t) => {
  const { core } = await start(t);
  /** @type {any} */
  let told;
  const answer = core.ask((client) => /** @type {any} */ (client).charge(), {
    answer: (death) => {
      told = death;
      return "unknown";
    },
  });
  await turn();
  died(new Error("a panic"));
  assert.equal(await answer, "unknown");
  assert.match(told.detail, /a panic/);
  assert.equal(told.goesOn, true);
});

test("a call over which the module dies three times within a minute is refused", async (t) => {
  const { core, opened } = await start(t);
  const answer = ask(core);
  for (const at of [0, 1, 2]) {
    await until(() => opened[at]?.charge.mock.callCount() === 1);
    died(new Error("a panic"));
  }
  await assert.rejects(answer, { code: "module_load_failed", message: /died 3 times/ });
});

test("a call over which the module dies seldom is asked again each time", async (t) => {
  const { core, opened } = await start(t);
  const answer = ask(core);
  for (const at of [0, 1, 2, 3]) {
    await until(() => opened[at]?.charge.mock.callCount() === 1);
    elapse(40_000);
    died(new Error("a panic"));
  }
  await until(() => opened[4]?.charge.mock.callCount() === 1);
  await core.close();
  assert.equal(await answer, "closed");
});

test("the next core holds the points of running tasks and speaks the chosen language", async (t) => {
  const { core, opened } = await start(t);
  const request = { taskId: "film", amount: 3, feature: "f" };
  core.keepHold("f:film", request);
  core.setLocale("zh-CN");
  died(new Error("a panic"));
  await until(() => opened[1]?.startTask.mock.callCount() === 1);
  assert.deepEqual(opened[1].startTask.mock.calls[0].arguments, [JSON.stringify(request), true]);
  assert.equal(opened[1].locale, "zh-CN");
});

test("a hold that has ended is not taken over", async (t) => {
  const { core, opened } = await start(t);
  core.keepHold("f:film", { taskId: "film", amount: 3, feature: "f" });
  core.endHold("f:film", false);
  assert.equal(opened[0].endTask.mock.callCount(), 1);
  died(new Error("a panic"));
  await until(() => opened.length === 2);
  await turn();
  assert.equal(opened[1].startTask.mock.callCount(), 0);
});

test("a signed-out client whose module dies is not started again", async (t) => {
  const { core, opened } = await start(t);
  await core.signOut();
  died(new Error("a panic"));
  await assert.rejects(ask(core), { code: "closed" });
  assert.equal(opened.length, 1);
});

test("a death is logged as an error", async (t) => {
  const { log } = await start(t);
  died(new Error("a panic"));
  const [entry] = log.mock.calls[0]?.arguments ?? [];
  assert.equal(entry.level, "error");
  assert.match(entry.message, /has died \(.*a panic.*\) and is started again/);
});

test("closing closes the core in use, once", async (t) => {
  const { core, opened } = await start(t);
  await core.close();
  assert.equal(opened[0].close.mock.callCount(), 1);
});

/** Whatever is ready has run. */
function turn() {
  return new Promise((resolve) => setImmediate(resolve));
}

/** @param {() => boolean} condition */
async function until(condition) {
  while (!condition()) {
    await turn();
  }
}
