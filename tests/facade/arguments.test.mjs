import assert from "node:assert/strict";
import { mock, test } from "node:test";
import {
  asJson,
  checkEvent,
  checkFilter,
  checkListener,
  checkLocale,
  checkRequest,
  maxAgeOf,
  signalOf,
} from "../../pkg/lib/arguments.js";
import { BillingError } from "../../pkg/lib/error.js";

/** An object whose member `name` throws when it is looked at. */
const throwing = (/** @type {string} */ name) =>
  Object.defineProperty({}, name, {
    enumerable: true,
    get() {
      throw new Error("the caller's own");
    },
  });

/** @type {Record<string, () => unknown>} */
const mistakes = {
  "a BigInt among the options": () => asJson({ retry: { maxAttempts: 3n } }),
  "an unknown event": () => checkEvent("nonsense"),
  "an inherited name for an event": () => checkEvent("toString"),
  "an unknown locale": () => checkLocale("fr"),
  "an object for a listener": () => checkListener({}),
  "an unknown status": () => checkFilter({ status: /** @type {any} */ ("charged") }),
  "a filter of null": () => checkFilter(/** @type {any} */ (null)),
  "a negative limit": () => checkFilter({ limit: -1 }),
  "a limit of NaN": () => checkFilter({ limit: Number.NaN }),
  "a filter whose getter throws": () => checkFilter(throwing("status")),
  "a request whose getter throws": () => checkRequest(/** @type {any} */ (throwing("amount"))),
  "options whose getter throws": () => signalOf(throwing("signal")),
  "a controller for a signal": () =>
    signalOf({ signal: /** @type {any} */ (new AbortController()) }),
  "a string for a signal": () => signalOf({ signal: /** @type {any} */ ("abort") }),
  "a string for an age": () => maxAgeOf({ maxAgeMs: /** @type {any} */ ("5") }),
  "an age whose getter throws": () => maxAgeOf(throwing("maxAgeMs")),
};

for (const [name, make] of Object.entries(mistakes)) {
  test(`${name} is refused as the caller's mistake`, () => {
    assert.throws(make, (error) => {
      return error instanceof BillingError && error.code === "invalid_argument";
    });
  });
}

test("a copied request keeps what was asked, whatever its owner changes later", () => {
  const request = { taskId: "film", amount: 3, feature: "f", metadata: { title: "one" } };
  const copy = checkRequest(request);
  request.amount = 9;
  request.metadata.title = "two";
  assert.deepEqual(
    { ...copy },
    { taskId: "film", amount: 3, feature: "f", key: undefined, metadata: { title: "one" } },
  );
});

test("a copied request leaves out unknown members", () => {
  const request = { taskId: "film", amount: 3, feature: "f", onPaid: () => {} };
  assert.equal("onPaid" in checkRequest(request), false);
});

test("the platform's own signal passes through", () => {
  const { signal } = new AbortController();
  assert.equal(signalOf({ signal }), signal);
  assert.equal(signalOf(undefined), undefined);
});

test("a library's signal is followed to its abort, with its reason", () => {
  const theirs = Object.assign(new EventTarget(), { aborted: false, reason: undefined });
  const own = signalOf({ signal: /** @type {any} */ (theirs) });
  assert.equal(own?.aborted, false);
  Object.assign(theirs, { aborted: true, reason: "enough" });
  theirs.dispatchEvent(new Event("abort"));
  assert.equal(own?.aborted, true);
  assert.equal(own?.reason, "enough");
});

test("a library's signal that has aborted already aborts at once", () => {
  const theirs = Object.assign(new EventTarget(), { aborted: true, reason: "enough" });
  assert.equal(signalOf({ signal: /** @type {any} */ (theirs) })?.reason, "enough");
});

test("a library's signal gets one listener, however many calls it is given to", () => {
  const theirs = Object.assign(new EventTarget(), { aborted: false, reason: undefined });
  const add = mock.method(theirs, "addEventListener");
  const given = /** @type {any} */ ({ signal: theirs });
  const signals = [signalOf(given), signalOf(given), signalOf(given)];
  assert.equal(add.mock.callCount(), 1);
  Object.assign(theirs, { aborted: true, reason: "enough" });
  theirs.dispatchEvent(new Event("abort"));
  assert.deepEqual(
    signals.map((signal) => signal?.reason),
    ["enough", "enough", "enough"],
  );
});
