import assert from "node:assert/strict";
import { test } from "node:test";
import { reuseEqual } from "../../pkg/lib/structural-sharing.js";

test("an unchanged snapshot is the object before", () => {
  const before = { balance: { confirmed: 5 }, charges: [{ key: "a" }] };
  assert.equal(reuseEqual(before, structuredClone(before)), before);
});

test("a changed part is new, and its unchanged siblings are the objects before", () => {
  const before = { balance: { confirmed: 5 }, charges: [{ key: "a" }, { key: "b" }] };
  const next = reuseEqual(before, {
    balance: { confirmed: 4 },
    charges: [{ key: "a" }, { key: "b" }],
  });
  assert.notEqual(next, before);
  assert.deepEqual(next.balance, { confirmed: 4 });
  assert.equal(next.charges, before.charges);
});

test("a list that grows shares the items that it had", () => {
  const before = [{ key: "a" }];
  const next = reuseEqual(before, [{ key: "a" }, { key: "b" }]);
  assert.equal(next.length, 2);
  assert.equal(next[0], before[0]);
});

test("a member that is gone is gone", () => {
  assert.deepEqual(reuseEqual({ a: 1, b: 2 }, { a: 1 }), { a: 1 });
});

test("a list, an object and null are never taken for each other", () => {
  assert.deepEqual(reuseEqual({}, []), []);
  assert.deepEqual(reuseEqual([], {}), {});
  assert.equal(reuseEqual({}, null), null);
  assert.deepEqual(reuseEqual(null, { a: 1 }), { a: 1 });
});

test("neither is written to, and either may be frozen", () => {
  const [one, other] = [Object.freeze({ page: "1" }), Object.freeze({ page: "1" })];
  const before = Object.freeze({ metadata: one, status: "retrying" });
  const next = Object.freeze({ metadata: other, status: "success" });
  const shared = reuseEqual(before, next);
  assert.equal(shared.metadata, one);
  assert.equal(next.metadata, other);
  assert.deepEqual(shared, next);
});

test("a member that is named as a prototype is a member like any other", () => {
  const next = JSON.parse('{ "a": 1, "__proto__": "x" }');
  assert.deepEqual(Object.entries(reuseEqual({ a: 1 }, next)), Object.entries(next));
});
