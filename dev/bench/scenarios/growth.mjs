import { quantile } from "../report/statistics.mjs";

/** @typedef {import("../scene.mjs").Scene} Scene */

const STORED = 1_000;
const EACH_STORED = 500;

/**
 * Awaited charges and a flush in one of so many tabs.
 *
 * @param {number} count
 * @returns {(scene: Scene) => Promise<Record<string, number>>}
 */
export function withTabs(count) {
  return async (scene) => {
    const { samples } = scene.plan;
    const page = await scene.reopenWith(STORED);
    for (let tabs = 1; tabs < count; tabs += 1) await scene.open();
    const times = await page.enqueue(STORED, samples);
    const ms = await page.flush();
    const { duplicates } = scene.ledger;
    const lost = scene.unbooked(STORED + samples);
    return { p50: quantile(times, 0.5), each: ms / (STORED + samples), duplicates, lost };
  };
}

/**
 * A start and awaited charges of one of so many accounts, each with charges stored.
 *
 * @param {number} count
 * @returns {(scene: Scene) => Promise<Record<string, number>>}
 */
export function withAccounts(count) {
  return async (scene) => {
    for (let account = 1; account < count; account += 1) {
      const page = await scene.open(`?account=a${account}`);
      await page.fill(account * EACH_STORED, EACH_STORED);
      await page.close();
    }
    const page = await scene.reopenWith(EACH_STORED, "?account=a0");
    const { readyMs, moduleMs } = page.started;
    const times = await page.enqueue(count * EACH_STORED, scene.plan.samples);
    return { ready: readyMs - moduleMs, p50: quantile(times, 0.5) };
  };
}
