import assert from "node:assert/strict";
import { test } from "node:test";
import { PATIENT, Stage } from "./support/stage.mjs";
import {
  chargeAll,
  chargedOnce,
  locksAre,
  openIn,
  seesCharged,
  stuckFlush,
} from "./support/tabs.mjs";

const stage = new Stage();
/** No claim and no request ends by its time within a test. */
const LIMIT_MS = 120_000;
/** Long for a hand-over between two tabs on any machine, short for a claim. */
const PROMPTLY_MS = 30_000;

/**
 * Kills the page's renderer.
 *
 * @param {import("playwright-core").Page} page
 */
async function crash(page) {
  const session = await page.context().newCDPSession(page);
  const crashed = page.waitForEvent("crash");
  // The one who would answer is dead.
  void session.send("Page.crash").catch(() => {});
  await crashed;
}

test("a tab dies holding the flush lock, its request lost: who waits goes on", async (t) => {
  const { first, second, account, taskIds } = await stuckFlush(stage, "hang", LIMIT_MS);
  const began = Date.now();
  await crash(first);
  await seesCharged(second, taskIds);
  const ms = Date.now() - began;
  t.diagnostic(`all charged ${ms} ms after the crash`);
  assert.ok(ms < PROMPTLY_MS, `${ms} ms`);
  chargedOnce(await stage.server.ledger(account), taskIds);
});

test("a tab dies holding the flush lock, its charges made: who waits goes on, once", async (t) => {
  const { first, second, account, taskIds } = await stuckFlush(stage, "hang_after", LIMIT_MS);
  const began = Date.now();
  await crash(first);
  await seesCharged(second, taskIds);
  const ms = Date.now() - began;
  t.diagnostic(`all charged ${ms} ms after the crash`);
  assert.ok(ms < PROMPTLY_MS, `${ms} ms`);
  chargedOnce(await stage.server.ledger(account), taskIds);
});

test("a tab dies waiting for the lock: its charges are made by the next that starts", async () => {
  const { first, second, account, taskIds } = await stuckFlush(stage, "hang_after", LIMIT_MS);
  await crash(second);
  await locksAre(first, "nobody waiting", ({ pending }) => pending.length === 0);
  await crash(first);
  const context = first.context();
  const next = await context.newPage();
  await stage.site.visit(next);
  await openIn(next, await stage.options(account));
  const began = Date.now();
  await seesCharged(next, taskIds);
  assert.ok(Date.now() - began < PROMPTLY_MS);
  chargedOnce(await stage.server.ledger(account), taskIds);
});

test("a tab dies with a charge's request on its way: another tab charges the same task, once", async () => {
  const { context, page, account, options } = await stage.bare();
  const other = await context.newPage();
  await stage.site.visit(other);
  await openIn(page, { ...options, retry: { ...PATIENT, requestTimeoutMs: LIMIT_MS } });
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
