import assert from "node:assert/strict";
import { test } from "node:test";
import { Stage } from "./support/stage.mjs";
import { chargedOnce } from "./support/tabs.mjs";
import { comeOnlineTogether } from "./support/together.mjs";

const stage = new Stage();
const FOUR = { count: 4, each: 50 };
const TOTAL = FOUR.count * FOUR.each;

/** @param {import("./support/server.mjs").Ledger} ledger */
function sendings(ledger) {
  return ledger.charges.reduce((sum, charge) => sum + charge.requests, 0);
}

test("four tabs that come online together make each charge once, and send at most 5 % again", async (t) => {
  const { ledger, taskIds, start } = await comeOnlineTogether(stage, FOUR);
  chargedOnce(ledger, taskIds, { start });
  t.diagnostic(`${sendings(ledger)} sendings of ${TOTAL} charges`);
  assert.ok(sendings(ledger) <= TOTAL * 1.05, `${sendings(ledger)} sendings`);
});

test("four tabs without Web Locks that come online together make each charge once", async (t) => {
  const { pages, ledger, taskIds, start } = await comeOnlineTogether(stage, {
    ...FOUR,
    prepare: (context) =>
      context.addInitScript(() => Reflect.deleteProperty(Navigator.prototype, "locks")),
  });
  for (const page of pages) assert.equal(await page.evaluate(() => navigator.locks), undefined);
  chargedOnce(ledger, taskIds, { start });
  t.diagnostic(`${sendings(ledger)} sendings of ${TOTAL} charges`);
});
