import assert from "node:assert/strict";
import { test } from "node:test";
import { BillingError, openBilling } from "../../pkg/index.js";
import { page } from "./support/page.mjs";

const REQUEST = { taskId: "film", amount: 3, feature: "cloud_trans" };
const LONG = "x".repeat(10_000);

/**
 * Each of these calls fails with `invalid_argument`.
 *
 * @param {Record<string, () => unknown>} mistakes
 */
async function areMistakes(mistakes) {
  /** @type {Record<string, string>} */
  const others = {};
  for (const [name, make] of Object.entries(mistakes)) {
    try {
      others[name] = `answered ${JSON.stringify(await make())}`;
    } catch (error) {
      const ours = error instanceof BillingError;
      const code = ours ? error.code : `not ours: ${String(error)}`;
      if (code !== "invalid_argument") {
        others[name] = code;
      }
    }
  }
  assert.deepEqual(others, {});
}

/** @type {Record<string, unknown>} */
const WRONG_REQUESTS = {
  "no request": undefined,
  "null request": null,
  "a string for a request": "film",
  "an empty request": {},
  "amount missing": { taskId: "film", feature: "cloud_trans" },
  "amount 0": { ...REQUEST, amount: 0 },
  "amount -0": { ...REQUEST, amount: -0 },
  "amount negative": { ...REQUEST, amount: -3 },
  "amount fractional": { ...REQUEST, amount: 1.5 },
  "amount NaN": { ...REQUEST, amount: Number.NaN },
  "amount infinite": { ...REQUEST, amount: Number.POSITIVE_INFINITY },
  "amount 2^53": { ...REQUEST, amount: 2 ** 53 },
  "amount a string": { ...REQUEST, amount: "3" },
  "amount a BigInt": { ...REQUEST, amount: 3n },
  "amount null": { ...REQUEST, amount: null },
  "taskId missing": { amount: 3, feature: "cloud_trans" },
  "taskId empty": { ...REQUEST, taskId: "" },
  "taskId too long": { ...REQUEST, taskId: LONG },
  "taskId a number": { ...REQUEST, taskId: 7 },
  "feature empty": { ...REQUEST, feature: "" },
  "feature too long": { ...REQUEST, feature: LONG },
  "feature missing": { taskId: "film", amount: 3 },
  "key empty": { ...REQUEST, key: "" },
  "key too long": { ...REQUEST, key: LONG },
  "key a number": { ...REQUEST, key: 7 },
  "metadata not strings": { ...REQUEST, metadata: { pages: 7 } },
  "metadata a string": { ...REQUEST, metadata: "pages" },
  "taskId not well formed": { ...REQUEST, taskId: "film\ud800" },
  "feature not well formed": { ...REQUEST, feature: "\udc00cloud_trans" },
  "key not well formed": { ...REQUEST, key: "fi\ud83dlm" },
  "a metadata name not well formed": { ...REQUEST, metadata: { "\ud800": "pages" } },
  "a metadata value not well formed": { ...REQUEST, metadata: { pages: "\ud800" } },
};

test("a caller's mistake rejects with invalid_argument, and nothing is sent or stored", async (t) => {
  const { open, requests } = page(t);
  const client = await open();
  /** @type {Record<string, () => unknown>} */
  const mistakes = {};
  for (const [name, mistake] of Object.entries(WRONG_REQUESTS)) {
    const request = /** @type {typeof REQUEST} */ (mistake);
    mistakes[`charge: ${name}`] = () => client.charge(request);
    mistakes[`runTask: ${name}`] = () => client.runTask(request, async () => "done");
  }
  await areMistakes(mistakes);
  assert.deepEqual(await client.charges(), []);
  assert.equal(client.getSnapshot().stats.enqueued, 0);
  const posts = requests.filter(({ method }) => method === "POST");
  assert.deepEqual(posts, []);
});

test("a client can't be opened without an account or an address", async () => {
  const baseUrl = "https://billing.example/v1";
  const account = "alice";
  const attempts = [
    undefined,
    {},
    { baseUrl },
    { account },
    { baseUrl, account: "" },
    { baseUrl, account: `${account}\ud800` },
  ];
  for (const attempt of attempts) {
    const wrong = /** @type {import("../../pkg/index.js").BillingOptions} */ (attempt);
    await assert.rejects(openBilling(wrong), { name: "BillingError", code: "invalid_argument" });
  }
});

test("calls for an unknown key reject with not_found", async (t) => {
  const client = await page(t).open();
  for (const call of [client.retry("none"), client.cancel("none"), client.settled("none")]) {
    await assert.rejects(call, { name: "BillingError", code: "not_found" });
  }
  assert.equal(await client.getCharge("none"), null);
});

test("a wrong listener, filter or signal fails with invalid_argument", async (t) => {
  const client = /** @type {any} */ (await page(t).open());
  const nothing = () => {};
  await areMistakes({
    "no such event": () => client.on("nonsense", nothing),
    "the inherited for an event": () => client.on("toString", nothing),
    "no listener": () => client.on("alert"),
    "an object for a listener": () => client.on("alert", {}),
    "no subscriber": () => client.subscribe(null),
    "no such status": () => client.charges({ status: "charged" }),
    "no such status among others": () => client.charges({ status: ["success", "paid"] }),
    "status null": () => client.charges({ status: null }),
    "filter null": () => client.charges(null),
    "filter a string": () => client.charges("success"),
    "limit a string": () => client.charges({ limit: "3" }),
    "a controller for a signal": () => client.charge(REQUEST, { signal: new AbortController() }),
    "a settled's signal": () => client.settled("film", { signal: true }),
  });
  assert.deepEqual(await client.charges({ status: ["success"], limit: 3 }), []);
  assert.deepEqual(await client.charges(undefined), []);
});

