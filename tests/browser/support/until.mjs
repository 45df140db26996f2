import { DEADLINE_MS } from "./browser.mjs";

/**
 * Polls until the result is truthy, and gives it. Fails after the deadline with `what` and the last
 * result.
 *
 * @template T
 * @param {string | (() => string)} what
 * @param {() => T | Promise<T>} probe
 * @param {number} deadlineMs
 * @param {number} everyMs the pause between two polls
 * @returns {Promise<NonNullable<T>>}
 */
export async function until(what, probe, deadlineMs = DEADLINE_MS, everyMs = 20) {
  const deadline = Date.now() + deadlineMs;
  for (;;) {
    const answer = await probe();
    if (answer) return answer;
    if (Date.now() > deadline)
      throw new Error(`never came: ${typeof what === "string" ? what : what()}`);
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
}
