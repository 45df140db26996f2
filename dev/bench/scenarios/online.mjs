import { quantile } from "../report/statistics.mjs";

const WARM_UP = 20;

/**
 * Charges online, one after the other.
 *
 * @param {import("../scene.mjs").Scene} scene
 */
export async function online(scene) {
  const count = scene.plan.samples * 2;
  const page = await scene.open();
  await page.charge(0, WARM_UP);
  const times = await page.charge(WARM_UP, count);
  return {
    p50: quantile(times, 0.5),
    p95: quantile(times, 0.95),
    lost: scene.unbooked(count + WARM_UP),
  };
}
