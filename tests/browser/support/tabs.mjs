import assert from "node:assert/strict";
import { until } from "./until.mjs";

/** @typedef {import("playwright-core").Page} Page */
/** @typedef {Pick<Page, "evaluate">} Place a page with the package, or a worker (workers.mjs) */

/** Long for any charge that meets no obstacle. */
const SETTLED_WITHIN_MS = 60_000;

/**
 * Opens the page's client, and waits until it knows its balance.
 *
 * @param {Place} page
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
 * @param {Place} page with an open client
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
 * Waits until the page's client has heard that the browser is offline, which may be a moment after
 * the fact.
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
 * Waits until these charges have settled, as the page's client learns by itself, and gives their
 * outcomes. Fails after the deadline with the records of those that have not.
 *
 * @param {Place} page
 * @param {string[]} keys
 * @param {number} deadlineMs
 */
export async function settledIn(page, keys, deadlineMs = SETTLED_WITHIN_MS) {
  const { outcomes, standing } = await page.evaluate(
    async ({ keys, deadlineMs }) => {
      const { client } = globalThis;
      const open = new Set(keys);
      const waits = keys.map(async (key) => {
        const outcome = await client.settled(key);
        open.delete(key);
        return outcome;
      });
      /** @type {<T>(work: Promise<T>, ms: number) => Promise<T | null>} */
      const within = (work, ms) => {
        /** @type {ReturnType<typeof setTimeout> | undefined} */
        let timer;
        const late = new Promise((resolve) => {
          timer = setTimeout(resolve, ms, null);
        });
        return Promise.race([work, late]).finally(() => clearTimeout(timer));
      };
      const outcomes = await within(Promise.all(waits), deadlineMs);
      if (outcomes) return { outcomes, standing: "" };
      // `getCharge` may hang because the storage does.
      const records = (await within(client.charges(), 5_000)) ?? [];
      const statuses = records
        .filter(({ key }) => open.has(key))
        .map(({ key, status, attempts }) => `${key} ${status}, ${attempts} attempts`);
      const { network, queue } = client.getSnapshot();
      const some = { keys: [...open].slice(0, 10), statuses: statuses.slice(0, 10) };
      const standing = JSON.stringify({ open: open.size, ...some, network, queue });
      return { outcomes: [], standing };
    },
    { keys, deadlineMs },
  );
  assert.equal(standing, "", `never settled, of ${keys.length}`);
  return outcomes;
}

/**
 * Waits until these tasks are charged, as the page's client learns by itself.
 *
 * @param {Place} page
 * @param {string[]} taskIds
 * @param {number} [deadlineMs]
 */
export async function seesCharged(page, taskIds, deadlineMs) {
  const keys = taskIds.map((taskId) => `asr:${taskId}`);
  const outcomes = await settledIn(page, keys, deadlineMs);
  for (const outcome of outcomes) assert.equal(outcome.status, "charged", JSON.stringify(outcome));
}

/**
 * Waits until the record of the charge has this status. (`page.waitForFunction` does not await
 * promises: it takes any promise for true.)
 *
 * @param {Place} page
 * @param {string} key
 * @param {import("tollbox").BillingStatus} status
 * @param {string} [reason] of its outcome
 */
export async function stands(page, key, status, reason) {
  let shown = "";
  await until(
    () => `${key} ${status} ${reason ?? ""}: ${shown}`,
    async () => {
      const record = await page.evaluate((key) => globalThis.client.getCharge(key), key);
      shown = JSON.stringify(record);
      const outcome = record?.outcome ?? {};
      const why = "reason" in outcome ? outcome.reason : undefined;
      return record?.status === status && (reason === undefined || why === reason);
    },
  );
}

/**
 * Makes sure that the server charged these tasks, once each, and nothing else.
 *
 * @param {import("./server.mjs").Ledger} ledger
 * @param {string[]} taskIds
 * @param {object} [account]
 * @param {number} [account.start] the points that it started with
 * @param {number} [account.amount] the points of each charge
 */
export function chargedOnce({ balance, charges }, taskIds, { start = 120, amount = 1 } = {}) {
  assert.deepEqual(charges.map((charge) => charge.task_id).sort(), [...taskIds].sort());
  assert.equal(balance, start - amount * taskIds.length);
}

/**
 * The Web Locks of the origin. Each is named by its kind: `alive`, `flush` or `fallback`; `tabs` has
 * the full names of those held that show that a client lives.
 *
 * @param {Place} page any page of the origin
 */
export function locksOf(page) {
  return page.evaluate(async () => {
    const { held = [], pending = [] } = await navigator.locks.query();
    const kind = (/** @type {LockInfo} */ { name = "" }) => name.split(":")[3] ?? "";
    const alive = held.filter((lock) => kind(lock) === "alive");
    const tabs = alive.map(({ name = "" }) => name);
    return { held: held.map(kind), pending: pending.map(kind), tabs };
  });
}

/**
 * Waits until the Web Locks of the origin meet the condition.
 *
 * @param {Page} page any page of the origin
 * @param {string} what
 * @param {(locks: Awaited<ReturnType<typeof locksOf>>) => boolean} holds
 */
export async function locksAre(page, what, holds) {
  let shown = "";
  await until(
    () => `${what}: ${shown}`,
    async () => {
      const locks = await locksOf(page);
      shown = JSON.stringify(locks);
      return holds(locks);
    },
  );
}
