// @ts-check
/** How long is waited, and for whom. */

/** `setTimeout` takes no more, and what is longer fires at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/**
 * What a timer takes of a wait: as long as it can be.
 *
 * @param {number} ms
 */
export function timerMs(ms) {
  return ms < LONGEST_TIMER_MS ? ms : LONGEST_TIMER_MS;
}

/**
 * What the work comes to, unless the signal aborts first: then this rejects with its reason.
 *
 * @template T
 * @param {AbortSignal} signal
 * @param {() => Promise<T>} work
 * @returns {Promise<T>}
 */
export async function orAborted(signal, work) {
  signal.throwIfAborted();
  /** @type {() => void} */
  let abort = () => {};
  /** @type {Promise<never>} */
  const aborted = new Promise((_, reject) => {
    abort = () => reject(signal.reason);
  });
  signal.addEventListener("abort", abort);
  try {
    return await Promise.race([aborted, work()]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}
