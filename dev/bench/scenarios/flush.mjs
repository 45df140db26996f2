/**
 * Sends so many stored charges.
 *
 * @param {number} count
 * @returns {(scene: import("../scene.mjs").Scene) => Promise<Record<string, number>>}
 */
export function flush(count) {
  return async (scene) => {
    const page = await scene.reopenWith(count);
    const ms = await page.flush();
    await page.close();
    return { ms, each: ms / count, ...(await scene.fate(count)) };
  };
}
