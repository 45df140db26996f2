import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { BillingClient, BillingError, cachedBalance } from "../../pkg/index.js";
import { flushOnSync } from "../../pkg/service-worker.js";
import { page } from "./support/page.mjs";

const REQUEST = { taskId: "film", amount: 3, feature: "cloud_trans" };
const TOKEN = "eyJhbGciOiJIUzI1NiJ9.secret";

/** @typedef {ReturnType<typeof page>["open"]} Open */

/**
 * What is wrong, and what its message names: the argument, what it may be, and what was given.
 *
 * @type {[(open: Open) => unknown, ...string[]][]}
 */
const OPENING = [
  [(open) => open({ account: "" }), "account", "a string that is not empty", '""'],
  [(open) => open({ account: 7 }), "account", "a string that is not empty", "7"],
  [(open) => open({ account: "a\ud800" }), "account", "well formed", '"a\\ud800"'],
  [(open) => open({ namespace: null }), "namespace", "a string that is not empty", "null"],
  [(open) => open({ baseUrl: 7 }), "baseUrl", "a string or a URL", "7"],
  [(open) => open({ baseUrl: "http://[" }), "baseUrl", "a URL", '"http://["'],
  [
    (open) => open({ baseUrl: "ftp://x/", transport: undefined }),
    ...["baseUrl", "of http or https, unless there is a transport", '"ftp:"'],
  ],
  [(open) => open({ getToken: TOKEN }), "getToken", "a function", "of type string"],
  [(open) => open({ transport: {} }), "transport", "a function", "of type object"],
  [(open) => open({ module: 7 }), "module", "a URL, a Response", "7"],
  [(open) => open({ balance: 7 }), "balance", "an object", "7"],
  [(open) => open({ queue: [] }), "queue", "an object", "of type array"],
  [(open) => open({ retry: "often" }), "retry", "an object", '"often"'],
  [(open) => open({ monitor: true }), "monitor", "an object", "true"],
  [(open) => open({ backgroundSync: "yes" }), "backgroundSync", "true or false", '"yes"'],
  [(open) => open({ locale: "fr" }), "locale", '"en" or "zh-CN"', '"fr"'],
  [(open) => open({ log: "loud" }), "log", 'a function, "silent", "error", "info"', '"loud"'],
  [
    (open) => open({ credentials: "always" }),
    ...["credentials", '"omit", "same-origin" or "include"', '"always"'],
  ],
  [
    (open) => open({ queue: { storage: "disk" } }),
    ...["queue.storage", '"auto", "indexeddb", "localstorage" or "memory"', '"disk"'],
  ],
  [(open) => open({ queue: { batchSize: 101 } }), "queue.batchSize", "1 to 100", "101"],
  [(open) => open({ queue: { offlineSpend: "all" } }), "queue.offlineSpend", "{ points }", '"all"'],
  [(open) => open({ retry: { maxAttempts: 0 } }), "retry.maxAttempts", "from 1 up", "0"],
  [(open) => open({ retry: { maxAttempts: 1.5 } }), "retry.maxAttempts", "a whole number", "1.5"],
  [(open) => open({ retry: { maxAttempts: "3" } }), "retry.maxAttempts", "declared type", '"3"'],
  [(open) => open({ retry: { baseDelayMs: Number.NaN } }), "baseDelayMs", "a finite number", "NaN"],
  [(open) => open({ retry: { baseDelayMs: 3n } }), "baseDelayMs", "a value that JSON has", "3"],
  [
    (open) => open({ monitor: { alertBelowSuccessRate: 2 } }),
    ...["monitor.alertBelowSuccessRate", "0 to 1", "2"],
  ],
];

