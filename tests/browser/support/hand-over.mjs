import assert from "node:assert/strict";
import { patient } from "./stage.mjs";
import { chargedOnce, locksAre, openIn, queueAll, seesCharged, tasks } from "./tabs.mjs";
import { until } from "./until.mjs";

/** A time limit that no claim and no request reaches within a test. */
export const LIMIT_MS = 120_000;
/** Long for a hand-over between two tabs on any machine, short for a claim. */
const PROMPTLY_MS = 30_000;

/**
 * @typedef {import("./stage.mjs").Stage} Stage
 * @typedef {Awaited<ReturnType<typeof stuckFlush>>} Stuck
 */

/**
 * Two tabs of one account with open charges. The first holds the flush lock while its request is
 * stuck in the server, and the second waits for the lock.
 *
 * @param {Stage} stage
 * @param {"hang" | "hang_after"} kind whether the stuck request charges nothing or all of its charges
 */
export async function stuckFlush(stage, kind) {
  const { context, page: first, account, ...given } = await stage.bare(kind);
  const second = await context.newPage();
  await stage.site.visit(second);
  const options = patient(given.options, { requestTimeoutMs: LIMIT_MS });
  await openIn(first, options);
  const taskIds = [...tasks("first", 20), ...tasks("second", 20)];
  await context.setOffline(true);
  await queueAll(first, taskIds.slice(0, 20));
  await stage.server.breakFor(account, { kind }, { on: "batch", times: 1 });
  await context.setOffline(false);
  await locksAre(second, "the first one's flush", ({ held }) => held.includes("flush"));
  await until("its request has left", () => stage.server.faultIsUsedUp());
  // Only now, or the second tab might flush.
  await openIn(second, options);
  // A request that is on its way goes on while the browser is offline.
  await context.setOffline(true);
  await queueAll(second, taskIds.slice(20));
  await context.setOffline(false);
  await locksAre(second, "the second one's turn", ({ pending }) => pending.includes("flush"));
  return { context, first, second, account, taskIds };
}

/**
 * Makes sure that `next` sees everything charged soon after `change`, and once.
 *
 * @param {import("node:test").TestContext} t
 * @param {Stage} stage
 * @param {Stuck} stuck
 * @param {import("playwright-core").Page} next
 * @param {() => Promise<unknown>} change
 */
export async function goesOnPromptly(t, stage, { account, taskIds }, next, change) {
  const began = Date.now();
  await change();
  await seesCharged(next, taskIds);
  const ms = Date.now() - began;
  t.diagnostic(`all charged after ${ms} ms`);
  assert.ok(ms < PROMPTLY_MS, `${ms} ms`);
  chargedOnce(await stage.server.ledger(account), taskIds);
}
