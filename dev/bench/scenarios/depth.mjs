import { quantile } from "../report/statistics.mjs";

/** @typedef {import("../scene.mjs").Scene} Scene */

/**
 * A start with so many charges stored, then awaited charges on top of them.
 *
 * @param {number} depth
 * @returns {(scene: Scene) => Promise<Record<string, number>>}
 */
export function atDepth(depth) {
  return async (scene) => {
    const page = await scene.reopenWith(depth);
    const { readyMs, moduleMs } = page.started;
    // At once: what the adapter reads by itself meanwhile would not be measured.
    const read = await page.load();
    const longest = await page.longestTask();
    const times = await page.enqueue(depth, scene.plan.samples);
    return {
      ready: readyMs,
      module: moduleMs,
      longest,
      read,
      loaded: readyMs + read,
      p50: quantile(times, 0.5),
      p99: quantile(times, 0.99),
    };
  };
}

/**
 * The same number of charges, awaited one by one, and then at once.
 *
 * @param {Scene} scene
 */
export async function burst(scene) {
  const count = 1_000;
  const page = await scene.open();
  const times = await page.enqueue(0, count);
  const awaited = times.reduce((sum, ms) => sum + ms, 0);
  return { awaited, together: await page.burst(count, count) };
}

/**
 * What writing costs where storage is on disk.
 *
 * @param {Scene} scene
 */
export async function onDisk(scene) {
  const { samples } = scene.plan;
  const page = await scene.open();
  const times = await page.enqueue(0, samples);
  const together = await page.burst(samples, 1_000);
  return { p50: quantile(times, 0.5), p99: quantile(times, 0.99), together };
}
