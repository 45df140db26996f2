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
 * Resolves when the work has ended, or the time is up.
 *
 * @param {number} ms
 * @param {Promise<unknown>} work
 */
export async function orLate(ms, work) {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  const late = new Promise((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  try {
    await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
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
