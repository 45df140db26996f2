import assert from "node:assert/strict";
import { test } from "node:test";
import { BillingClient, BillingError, openBilling } from "tollbox";

// Node.js has no window, like a server that renders pages.

test("the package can be imported on a server, and openBilling rejects there with the reason", async () => {
  assert.equal(typeof globalThis.window, "undefined");
  const options = { baseUrl: "https://billing.example/v1", account: "alice" };
  await assert.rejects(openBilling(options), (error) => {
    assert.ok(error instanceof BillingError);
    assert.equal(error.code, "module_load_failed");
    assert.match(error.message, /server/);
    return true;
  });
});

test("openBilling reports a mistake in the options first, on a server too", async () => {
  const options = /** @type {any} */ ({ baseUrl: "https://billing.example/v1", account: "" });
  await assert.rejects(openBilling(options), { code: "invalid_argument" });
});

test("BillingClient can't be constructed directly", () => {
  assert.throws(() => Reflect.construct(BillingClient, []), { code: "invalid_argument" });
});
