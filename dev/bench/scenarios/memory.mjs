/** @typedef {import("../scene.mjs").Scene} Scene */
/** @typedef {import("../page.mjs").BenchPage} BenchPage */

const SETTLED = 500;
const OPEN = 10_000;

/**
 * A page with so many open charges, after so many others were settled: at its start, and with all of
 * the open ones read and kept.
 *
 * @param {Scene} scene
 */
export async function memory(scene) {
  if (scene.adapter.hasNoQueue) return used(await scene.open());
  const page = await scene.reopenWith(SETTLED);
  await page.flush();
  await page.close();
  // Each page starts offline.
  const filling = await scene.open();
  await filling.fill(SETTLED, OPEN);
  await filling.close();
  const next = await scene.open();
  const start = await used(next);
  await next.keep();
  return { ...start, kept: (await used(next)).heap };
}

/** @param {BenchPage} page */
async function used(page) {
  const session = await page.session();
  for (let times = 0; times < 3; times += 1) await session.send("HeapProfiler.collectGarbage");
  const { usedSize } = await session.send("Runtime.getHeapUsage");
  const wasm = await page.wasmBytes();
  return { heap: usedSize, wasm, together: usedSize + wasm };
}
