// @ts-check

import { BillingError } from "./error.js";

/** @import * as Api from "../index.js" */
/** @import { LastingCore } from "./core.js" */

/** Tasks that are running, by client and key: two calls for one task run its work once. */
/** @type {WeakMap<LastingCore, Map<string, Promise<any>>>} */
const running = new WeakMap();

/**
 * Runs `work` only if the balance allows it, holds the points meanwhile, charges when it is done.
 *
 * @template T
 * @param {Api.BillingClient} client
 * @param {LastingCore} core
 * @param {Api.ChargeRequest} request
 * @param {() => Promise<T>} work
 * @returns {Promise<Api.TaskOutcome<T>>}
 */
export async function runTask(client, core, request, work) {
  // What is charged later is what was asked now, whatever the caller does to the object.
  const asked = structuredClone(request);
  const key = await core.ask((core) => core.keyOf(asked));
  const tasks = running.get(core) ?? new Map();
  running.set(core, tasks);
  const known = tasks.get(key);
  if (known) {
    return known;
  }
  const task = run(client, core, key, asked, work).finally(() => tasks.delete(key));
  tasks.set(key, task);
  return task;
}

/**
 * @template T
 * @param {Api.BillingClient} client
 * @param {LastingCore} core
 * @param {string} key
 * @param {Api.ChargeRequest} request
 * @param {() => Promise<T>} work
 * @returns {Promise<Api.TaskOutcome<T>>}
 */
async function run(client, core, key, request, work) {
  const refusal = await start(client, core, request);
  if (refusal) {
    return { task: "not_started", billing: refusal };
  }
  core.keepHold(key, request);
  let value;
  try {
    value = await work();
  } catch (error) {
    core.endHold(key, false);
    return { task: "failed", error, billing: null };
  }
  const billing = bill(client, request);
  core.endHold(key, true);
  return { task: "completed", value, billing: await billing };
}

/**
 * The charge of finished work. Whatever happens to the charge, the work is done and is not lost.
 *
 * @param {Api.BillingClient} client
 * @param {Api.ChargeRequest} request
 * @returns {Promise<Api.ChargeOutcome>}
 */
async function bill(client, request) {
  const { taskId, amount, key = `${request.feature}:${taskId}` } = request;
  try {
    return await client.charge(request);
  } catch (error) {
    const detail = error instanceof Error ? error.message : String(error);
    const base = { key, taskId, amount, attempts: 0, detail };
    const code = error instanceof BillingError ? error.code : null;
    if (code === "closed" || code === "module_load_failed") {
      // There was nobody to be asked to charge: nothing was sent or stored.
      return { ...base, status: "failed", reason: "cancelled", retryable: true };
    }
    // Whatever else went wrong, nothing is certain.
    return { ...base, status: "unknown", reason: "timeout", resolving: true, durable: false };
  }
}

/**
 * Holds the points, or says why the work may not start. Before a balance is believed to be too
 * low, the server is asked: somebody may have topped it up.
 *
 * @param {Api.BillingClient} client
 * @param {LastingCore} core
 * @param {Api.ChargeRequest} request
 * @returns {Promise<Api.Declined | Api.Failed | null>}
 */
async function start(client, core, request) {
  const refusal = await core.ask((core) => core.startTask(request));
  if (refusal?.status !== "declined") {
    return refusal;
  }
  await client.refreshBalance();
  return core.ask((core) => core.startTask(request));
}
