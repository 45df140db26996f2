/** @typedef {import("../scene.mjs").Scene} Scene */

const CALLS = 1_000_000;
/** With every call into the module counted. */
const COUNTED_CALLS = 1_000;

/**
 * `balance()` and `getSnapshot()`, and how often they call into the module.
 *
 * @param {Scene} scene
 */
export async function reads(scene) {
  const page = await scene.open();
  await page.charge(0, 1);
  const { balanceNs, snapshotNs } = await page.reads(CALLS);
  await page.close();
  const counted = await scene.open("?count");
  await counted.charge(1, 1);
  const { crossings } = await counted.reads(COUNTED_CALLS);
  return { balanceNs, snapshotNs, crossings };
}

/**
 * The cached balance at the very start of a page that has been here before.
 *
 * @param {Scene} scene
 */
export async function firstPaint(scene) {
  const page = await scene.open();
  await page.charge(0, 1);
  await page.close();
  const next = await scene.open("?paint");
  const { found, sinceStartMs, firstUs, eachUs } = await next.painted();
  if (found === null) throw new Error("no balance was cached");
  return { sinceStartMs, firstUs, eachUs, readyMs: next.started.readyMs };
}
