// @ts-check
/**
 * The module's instance, which all clients of the page share: loaded once, and after its death made
 * anew from the same compiled code.
 */

import init, { __wbg_reset_state, Client } from "../wasm/tollbox.js";
import { abandon, onThrow, replaced } from "./closures.js";
import { BillingError } from "./error.js";

/** So many deaths within `WITHIN_MS`, and it is started again only when some time has passed. */
const MOST_DEATHS = 5;
const WITHIN_MS = 60_000;

/** What the glue says of a function that the module has let go of, and it harms nobody. */
const LATE_CLOSURE = /closure invoked recursively or after being dropped/;

/** @type {Promise<unknown> | null} */
let loading = null;
/** The next instance, while there is none. @type {Promise<void> | null} */
let restarting = null;
let dead = false;
/** When it died lately. @type {number[]} */
let deaths = [];
/** @type {Set<(detail: string) => void>} */
const mourners = new Set();

onThrow((error) => {
  if (isDeath(error)) {
    died(error);
  }
});

/**
 * The core's class, once its module is there. A load that failed is tried again by the next call.
 *
 * @returns {Promise<typeof Client>}
 */
export async function instance() {
  // A literal URL beside this file: bundlers see it and take the module along.
  loading ??= init({ module_or_path: new URL("../wasm/tollbox_bg.wasm", import.meta.url) });
  try {
    await loading;
  } catch (error) {
    loading = null;
    throw loadFailed(`the billing module can't be loaded: ${messageOf(error)}`);
  }
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
  mourners.add(listener);
  return () => void mourners.delete(listener);
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
  deaths.push(performance.now());
  for (const listener of [...mourners]) {
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

/** @param {unknown} error */
function messageOf(error) {
  return error instanceof Error ? error.message : String(error);
}
