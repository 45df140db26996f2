import assert from "node:assert/strict";
import { test } from "node:test";
import { createHost } from "../../pkg/lib/host.js";
import { OWNER } from "./support/page.mjs";

/** @import { ChargeRecord } from "../../pkg/index.js" */

/**
 * @param {string} key
 * @param {ChargeRecord["status"]} [status]
 * @returns {any}
 */
const record = (key, status = "pending") => ({ key, taskId: key, amount: 5, attempts: 1, status });

test("a record told as text is found while it is open", () => {
  const host = createHost({ ...OWNER, log: "silent" });
  host.charges(JSON.stringify([record("a"), record("b"), record("c")]), "all");
  host.charges(JSON.stringify([record("b", "success")]), "all");
  host.notice("charge", record("c", "failed"));
  assert.equal(host.openRecord("a")?.attempts, 1);
  assert.equal(host.openRecord("b"), undefined);
  assert.equal(host.openRecord("c"), undefined);
});

test("a listener hears each record of a text, and none from before it", () => {
  const host = createHost({ ...OWNER, log: "silent" });
  host.charges(JSON.stringify([record("early")]), "all");
  /** @type {string[]} */
  const heard = [];
  const stop = host.on("charge", ({ key }) => heard.push(key));
  host.charges(JSON.stringify([record("a"), record("b")]), "all");
  stop();
  host.charges(JSON.stringify([record("late")]), "all");
  assert.deepEqual(heard, ["a", "b"]);
  assert.ok(host.openRecord("early") && host.openRecord("a") && host.openRecord("late"));
});

test("whole records are asked for only while somebody listens to charges", () => {
  const host = createHost({ ...OWNER, log: "silent" });
  assert.equal(host.hearsCharges, false);
  const stop = host.on("charge", () => {});
  assert.equal(host.hearsCharges, true);
  stop();
  assert.equal(host.hearsCharges, false);
});

test("only lines that somebody reads are asked for", () => {
  const levels = /** @type {const} */ (["error", "info", "debug"]);
  const asked = (/** @type {any} */ log) => {
    const host = createHost({ ...OWNER, log });
    return levels.filter((level) => host.logs(level));
  };
  assert.deepEqual(asked("silent"), []);
  assert.deepEqual(asked("error"), ["error"]);
  assert.deepEqual(asked("info"), ["error", "info"]);
  assert.deepEqual(
    asked(() => {}),
    levels,
  );
});

test("the snapshot is one frozen object until something in it changes", () => {
  const host = createHost({ ...OWNER, log: "silent" });
  const told = (pending = 1) => JSON.stringify({ balance: { confirmed: 5 }, queue: { pending } });
  host.notice("snapshot", told());
  const first = host.snapshot();
  host.notice("snapshot", told());
  assert.equal(host.snapshot(), first);
  host.notice("snapshot", told(2));
  const second = host.snapshot();
  assert.notEqual(second, first);
  assert.equal(second.balance, first.balance);
  assert.ok(Object.isFrozen(second) && Object.isFrozen(second.queue));
});

test("a listener hears of a snapshot that differs from what is there when it begins to listen", () => {
  const host = createHost({ ...OWNER, log: "silent" });
  const told = (/** @type {number} */ pending) => JSON.stringify({ queue: { pending } });
  host.notice("snapshot", told(1));
  host.notice("snapshot", told(2));
  let heard = 0;
  host.on("snapshot", () => {
    heard += 1;
  });
  host.notice("snapshot", told(2));
  assert.equal(heard, 0);
  host.notice("snapshot", told(3));
  assert.equal(heard, 1);
  assert.equal(host.snapshot().queue.pending, 3);
});

test("a listener of snapshots is told that there is one, and no more", () => {
  const host = createHost({ ...OWNER, log: "silent" });
  /** @type {unknown[][]} */
  const heard = [];
  host.on("snapshot", (...told) => heard.push(told));
  host.notice("snapshot", JSON.stringify({ queue: { pending: 1 } }));
  assert.deepEqual(heard, [[undefined]]);
});

test("a listener that an earlier one takes away is not told any more, and one that it adds is told later", () => {
  const host = createHost({ ...OWNER, log: "silent" });
  /** @type {string[]} */
  const heard = [];
  host.on("balance", () => {
    heard.push("first");
    stop();
    host.on("balance", () => heard.push("added"));
  });
  const stop = host.on("balance", () => heard.push("second"));
  host.notice("balance", {});
  assert.deepEqual(heard, ["first"]);
  host.notice("balance", {});
  assert.deepEqual(heard, ["first", "first", "added"]);
});
