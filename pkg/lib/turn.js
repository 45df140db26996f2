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
