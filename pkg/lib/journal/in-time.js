// @ts-check

/**
 * What `work` comes to; `late` where it takes longer.
 *
 * @template T
 * @template L
 * @param {number} limitMs
 * @param {L} late
 * @param {Promise<T>} work
 * @returns {Promise<T | L>}
 */
export async function inTime(limitMs, late, work) {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  const limit = new Promise((/** @type {(late: L) => void} */ resolve) => {
    timer = setTimeout(resolve, limitMs, late);
  });
  try {
    return await Promise.race([work, limit]);
  } finally {
    clearTimeout(timer);
  }
}
