// The store of `tollbox dev` in an SQLite database that does not do as it is told.

import assert from "node:assert/strict";
import { test } from "node:test";
import { sqliteStore } from "../../pkg/server/store/sqlite.js";
import { StoreUnavailable } from "../../pkg/server/store/turns.js";

const BUSY = Object.assign(new Error("database is locked"), { code: "SQLITE_BUSY" });
const FULL = Object.assign(new Error("database or disk is full"), { code: "SQLITE_FULL" });

/**
 * A store in a database whose statements end as `fail` says.
 *
 * @param {number} decideWithinMs
 * @param {(sql: string) => Error | null} fail
 */
function storeIn(decideWithinMs, fail) {
  /** @param {string} sql */
  const exec = (sql) => {
    const error = fail(sql);
    if (error) throw error;
  };
  const prepare = (/** @type {string} */ sql) => ({
    get: () => exec(sql),
    all: () => [],
    run: () => exec(sql),
  });
  return sqliteStore({ exec, prepare, close() {} }, decideWithinMs);
}

test("all turns of a request end with its one time limit", async (t) => {
  let isBusy = true;
  let nowMs = 0;
  // Each look at the clock finds it a moment later.
  t.mock.method(performance, "now", () => {
    nowMs += 1;
    return nowMs;
  });
  const store = storeIn(50, (sql) => (isBusy && sql === "BEGIN IMMEDIATE" ? BUSY : null));
  const request = store.request();
  const use = () => request.turn((turn) => turn.change(() => "done"));
  await assert.rejects(use(), StoreUnavailable);
  isBusy = false;
  await assert.rejects(use(), StoreUnavailable);
  assert.equal(await store.request().turn((turn) => turn.change(() => "done")), "done");
});

test("a full disk is told as such where SQLite has rolled back by itself", async () => {
  const store = storeIn(60_000, (sql) => {
    if (sql === "ROLLBACK") return new Error("cannot rollback - no transaction is active");
    return sql.startsWith("INSERT INTO credits") ? FULL : null;
  });
  const charge = store.turn((turn) => turn.change((book) => book.credit("alice", 5, 0)));
  await assert.rejects(charge, StoreUnavailable);
});
