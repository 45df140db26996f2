import assert from "node:assert/strict";
import { test } from "node:test";
import { patient, Stage } from "./support/stage.mjs";
import { chargeAll, chargedOnce, knowsOffline, openIn, settledIn, tasks } from "./support/tabs.mjs";
import { watch } from "./support/watched.mjs";

const stage = new Stage();
const COUNT = 1_000;
const TASKS = tasks("film", COUNT);
/** The most transactions: two for each of the ten batches, and some to write the charges. */
const MOST_TRANSACTIONS = 40;
/**
 * Charges with a waiting caller are in part sent one by one beside the batches, the more the slower
 * the machine is. Ungrouped, each charge would take three transactions: to be written, claimed and
 * settled.
 *
 * @param {number} requests
 */
const mostWhileWaiting = (requests) => Math.min(2 * requests + 10, COUNT);

/** A page that counts transactions and requests, with a client that can pay for everything. */
async function countingPage() {
  const { context, page, account, options } = await stage.bare();
  context.setDefaultTimeout(60_000);
  await stage.server.topUp(account, COUNT);
  await watch(page);
  await stage.site.visit(page);
  const queue = { keepSettled: 10_000 };
  await openIn(page, { ...patient(options, { requestTimeoutMs: 60_000 }), queue });
  return { context, page, account };
}

/**
 * The transactions and requests that the work takes.
 *
 * @template T
 * @param {import("playwright-core").Page} page
 * @param {() => Promise<T>} work
 */
async function costing(page, work) {
  const before = await page.evaluate(() => globalThis.watched.counts());
  const began = performance.now();
  const outcomes = await work();
  const ms = Math.round(performance.now() - began);
  const after = await page.evaluate(() => globalThis.watched.counts());
  const transactions = after.transactions - before.transactions;
  return { outcomes, ms, transactions, requests: after.requests - before.requests };
}

/**
 * Waits until the page's client sees all of them charged, and gives what that cost.
 *
 * @param {import("playwright-core").Page} page
 * @param {string} account
 */
async function allCharged(page, account) {
  const known = await page.evaluate(() => globalThis.client.charges());
  assert.equal(known.length, COUNT);
  const keys = known.map(({ key }) => key);
  const charged = await costing(page, () => settledIn(page, keys, 120_000));
  for (const outcome of charged.outcomes) {
    assert.equal(outcome.status, "charged", JSON.stringify(outcome));
  }
  chargedOnce(await stage.server.ledger(account), TASKS, { start: 120 + COUNT });
  return charged;
}

/** @param {{ ms: number, transactions: number, requests: number }} took */
function cost({ ms, transactions, requests }) {
  return `${ms} ms, ${transactions} transactions, ${requests} requests`;
}

test("a thousand charges at once, offline, take few transactions, are durable and are made once", async (t) => {
  const { context, page, account } = await countingPage();
  await context.setOffline(true);
  await knowsOffline(page);
  const queued = await costing(page, () => chargeAll(page, TASKS));
  t.diagnostic(`queued: ${cost(queued)}`);
  assert.equal(queued.outcomes.length, COUNT);
  for (const outcome of queued.outcomes) {
    assert.ok(outcome.status === "queued" && outcome.durable, JSON.stringify(outcome));
  }
  assert.ok(queued.transactions <= MOST_TRANSACTIONS, cost(queued));

  await context.setOffline(false);
  const charged = await allCharged(page, account);
  t.diagnostic(`charged: ${cost(charged)}`);
  assert.ok(charged.transactions <= MOST_TRANSACTIONS, cost(charged));
});

test("a thousand charges at once, online, take at most two transactions a request and are made once", async (t) => {
  const { page, account } = await countingPage();
  const answered = await costing(page, () => chargeAll(page, TASKS));
  t.diagnostic(`answered: ${cost(answered)}`);
  for (const outcome of answered.outcomes) {
    const open = outcome.status === "queued" || outcome.status === "unknown";
    assert.ok(outcome.status === "charged" || (open && outcome.durable), JSON.stringify(outcome));
  }
  assert.ok(answered.transactions <= mostWhileWaiting(answered.requests), cost(answered));
  await allCharged(page, account);
});

test("charges made one after the other, online, take one transaction each, with the verdict before it", async (t) => {
  const { page, account } = await countingPage();
  const few = TASKS.slice(0, 20);
  const oneByOne = await costing(page, () =>
    page.evaluate(async (taskIds) => {
      const outcomes = [];
      for (const taskId of taskIds) {
        outcomes.push(await globalThis.client.charge({ taskId, amount: 1, feature: "asr" }));
      }
      return outcomes;
    }, few),
  );
  t.diagnostic(`one by one: ${cost(oneByOne)}`);
  for (const outcome of oneByOne.outcomes) {
    assert.equal(outcome.status, "charged", JSON.stringify(outcome));
  }
  assert.ok(oneByOne.transactions <= few.length * 1.5, cost(oneByOne));
  const keys = oneByOne.outcomes.map(({ key }) => key);
  await settledIn(page, keys, 120_000);
  chargedOnce(await stage.server.ledger(account), few, { start: 120 + COUNT });
});
