import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { StrictProxy } from "./support/proxy.mjs";
import { patient, Stage } from "./support/stage.mjs";
import { knowsOffline, openIn, settledIn } from "./support/tabs.mjs";

const stage = new Stage();
/** @type {StrictProxy} */
let proxy;
before(async () => {
  proxy = await StrictProxy.start(() => stage.server.url);
});
after(() => proxy?.stop());

/** Keys that the header carries as they are. */
const PLAIN = ["films/series 1", "..", 'say "\\o/"'];
/** Keys that the header does not carry as they are; the last is its spelling of the one before. */
const ODD = ["100%", "%2F", "第1集/字幕 50%", "é", "%C3%A9"];
const ALL = [...PLAIN, ...ODD];

/**
 * A page with a client that speaks to the server through the proxy.
 *
 * @param {import("tollbox").BillingOptions["retry"]} [retry]
 */
async function behindProxy(retry) {
  const { context, page, account, ...given } = await stage.bare("keys");
  const options = { ...patient(given.options, retry), baseUrl: `${proxy.url}/billing/v1` };
  await openIn(page, options);
  return { context, page, account };
}

/**
 * Makes a charge of one point under each key, all at once.
 *
 * @param {import("playwright-core").Page} page
 * @param {string[]} keys
 */
function chargeUnder(page, keys) {
  return page.evaluate((keys) => {
    const charges = keys.map((key, index) =>
      globalThis.client.charge({ taskId: `task-${index}`, amount: 1, feature: "asr", key }),
    );
    return Promise.all(charges);
  }, keys);
}

/**
 * Checks that each key was charged once, under its own name.
 *
 * @param {string} account
 * @param {string[]} keys
 */
async function chargedOnce(account, keys) {
  const ledger = await stage.server.ledger(account);
  const charged = ledger.charges.map((charge) => charge.idempotency_key).sort();
  assert.deepEqual(charged, [...keys].sort());
  assert.equal(ledger.balance, 120 - keys.length);
}

/** Long waits, so that the client doesn't find out by itself before it is asked to cancel. */
const SLOW = { baseDelayMs: 86_400_000, maxDelayMs: 86_400_000, maxAttempts: 1 };

/**
 * Cancels these charges in doubt, one after the other.
 *
 * @param {import("playwright-core").Page} page
 * @param {string[]} keys
 */
function cancelAll(page, keys) {
  return page.evaluate(async (keys) => {
    const outcomes = [];
    for (const key of keys) outcomes.push(await globalThis.client.cancel(key));
    return outcomes;
  }, keys);
}

test("every key is charged once, and known by the name that its caller gave it", async () => {
  const { page, account } = await behindProxy();
  for (const outcome of await chargeUnder(page, ALL)) {
    assert.equal(outcome.status, "charged", JSON.stringify(outcome));
  }
  const again = await chargeUnder(page, ALL);
  assert.ok(again.every((outcome) => outcome.status === "charged" && outcome.replayed));
  await chargedOnce(account, ALL);
  const known = await page.evaluate(() => globalThis.client.charges());
  assert.deepEqual(known.map(({ key }) => key).sort(), [...ALL].sort());
});

test("every key is looked up after its answer was lost, and found", async () => {
  const { page, account } = await behindProxy(SLOW);
  for (const key of ALL) {
    await stage.server.breakFor(account, { kind: "drop_after" }, { on: "charge" });
    const [outcome] = await chargeUnder(page, [key]);
    assert.equal(outcome?.status, "unknown", JSON.stringify(outcome));
    await stage.server.repair();
    const [cancelled] = await cancelAll(page, [key]);
    assert.equal(cancelled?.status, "charged", JSON.stringify(cancelled));
  }
  await chargedOnce(account, ALL);
});

test("every key is looked up after its request was lost, and was never charged", async () => {
  const { page, account } = await behindProxy(SLOW);
  for (const key of ALL) {
    await stage.server.breakFor(account, { kind: "drop_before" }, { on: "charge" });
    const [outcome] = await chargeUnder(page, [key]);
    assert.equal(outcome?.status, "unknown", JSON.stringify(outcome));
    await stage.server.repair();
    const [cancelled] = await cancelAll(page, [key]);
    assert.ok(cancelled?.status === "failed" && cancelled.reason === "cancelled");
  }
  await chargedOnce(account, []);
});

test("keys queued offline are charged, the plain ones in a batch", async () => {
  const { context, page, account } = await behindProxy();
  await context.setOffline(true);
  await knowsOffline(page);
  for (const outcome of await chargeUnder(page, ALL)) {
    assert.equal(outcome.status, "queued", JSON.stringify(outcome));
  }
  const before = proxy.paths.length;
  await context.setOffline(false);
  const outcomes = await settledIn(page, ALL);
  assert.ok(outcomes.every((outcome) => outcome.status === "charged"));
  await chargedOnce(account, ALL);
  const paths = proxy.paths.slice(before);
  assert.ok(paths.includes("POST /billing/v1/charges/batch"), paths.join("\n"));
});
