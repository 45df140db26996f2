import assert from "node:assert/strict";
import { test } from "node:test";
import { PATIENT, Stage } from "./support/stage.mjs";
import { knowsOffline } from "./support/tabs.mjs";

const stage = new Stage();
const TABS = 4;
const CHARGES_A_TAB = 50;
const TOTAL = TABS * CHARGES_A_TAB;

/**
 * Tabs of one account, each with charges made offline, come online together, and wait until
 * everything that any of them made is charged. Gives the ledger then.
 *
 * @param {(context: import("playwright-core").BrowserContext) => Promise<unknown>} [prepare]
 */
async function comeOnlineTogether(prepare) {
  const { context, page, account, ...rest } = await stage.bare();
  // On a slow machine a request that is given up and sent again is not the tabs' doing.
  const retry = { ...rest.options.retry, ...PATIENT, requestTimeoutMs: 60_000 };
  const options = { ...rest.options, retry };
  await stage.server.topUp(account, TOTAL);
  await prepare?.(context);
  const tabs = [page];
  while (tabs.length < TABS) tabs.push(await context.newPage());
  for (const tab of tabs) {
    await stage.site.visit(tab);
    await tab.evaluate(async (options) => {
      globalThis.client = await globalThis.openClient(options);
      await globalThis.client.refreshBalance();
    }, options);
  }

  await context.setOffline(true);
  await Promise.all(tabs.map(knowsOffline));
  const outcomes = await Promise.all(
    tabs.map((tab, index) =>
      tab.evaluate(
        async ({ index, count }) => {
          const charges = Array.from({ length: count }, (_, task) =>
            globalThis.client.charge({ taskId: `${index}-${task}`, amount: 1, feature: "asr" }),
          );
          return Promise.all(charges);
        },
        { index, count: CHARGES_A_TAB },
      ),
    ),
  );
  for (const outcome of outcomes.flat()) {
    assert.ok(outcome.status === "queued" && outcome.durable, JSON.stringify(outcome));
  }
  assert.deepEqual((await stage.server.ledger(account)).charges, []);

  await context.setOffline(false);
  const views = await Promise.all(
    tabs.map((tab) =>
      tab.evaluate(async () => {
        const records = await globalThis.client.charges();
        const settled = records.map(({ key }) => globalThis.client.settled(key));
        return (await Promise.all(settled)).map((outcome) => outcome.status);
      }),
    ),
  );
  for (const statuses of views) {
    assert.equal(statuses.length, TOTAL, "each tab sees the charges of all");
    assert.deepEqual(new Set(statuses), new Set(["charged"]));
  }
  return { tabs, ledger: await stage.server.ledger(account) };
}

/** @param {import("./support/server.mjs").Ledger} ledger */
function chargedOnce(ledger) {
  assert.equal(ledger.charges.length, TOTAL);
  assert.equal(new Set(ledger.charges.map((charge) => charge.idempotency_key)).size, TOTAL);
  assert.equal(ledger.balance, 120);
}

/** @param {import("./support/server.mjs").Ledger} ledger */
function sendings(ledger) {
  return ledger.charges.reduce((sum, charge) => sum + charge.requests, 0);
}

test("four tabs come online together: each charge once, at most 5 % sent again", async (t) => {
  const { ledger } = await comeOnlineTogether();
  chargedOnce(ledger);
  t.diagnostic(`${sendings(ledger)} sendings of ${TOTAL} charges`);
  assert.ok(sendings(ledger) <= TOTAL * 1.05, `${sendings(ledger)} sendings`);
});

test("four tabs without Web Locks come online together: each charge once", async (t) => {
  const { tabs, ledger } = await comeOnlineTogether((context) =>
    context.addInitScript(() => Reflect.deleteProperty(Navigator.prototype, "locks")),
  );
  for (const tab of tabs) assert.equal(await tab.evaluate(() => navigator.locks), undefined);
  chargedOnce(ledger);
  t.diagnostic(`${sendings(ledger)} sendings of ${TOTAL} charges`);
});
