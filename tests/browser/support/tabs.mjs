import assert from "node:assert/strict";
import { PATIENT } from "./stage.mjs";
import { until } from "./until.mjs";

/** @typedef {import("playwright-core").Page} Page */

/**
 * Opens the page's client, its balance known.
 *
 * @param {Page} page
 * @param {Parameters<typeof openClient>[0]} options
 */
export async function openIn(page, options) {
  await page.evaluate(async (options) => {
    globalThis.client = await globalThis.openClient(options);
    await globalThis.client.refreshBalance();
  }, options);
}

/**
 * Names of tasks that no other prefix has.
 *
 * @param {string} prefix
 * @param {number} count
 */
export function tasks(prefix, count) {
  return Array.from({ length: count }, (_, index) => `${prefix}-${index}`);
}

/**
 * Makes charges of one point each, all at once, and gives their outcomes.
 *
 * @param {Page} page with an open client
 * @param {string[]} taskIds
 */
export async function chargeAll(page, taskIds) {
  return page.evaluate(async (taskIds) => {
    const charges = taskIds.map((taskId) =>
      globalThis.client.charge({ taskId, amount: 1, feature: "asr" }),
    );
    return Promise.all(charges);
  }, taskIds);
}

/**
 * Waits until the page's client has heard that the browser is offline, which may come a moment after
 * it is so.
 *
 * @param {Page} page
 */
export async function knowsOffline(page) {
  await page.waitForFunction(() => globalThis.client.getSnapshot().network === "offline");
}

/**
 * Makes charges that are to stay queued, in storage that outlives the browser.
 *
 * @param {Page} page with an open client, its browser offline
 * @param {string[]} taskIds
 */
export async function queueAll(page, taskIds) {
  await knowsOffline(page);
  for (const outcome of await chargeAll(page, taskIds)) {
    assert.ok(outcome.status === "queued" && outcome.durable, JSON.stringify(outcome));
  }
}

/**
 * Waits until these are charged, as the page's client sees it by itself.
 *
 * @param {Page} page
 * @param {string[]} taskIds
 */
export async function seesCharged(page, taskIds) {
  const statuses = await page.evaluate(async (taskIds) => {
    const settled = taskIds.map((taskId) => globalThis.client.settled(`asr:${taskId}`));
    return (await Promise.all(settled)).map((outcome) => outcome.status);
  }, taskIds);
  assert.deepEqual(new Set(statuses), new Set(["charged"]));
}

/**
 * Makes sure that the server charged these, one point and once each, and nothing else.
 *
 * @param {import("./server.mjs").Ledger} ledger of an account that started with 120 points
 * @param {string[]} taskIds
 */
export function chargedOnce({ balance, charges }, taskIds) {
  assert.deepEqual(charges.map((charge) => charge.task_id).sort(), [...taskIds].sort());
  assert.equal(balance, 120 - taskIds.length);
}

/**
 * Waits until the Web Locks of the origin are so; each is named by its kind: `alive`, `flush` or
 * `fallback`.
 *
 * @param {Page} page any page of the origin
 * @param {string} what
 * @param {(locks: { held: string[], pending: string[] }) => boolean} holds
 */
export async function locksAre(page, what, holds) {
  await until(what, async () => {
    const locks = await page.evaluate(async () => {
      const { held = [], pending = [] } = await navigator.locks.query();
      const kind = (/** @type {LockInfo} */ { name = "" }) => name.split(":")[2] ?? "";
      return { held: held.map(kind), pending: pending.map(kind) };
    });
    return holds(locks);
  });
}

/**
 * Two tabs of one account with open charges, of which the first holds the flush lock, its request
 * being stuck in the server, and the second waits for the lock.
 *
 * @param {import("./stage.mjs").Stage} stage
 * @param {"hang" | "hang_after"} kind whether the stuck request charges nothing or all of its charges
 * @param {number} limitMs of requests, hence of claims
 */
export async function stuckFlush(stage, kind, limitMs) {
  const { context, page: first, account, options } = await stage.bare(kind);
  const second = await context.newPage();
  await stage.site.visit(second);
  const retry = { ...options.retry, ...PATIENT, requestTimeoutMs: limitMs };
  const patient = { ...options, retry };
  await openIn(first, patient);
  const taskIds = [...tasks("first", 20), ...tasks("second", 20)];
  await context.setOffline(true);
  await queueAll(first, taskIds.slice(0, 20));
  await stage.server.breakFor(account, { kind }, { on: "batch", times: 1 });
  await context.setOffline(false);
  await locksAre(second, "the first one's flush", ({ held }) => held.includes("flush"));
  // Only now, or it could be the second that flushes.
  await openIn(second, patient);
  // A request that is on its way goes on while the browser is offline.
  await context.setOffline(true);
  await queueAll(second, taskIds.slice(20));
  await context.setOffline(false);
  await locksAre(second, "the second one's turn", ({ pending }) => pending.includes("flush"));
  return { context, first, second, account, taskIds };
}
