// @ts-check

/** More than there are between an answer of the module and the next call of whoever awaited it. */
const STEPS = 64;

/**
 * Resolves when those who have just been answered have gone on: after so many steps of microtasks, and
 * before the next task.
 */
export async function turnEnds() {
  for (let step = 0; step < STEPS; step += 1) {
    await null;
  }
}

/**
 * Resolves in a task of its own, after those that wait already. Unlike a timer's it is not put off in a
 * page that is not shown.
 *
 * @returns {Promise<void>}
 */
export function nextTask() {
  return new Promise((resolve) => {
    // jsdom has none.
    if (typeof MessageChannel === "undefined") {
      setTimeout(resolve);
      return;
    }
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(null);
  });
}
