import assert from "node:assert/strict";
import { test } from "node:test";
import { PATIENT, Stage } from "./support/stage.mjs";
import { knowsOffline } from "./support/tabs.mjs";
import { watch } from "./support/watched.mjs";

const stage = new Stage();
const COUNT = 1_000;
/** Far fewer than charges, however slow the machine is. */
const MOST_TRANSACTIONS = 100;
/**
 * Where somebody waits for each, some are sent one by one beside the batches. Ungrouped each would take
 * three: to be written down, claimed and settled.
 */
const MOST_WHILE_WAITING = COUNT;

/** A page that counts, with a client that can pay for everything. */
async function countingPage() {
  const { context, page, account, options } = await stage.bare();
  context.setDefaultTimeout(60_000);
  await stage.server.topUp(account, COUNT);
  await watch(page);
  await stage.site.visit(page);
  const retry = { ...options.retry, ...PATIENT, requestTimeoutMs: 60_000 };
  const patient = { ...options, retry };
  await page.evaluate(async (options) => {
    globalThis.client = await globalThis.openClient({
      ...options,
      queue: { keepSettled: 10_000 },
    });
    await globalThis.client.refreshBalance();
  }, patient);
  return { context, page, account };
}

/**
 * Charges all at once, and gives the outcomes and what it took.
 *
 * @param {import("playwright-core").Page} page
 */
async function chargeAtOnce(page) {
  return page.evaluate(async (count) => {
    const before = globalThis.watched.counts();
    const began = performance.now();
    const charges = Array.from({ length: count }, (_, task) =>
      globalThis.client.charge({ taskId: `${task}`, amount: 1, feature: "asr" }),
    );
    const outcomes = await Promise.all(charges);
    const ms = Math.round(performance.now() - began);
    const after = globalThis.watched.counts();
    const transactions = after.transactions - before.transactions;
    return { outcomes, ms, transactions, requests: after.requests - before.requests };
  }, COUNT);
}

/** @param {import("playwright-core").Page} page */
async function settleAll(page) {
  return page.evaluate(async () => {
    const before = globalThis.watched.counts();
    const began = performance.now();
    const records = await globalThis.client.charges();
    const settled = await Promise.all(records.map(({ key }) => globalThis.client.settled(key)));
    const ms = Math.round(performance.now() - began);
    const after = globalThis.watched.counts();
    const transactions = after.transactions - before.transactions;
    const statuses = settled.map((outcome) => outcome.status);
    return { statuses, ms, transactions, requests: after.requests - before.requests };
  });
}

/** @param {string} account */
async function chargedOnce(account) {
  const { balance, charges } = await stage.server.ledger(account);
  assert.equal(charges.length, COUNT);
  assert.equal(new Set(charges.map((charge) => charge.idempotency_key)).size, COUNT);
  assert.equal(balance, 120);
}

/** @param {{ ms: number, transactions: number, requests: number }} took */
function cost({ ms, transactions, requests }) {
  return `${ms} ms, ${transactions} transactions, ${requests} requests`;
}

test("a thousand charges at once, offline: few transactions, all durable, each charged once", async (t) => {
  const { context, page, account } = await countingPage();
  await context.setOffline(true);
  await knowsOffline(page);
  const queued = await chargeAtOnce(page);
  t.diagnostic(`queued: ${cost(queued)}`);
  assert.equal(queued.outcomes.length, COUNT);
  for (const outcome of queued.outcomes) {
    assert.ok(outcome.status === "queued" && outcome.durable, JSON.stringify(outcome));
  }
  assert.ok(queued.transactions <= MOST_TRANSACTIONS, cost(queued));

  await context.setOffline(false);
  const charged = await settleAll(page);
  t.diagnostic(`charged: ${cost(charged)}`);
  assert.equal(charged.statuses.length, COUNT);
  assert.deepEqual(new Set(charged.statuses), new Set(["charged"]));
  assert.ok(charged.transactions <= MOST_TRANSACTIONS, cost(charged));
  await chargedOnce(account);
});

test("a thousand charges at once, online: few transactions, each charged once", async (t) => {
  const { page, account } = await countingPage();
  const answered = await chargeAtOnce(page);
  t.diagnostic(`answered: ${cost(answered)}`);
  for (const outcome of answered.outcomes) {
    const open = outcome.status === "queued" || outcome.status === "unknown";
    assert.ok(outcome.status === "charged" || (open && outcome.durable), JSON.stringify(outcome));
  }
  assert.ok(answered.transactions <= MOST_WHILE_WAITING, cost(answered));
  const settled = await settleAll(page);
  assert.equal(settled.statuses.length, COUNT);
  assert.deepEqual(new Set(settled.statuses), new Set(["charged"]));
  await chargedOnce(account);
});
