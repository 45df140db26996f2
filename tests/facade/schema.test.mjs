import assert from "node:assert/strict";
import { test } from "node:test";
import { openDatabase } from "../../pkg/lib/journal/schema.js";

/** A request of `indexedDB.open`, whose end is the test's to tell. */
function opening() {
  const request = /** @type {any} */ ({ result: { close() {} }, error: null });
  const indexedDB = { open: () => request };
  Object.defineProperty(globalThis, "indexedDB", { value: indexedDB, configurable: true });
  return request;
}

/**
 * Whether an error of this name, told to `listener`, is prevented: then Firefox does not report it.
 *
 * @param {(event: any) => void} listener
 * @param {string} name
 */
function isPrevented(listener, name) {
  const event = new Event("error", { cancelable: true });
  Object.defineProperty(event, "target", { value: { error: new DOMException("no", name) } });
  listener(event);
  return event.defaultPrevented;
}

test("a request that ends with its transaction's abort is no error of the page's", async () => {
  const request = opening();
  const opened = openDatabase("journal");
  request.onsuccess();
  const { connection } = await opened;
  const listener = /** @type {any} */ (connection).onerror;
  assert.equal(isPrevented(listener, "AbortError"), true);
  // Where these are prevented, the transaction commits what else it has.
  assert.equal(isPrevented(listener, "ConstraintError"), false);
  assert.equal(isPrevented(listener, "QuotaExceededError"), false);
});

test("a database that can't be opened is no error of the page's", async () => {
  const request = opening();
  const opened = openDatabase("journal");
  request.error = new DOMException("newer", "VersionError");
  const refused = assert.rejects(opened, { lasts: "ever" });
  assert.equal(isPrevented(request.onerror, "VersionError"), true);
  await refused;
});
