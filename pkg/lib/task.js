// @ts-check

import { checkRequest } from "./arguments.js";
import { BillingError, mistake } from "./error.js";
import { unknownOutcome } from "./restart/unknown-outcome.js";

/** @import * as Api from "../index.js" */
/** @import { RestartingCore } from "./restart/restarting-core.js" */
/** @import { ClientHost } from "./host.js" */

/**
 * What the work is given.
 *
 * @typedef {object} Task
 * @property {(points: number) => void} setAmount
 */

/**
 * The outcomes of running tasks, by client, and by what the core tells tasks apart by: two calls for
 * one task run its work once.
 *
 * @type {WeakMap<RestartingCore, Map<string, Promise<Api.TaskOutcome<any>>>>}
 */
const running = new WeakMap();

/**
 * Runs `work` only if the balance allows it, holds the points meanwhile, charges when it is done.
 *
 * @template T
 * @param {Api.BillingClient} client
 * @param {RestartingCore} core
 * @param {ClientHost} host
 * @param {Api.ChargeRequest} request
 * @param {(task: Task) => Promise<T>} work
 * @returns {Promise<Api.TaskOutcome<T>>}
 */
export async function runTask(client, core, host, request, work) {
  // What is charged later is what was asked now.
  const asked = checkRequest(request);
  const text = JSON.stringify(asked);
  const { key, identity } = await core.ask((core) => core.taskOf(text));
  const tasks = running.get(core) ?? new Map();
  running.set(core, tasks);
  let outcome = tasks.get(identity);
  if (!outcome) {
    outcome = run(client, core, host, key, asked, work).finally(() => tasks.delete(identity));
    tasks.set(identity, outcome);
  }
  return outcome;
}

/**
 * @template T
 * @param {Api.BillingClient} client
 * @param {RestartingCore} core
 * @param {ClientHost} host
 * @param {string} key
 * @param {Api.ChargeRequest} request
 * @param {(task: Task) => Promise<T>} work
 * @returns {Promise<Api.TaskOutcome<T>>}
 */
async function run(client, core, host, key, request, work) {
  const text = JSON.stringify(request);
  /** @type {Api.Declined | Api.Failed | null} */
  const refusal = await core.ask((core) => core.startTask(text, false));
  if (refusal) {
    return { task: "not_started", billing: refusal };
  }
  core.keepHold(key, request);
  const price = new Price(request.amount);
  let value;
  try {
    value = await work({ setAmount: (points) => price.set(points) });
  } catch (error) {
    core.endHold(key, false);
    return { task: "failed", error, billing: null };
  } finally {
    price.isFinal = true;
  }
  const billing = await bill(client, host, key, { ...request, amount: price.amount });
  endHold(client, core, host, billing);
  return { task: "completed", value, billing };
}

/** What work costs: what is held for it, until it says that it is less. */
class Price {
  /** The work has ended. */
  isFinal = false;
  #held;

  /** @param {number} held */
  constructor(held) {
    this.#held = held;
    this.amount = held;
  }

  /** @param {number} points */
  set(points) {
    if (this.isFinal) {
      throw new BillingError("invalid_argument", "setAmount comes too late: the work has ended");
    }
    if (!Number.isSafeInteger(points) || points < 1 || points > this.#held) {
      throw mistake("points", `whole, 1 to the ${this.#held} that are held`, points);
    }
    this.amount = points;
  }
}

/**
 * Ends the hold of a task whose charge a core has, which holds the points for it. Where the core died
 * before that, the next one holds them for the task until it is asked for the charge.
 *
 * @param {Api.BillingClient} client
 * @param {RestartingCore} core
 * @param {ClientHost} host
 * @param {Api.ChargeOutcome} billing
 */
async function endHold(client, core, host, { key, status }) {
  if (status === "unknown" && !host.openRecord(key)) {
    // It waits for that core. A client that is closed, or can't be started again, holds nothing.
    await client.getCharge(key).catch(() => {});
  }
  core.endHold(key, true);
}

/**
 * The charge of finished work. Whatever happens to the charge, the work is done and is not lost.
 *
 * @param {Api.BillingClient} client
 * @param {ClientHost} host
 * @param {string} key
 * @param {Api.ChargeRequest} request
 * @returns {Promise<Api.ChargeOutcome>}
 */
async function bill(client, host, key, request) {
  const { taskId, amount } = request;
  try {
    return await client.charge(request);
  } catch (error) {
    // Where the client was closed or signed out meanwhile, this call has sent nothing. But an earlier
    // one, or another tab, may have charged the same key, or be about to: nothing is certain. And
    // this client does not find out.
    const isClosed = error instanceof BillingError && error.code === "closed";
    const goesOn = !isClosed && host.openRecord(key) !== undefined;
    const message = error instanceof Error ? error.message : String(error);
    const detail = isClosed ? host.say(message, "客户端已关闭或已退出登录") : message;
    return unknownOutcome({ key, taskId, amount }, host, { detail, goesOn });
  }
}
