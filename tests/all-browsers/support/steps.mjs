/**
 * Test steps that run in a page. Each is a script for `evaluate`, so it can't refer to this file.
 */

/** @typedef {Parameters<typeof globalThis.openClient>[0]} Options */

/** @param {Options} options */
export async function openClient(options) {
  globalThis.client = await globalThis.openClient(options);
}

/**
 * Lets the client learn that the server can't be reached: then it answers `queued` at once. A request
 * that was on its way may still be answered.
 */
export async function missTheServer() {
  while ((await globalThis.client.refreshBalance()).status === "fresh");
  return globalThis.client.getSnapshot().network;
}

/**
 * Charges one point for each task.
 *
 * @param {string[]} tasks
 */
export async function charge(tasks) {
  const charges = tasks.map((taskId) =>
    globalThis.client.charge({ taskId, amount: 1, feature: "asr" }),
  );
  const outcomes = await Promise.all(charges);
  return outcomes.map((outcome) => {
    const durable = "durable" in outcome ? outcome.durable : null;
    return { key: outcome.key, status: outcome.status, durable };
  });
}

/**
 * As `charge`, but does not wait for the outcomes.
 *
 * @param {string[]} tasks
 */
export function beginCharging(tasks) {
  globalThis.kept.outcomes = Promise.all(
    tasks.map((taskId) => globalThis.client.charge({ taskId, amount: 1, feature: "asr" })),
  );
}

/**
 * The statuses of the charges with these keys, once all have settled.
 *
 * @param {string[]} keys
 */
export async function settle(keys) {
  const outcomes = await Promise.all(keys.map((key) => globalThis.client.settled(key)));
  return outcomes.map((outcome) => outcome.status);
}

/**
 * The keys of the client's charges in these states.
 *
 * @param {import("tollbox").BillingStatus[]} status
 */
export async function keysIn(status) {
  const records = await globalThis.client.charges({ status, limit: 10_000 });
  return records.map((record) => record.key);
}

/**
 * As `settle`, but does not wait: `settled` does.
 *
 * @param {string[]} keys
 */
export function beginSettling(keys) {
  globalThis.kept.settled = Promise.all(keys.map((key) => globalThis.client.settled(key)));
}

/** The statuses of the charges that `beginSettling` waits for. */
export async function settled() {
  const outcomes = /** @type {import("tollbox").SettledOutcome[]} */ (
    await globalThis.kept.settled
  );
  return outcomes.map((outcome) => outcome.status);
}
