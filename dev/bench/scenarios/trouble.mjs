import { DiskContext } from "../page.mjs";

/** @typedef {import("../scene.mjs").Scene} Scene */

const STORED = 200;
const REFUSED_OF = 50;
const FLUSHES = 10;

/**
 * Two tabs with the same stored charges are told at once that the network is back.
 *
 * @param {Scene} scene
 */
export async function twoTabs(scene) {
  const first = await scene.reopenWith(STORED);
  const second = await scene.open();
  await Promise.all([first.flush(), second.flush()]);
  await Promise.all([first.close(), second.close()]);
  return scene.fate(STORED);
}

/**
 * The page dies in the middle of a flush.
 *
 * @param {import("../ledger.mjs").Fate} fate of the request in the middle
 * @returns {(scene: Scene) => Promise<Record<string, number>>}
 */
export function crash(fate) {
  return async (scene) => {
    const page = await scene.reopenWith(STORED);
    const middle = new Promise((resolve) => {
      scene.ledger.gate = ({ charges }) => {
        if (charges < STORED / 2) return "book";
        resolve(null);
        return fate;
      };
    });
    const flushing = page.flush().catch(() => {});
    await Promise.race([middle, flushing]);
    await page.crash();
    scene.ledger.gate = () => "book";
    const again = await scene.open();
    await again.flush();
    await again.close();
    return { found: again.started.count, ...(await scene.fate(STORED)) };
  };
}

/**
 * Every tenth charge is refused with 503 the first time; the page flushes until nothing is left.
 *
 * @param {Scene} scene
 */
export async function unavailable(scene) {
  const page = await scene.reopenWith(REFUSED_OF);
  const refused = new Set();
  scene.ledger.gate = ({ keys }) => {
    const unlucky = keys.filter((key) => Number(key.slice(-12)) % 10 === 5 && !refused.has(key));
    for (const key of unlucky) refused.add(key);
    return unlucky.length > 0 ? "fail" : "book";
  };
  let left = REFUSED_OF;
  for (let flushes = 0; flushes < FLUSHES && left > 0; flushes += 1) {
    await page.flush().catch(() => {});
    left = await page.count();
  }
  await page.close();
  return scene.fate(REFUSED_OF);
}

/**
 * The page dies right after the last awaited charge.
 *
 * @param {Scene} scene
 */
export async function pageKill(scene) {
  const page = await scene.open();
  await page.enqueue(0, STORED);
  await page.crash();
  const { count } = (await scene.open()).started;
  return { stored: STORED, survived: count };
}

/**
 * The whole browser is killed right after the last awaited charge.
 *
 * @param {Scene} scene
 */
export async function browserKill(scene) {
  const disk = new DiskContext();
  try {
    const page = await scene.openIn(await disk.start());
    await page.enqueue(0, STORED);
    await disk.kill();
    const { count } = (await scene.openIn(await disk.start())).started;
    return { stored: STORED, survived: count };
  } finally {
    await disk.remove();
  }
}
