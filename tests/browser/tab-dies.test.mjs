import assert from "node:assert/strict";
import { test } from "node:test";
import { goesOnPromptly, LIMIT_MS, stuckFlush } from "./support/hand-over.mjs";
import { patient, Stage } from "./support/stage.mjs";
import { chargeAll, chargedOnce, locksAre, openIn, seesCharged } from "./support/tabs.mjs";

const stage = new Stage();

/**
 * Kills the page's renderer.
 *
 * @param {import("playwright-core").Page} page
 */
async function crash(page) {
  const devtools = await page.context().newCDPSession(page);
  const crashed = page.waitForEvent("crash");
  // The renderer that would answer is dead.
  void devtools.send("Page.crash").catch(() => {});
  await crashed;
}

for (const [what, kind] of /** @type {const} */ ([
  ["its request lost: the waiting tab goes on", "hang"],
  ["its charges made: the waiting tab goes on and charges nothing twice", "hang_after"],
])) {
  test(`a tab dies holding the flush lock, ${what}`, async (t) => {
    const stuck = await stuckFlush(stage, kind);
    await goesOnPromptly(t, stage, stuck, stuck.second, () => crash(stuck.first));
  });
}

test("the charges of a tab that dies waiting for the lock are made by the next tab that starts", async (t) => {
  const stuck = await stuckFlush(stage, "hang_after");
  const { context, first, second, account } = stuck;
  await crash(second);
  await locksAre(first, "nobody waiting", ({ pending }) => pending.length === 0);
  await crash(first);
  const next = await context.newPage();
  await stage.site.visit(next);
  const options = await stage.options(account);
  await goesOnPromptly(t, stage, stuck, next, () => openIn(next, options));
});

test("a task whose tab dies with the request on its way is charged once by another tab", async () => {
  const { context, page, account, options } = await stage.bare();
  const other = await context.newPage();
  await stage.site.visit(other);
  await openIn(page, patient(options, { requestTimeoutMs: LIMIT_MS }));
  await stage.server.breakFor(account, { kind: "hang_after" }, { on: "charge", times: 1 });
  await page.evaluate(() => {
    const stop = new AbortController();
    globalThis.kept.stop = stop;
    const request = { taskId: "film", amount: 1, feature: "asr" };
    globalThis.kept.outcome = globalThis.client.charge(request, { signal: stop.signal });
  });
  await stage.server.ledgerWhen(account, "the charge", ({ charges }) => charges.length === 1);
  const outcome = await page.evaluate(() => {
    /** @type {AbortController} */ (globalThis.kept.stop).abort();
    return /** @type {Promise<import("tollbox").ChargeOutcome>} */ (globalThis.kept.outcome);
  });
  assert.ok(outcome.status === "unknown" && outcome.durable, JSON.stringify(outcome));
  await openIn(other, options);
  await crash(page);
  await chargeAll(other, ["film"]);
  await seesCharged(other, ["film"]);
  chargedOnce(await stage.server.ledger(account), ["film"]);
});
