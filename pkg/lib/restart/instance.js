// @ts-check
/**
 * The module's instance, which all clients of the page share: loaded once, and after its death made
 * anew from the same compiled code.
 */

import init, { __wbg_reset_state, Client } from "../../wasm/tollbox.js";
import { BillingError, messageOf } from "../error.js";
import { closeAll } from "../journal/database.js";
import { compiled } from "../module.js";
import { abandon, onThrow, replaced } from "./closures.js";

/** @import * as Api from "../../index.js" */

/** So many deaths within `WITHIN_MS`, and it is started again only when some time has passed. */
const MOST_DEATHS = 5;
const WITHIN_MS = 60_000;

/** What the glue says of a function that the module has let go of, and it harms nobody. */
const LATE_CLOSURE = /closure invoked recursively or after being dropped/;

let isLoaded = false;
/** The loads under way, by what they are from. @type {Map<unknown, Promise<void>>} */
const loading = new Map();
let arrived = () => {};
/** The first that comes is everybody's. @type {Promise<void>} */
const loaded = new Promise((resolve) => {
  arrived = resolve;
});
/** The next instance, while there is none. @type {Promise<void> | null} */
let restarting = null;
let dead = false;
/** When it died lately. @type {number[]} */
let deaths = [];
/** @type {Set<(detail: string) => void>} */
const listeners = new Set();

onThrow((error) => {
  if (isDeath(error)) {
    died(error);
  }
});

/**
 * Loads the module, which the whole page shares: from here, unless it is there already. A load that
 * failed is tried again by the next call.
 *
 * @param {Api.BillingOptions["module"]} source
 */
export async function load(source) {
  if (isLoaded) {
    return;
  }
  const place = source instanceof URL ? source.href : source;
  const own = loading.get(place) ?? loadFrom(place);
  loading.set(place, own);
  // Somebody else's load may hang, or fail: that says nothing about this one.
  await Promise.race([loaded, own]);
}

/** @param {Api.BillingOptions["module"]} source */
async function loadFrom(source) {
  try {
    await init({ module_or_path: await compiled(source) });
    isLoaded = true;
    arrived();
  } catch (error) {
    throw loadFailed(`the billing module can't be loaded: ${messageOf(error)}`);
  } finally {
    loading.delete(source);
  }
}

/**
 * The core's class, of the instance in use. The module has been loaded before.
 *
 * @returns {Promise<typeof Client>}
 */
export async function instance() {
  while (dead) {
    restarting ??= restart().finally(() => {
      restarting = null;
    });
    await restarting;
  }
  return Client;
}

/**
 * Calls `listener` at every death; the function that is returned ends that.
 *
 * @param {(detail: string) => void} listener what it died of
 * @returns {() => void}
 */
export function onDeath(listener) {
  listeners.add(listener);
  return () => void listeners.delete(listener);
}

/** Whether the instance in use has died. */
export function isDead() {
  return dead;
}

/** Whether it is started again: not after so many deaths of late. */
export function canRestart() {
  const now = performance.now();
  deaths = deaths.filter((at) => at > now - WITHIN_MS);
  return deaths.length < MOST_DEATHS;
}

/** How long it rests before it may be started again, in milliseconds; 0 where it need not. */
export function restsForMs() {
  const now = performance.now();
  const late = deaths.filter((at) => at > now - WITHIN_MS).at(-MOST_DEATHS);
  return late === undefined ? 0 : late + WITHIN_MS - now;
}

/**
 * The instance has died of this. All that are open in the page die with it.
 *
 * @param {unknown} error
 */
export function died(error) {
  if (dead) {
    return;
  }
  dead = true;
  abandon();
  closeAll();
  deaths.push(performance.now());
  for (const listener of [...listeners]) {
    listener(messageOf(error));
  }
}

/**
 * Whether the module has died of what it let pass: its own refusals are no Errors. A trap, which every
 * panic ends in, and an exception that somebody threw through it, both cut it short.
 *
 * @param {unknown} error
 */
export function isDeath(error) {
  return error instanceof Error && !LATE_CLOSURE.test(error.message);
}

async function restart() {
  // Later than whatever of the dead instance is still running.
  await null;
  if (!canRestart()) {
    throw loadFailed(
      `the billing module has died ${MOST_DEATHS} times within a minute and rests until that is over`,
    );
  }
  try {
    __wbg_reset_state();
  } catch (error) {
    throw loadFailed(`the billing module can't be started again: ${messageOf(error)}`);
  }
  dead = false;
  replaced();
}

/** @param {string} message */
function loadFailed(message) {
  return new BillingError("module_load_failed", message);
}