/** @type {[(client: Record<string, any>) => unknown, ...string[]][]} */
const CALLS = [
  [(client) => client.charge("film"), "the charge request", "an object", '"film"'],
  [(client) => client.charge({ ...REQUEST, amount: 1.5 }), "amount", "a whole number", "1.5"],
  [(client) => client.charge({ ...REQUEST, amount: "3" }), "amount", "1 to 2^53-1", '"3"'],
  [(client) => client.charge({ ...REQUEST, taskId: 7 }), "taskId", "a string", "7"],
  [
    (client) => client.charge({ ...REQUEST, feature: undefined }),
    "feature",
    "a string",
    "undefined",
  ],
  [(client) => client.charge({ ...REQUEST, key: "\ud800" }), "key", "well formed", '"\\ud800"'],
  [(client) => client.charge({ ...REQUEST, metadata: [] }), "metadata", "a map", "of type array"],
  [
    (client) => client.charge({ ...REQUEST, metadata: { pages: 7 } }),
    ...["metadata pages", "a string", "7"],
  ],
  [(client) => client.charge(REQUEST, { signal: 7 }), "signal", "an AbortSignal", "7"],
  [(client) => client.runTask(REQUEST, "work"), "work", "a function", "of type string"],
  [
    (client) =>
      client.runTask(REQUEST, async (/** @type {any} */ task) => task.setAmount(4)).then(thrown),
    ...["points", "1 to the 3 that are held", "4"],
  ],
  [(client) => client.settled(7), "key", "a string", "7"],
  [(client) => client.refreshBalance({ maxAgeMs: "5" }), "maxAgeMs", "from 0 up", '"5"'],
  [(client) => client.refreshBalance({ maxAgeMs: -5 }), "maxAgeMs", "from 0 up", "-5"],
  [(client) => client.charges(null), "filter", "an object", "null"],
  [(client) => client.charges({ limit: -1 }), "limit", "a number from 0 up", "-1"],
  [(client) => client.charges({ status: "charged" }), "status", "among pending,", '"charged"'],
  [(client) => client.on("nonsense", () => {}), "type", "among charge,", '"nonsense"'],
  [(client) => client.on("charge", null), "listener", "a function", "of type null"],
  [(client) => client.subscribe({}), "listener", "a function", "of type object"],
  [(client) => client.setLocale("fr"), "locale", '"en" or "zh-CN"', '"fr"'],
];

/** @type {[() => unknown, ...string[]][]} */
const OTHERS = [
  [() => /** @type {any} */ (cachedBalance)("alice"), "where", "an object", '"alice"'],
  [
    () => new /** @type {any} */ (BillingClient)(),
    "a BillingClient",
    "made by openBilling",
    '"new"',
  ],
  [() => sync("worker"), "options", "an object", '"worker"'],
  [() => sync({ baseUrl: "/" }), "openBilling", "a function", "of type undefined"],
  [
    () => sync({ openBilling: () => {}, getToken: TOKEN }),
    "getToken",
    "a function",
    "of type string",
  ],
  [() => sync({ openBilling: () => {}, withinMs: 0 }), "withinMs", "a number above 0", "0"],
];

/** @param {unknown} options */
function sync(options) {
  flushOnSync(/** @type {any} */ (options));
}

/** @param {any} outcome */
function thrown(outcome) {
  throw outcome.error;
}

/**
 * The message with which this fails.
 *
 * @param {() => unknown} call
 */
async function messageOf(call) {
  try {
    await call();
  } catch (error) {
    assert.ok(error instanceof BillingError, String(error));
    assert.equal(error.code, "invalid_argument", error.message);
    return error.message;
  }
  throw new Error(`${call} took it`);
}

test("a mistake's message names the argument, what it may be, and what was given", async (t) => {
  const { open } = page(t);
  const client = await open();
  await client.refreshBalance();
  const made = [
    ...OPENING.map(([make, ...named]) => ({ call: () => make(open), named })),
    ...CALLS.map(([make, ...named]) => ({ call: () => make(client), named })),
    ...OTHERS.map(([call, ...named]) => ({ call, named })),
  ];
  const messages = [];
  for (const { call, named } of made) {
    const message = await messageOf(call);
    const [what = "", allowed = "", given = ""] = named;
    assert.ok(message.startsWith(`${what} must be `), message);
    assert.ok(message.includes(allowed) && message.endsWith(`, not ${given}`), message);
    assert.ok(!message.includes(TOKEN), message);
    messages.push(message);
  }
  // No check in the facade's sources is left out.
  for (const text of await allowances()) {
    assert.ok(
      messages.some((message) => message.includes(text)),
      `nothing above fails for not being ${text}`,
    );
  }
});

/** What the facade's sources say that arguments may be, up to where a value stands in it. */
async function allowances() {
  const files = ["index.js", "service-worker.js", "lib/arguments.js", "lib/cached.js"];
  files.push("lib/error.js", "lib/module.js", "lib/names.js", "lib/task.js");
  const texts = [];
  for (const file of files) {
    const source = await readFile(new URL(`../../pkg/${file}`, import.meta.url), "utf8");
    for (const [, , text] of source.matchAll(
      /throw mistake\(\s*[^,]+,\s*(["'`])(.*?)(?:\1|\$\{)/g,
    )) {
      texts.push(text ?? "");
    }
  }
  assert.ok(texts.length > 20, String(texts));
  return texts;
}

test("what was given is shown shortened, and of an address no password and no query", async (t) => {
  const { open } = page(t);
  const long = await messageOf(() => open({ locale: "x".repeat(10_000) }));
  assert.ok(long.length < 100, long);
  const address = await messageOf(() => open({ baseUrl: `https://me:${TOKEN}@[/?t=${TOKEN}` }));
  assert.ok(!address.includes("secret"), address);
});