test("a time limit that is not a finite number is rejected, not replaced by the default", async (t) => {
  const { open } = page(t);
  await areMistakes({
    "an endless period": () => open({ balance: { syncEveryMs: Number.POSITIVE_INFINITY } }),
    "an age of NaN": () => open({ balance: { staleAfterMs: Number.NaN } }),
    "a limit of NaN": () => open({ retry: { respondWithinMs: Number.NaN } }),
  });
});

test("a group of options that is undefined or null counts as left out", async (t) => {
  const { open } = page(t);
  for (const group of ["balance", "queue", "retry", "monitor"]) {
    await open({ [group]: undefined });
    await open({ [group]: null });
  }
});

test("a baseUrl that is not http or https is rejected, unless there is a transport", async (t) => {
  const { open } = page(t);
  const addresses = [
    "ftp://127.0.0.1/billing/v1",
    "file:///billing/v1",
    "javascript:alert(1)",
    "localhost:8080/billing/v1",
    new URL("ws://127.0.0.1/billing/v1"),
  ];
  for (const baseUrl of addresses) {
    await assert.rejects(openBilling({ baseUrl, account: "alice" }), {
      name: "BillingError",
      code: "invalid_argument",
      message: /^baseUrl must be of http or https/,
    });
    const transport = () => new Promise(() => {});
    await open({ baseUrl, transport });
  }
});

test("an argument of a wrong type fails with invalid_argument, and does not kill the module", async (t) => {
  const { open, log } = page(t);
  const client = /** @type {any} */ (await open());
  const throwing = {
    get maxAgeMs() {
      throw new Error("the caller's own");
    },
  };
  const { throwIfAborted } = AbortSignal.prototype;
  /** @type {Record<string, () => Promise<unknown>>} */
  const mistakes = {
    "maxAgeMs a getter that throws": () => client.refreshBalance(throwing),
    "a request whose getter throws": () =>
      client.charge({
        get taskId() {
          throw new Error("the caller's own");
        },
      }),
    "maxAgeMs a BigInt": () => client.refreshBalance({ maxAgeMs: 5n }),
    "maxAgeMs a symbol": () => client.refreshBalance({ maxAgeMs: Symbol("5") }),
    "maxAgeMs a string": () => client.refreshBalance({ maxAgeMs: "5" }),
    "maxAgeMs negative": () => client.refreshBalance({ maxAgeMs: -1 }),
    "half a signal": () => client.settled("none", { signal: { throwIfAborted } }),
    "credentials a list": () => open({ credentials: ["include"] }),
    "credentials a number": () => open({ credentials: 7 }),
    "credentials a function": () => open({ credentials: () => {} }),
    "no such credentials": () => open({ credentials: "some" }),
    "storage a list": () => open({ queue: { storage: ["auto"] } }),
    "storage an object": () => open({ queue: { storage: {} } }),
    "storage a symbol": () => open({ queue: { storage: Symbol("auto") } }),
    "no such storage": () => open({ queue: { storage: "disk" } }),
    "an option a BigInt": () => open({ retry: { maxAttempts: 3n } }),
    "an option a symbol": () => open({ retry: { maxAttempts: Symbol("3") } }),
    "a locale a function": () => open({ locale: () => "en" }),
  };
  for (const group of ["balance", "queue", "retry", "monitor"]) {
    for (const wrong of [5, 0, "x", "", true, false, [], [5], () => {}, Symbol("x"), 5n]) {
      const what = `${typeof wrong} ${String(wrong)}`;
      mistakes[`${group} no object but ${what}`] = () => open({ [group]: wrong });
    }
  }
  for (const key of ["film\ud800", 7, 7n, null, undefined, Symbol("film"), ["film"], {}]) {
    for (const call of ["retry", "cancel", "settled", "getCharge"]) {
      mistakes[`${call} of ${typeof key} ${String(key)}`] = () => client[call](key);
    }
  }
  await areMistakes(mistakes);
  assert.deepEqual(
    log.filter((line) => /has died/.test(line)),
    [],
  );
  const { key } = await client.charge(REQUEST, { signal: AbortSignal.abort() });
  assert.equal(key, "cloud_trans:film");
});

test("an option whose getter throws fails with invalid_argument", async (t) => {
  const { options } = page(t);
  const names = "account,baseUrl,credentials,balance,queue,retry,monitor,locale".split(",");
  const throwing = names.map((name) => {
    const get = () => {
      throw new Error("the caller's own");
    };
    const given = Object.defineProperty({ ...options }, name, { get });
    return [name, () => openBilling(given)];
  });
  await areMistakes(Object.fromEntries(throwing));
});

test("an option of a wrong type is told before the module is loaded", async (t) => {
  const { options } = page(t);
  const module = new Uint8Array([1]);
  const wrong = { queue: 5, monitor: [], retry: "twice", balance: 7, locale: "fr" };
  const opened = Object.entries(wrong).map(([name, value]) => {
    const given = /** @type {any} */ ({ ...options, module, [name]: value });
    return [name, () => openBilling(given)];
  });
  await areMistakes(Object.fromEntries(opened));
});
