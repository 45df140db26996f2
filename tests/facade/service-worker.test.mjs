import assert from "node:assert/strict";
import { test } from "node:test";
import { openBilling } from "../../pkg/index.js";
import { flushOnSync } from "../../pkg/service-worker.js";
import "./support/page.mjs";

const GIVEN = { openBilling, baseUrl: "/billing/v1" };

for (const [what, options, names] of /** @type {[string, any, RegExp][]} */ ([
  ["no openBilling", { ...GIVEN, openBilling: undefined }, /openBilling/],
  ["a token in place of getToken", { ...GIVEN, getToken: "token" }, /getToken/],
  ["no time at all", { ...GIVEN, withinMs: 0 }, /withinMs/],
  ["a time that is none", { ...GIVEN, withinMs: Number.NaN }, /withinMs/],
  ["no server", { openBilling }, /baseUrl/],
  ["an empty namespace", { ...GIVEN, namespace: "" }, /namespace/],
])) {
  test(`flushOnSync takes ${what} for a caller's mistake`, () => {
    const is = { name: "BillingError", code: "invalid_argument", message: names };
    assert.throws(() => flushOnSync(options), is);
  });
}
