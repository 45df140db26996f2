import { setTimeout } from "node:timers/promises";

/** @typedef {import("../scene.mjs").Scene} Scene */

const HOUR_MS = 3_600_000;
/** After the last charge, until what follows it is over. */
const SETTLE_MS = 5_000;

/**
 * What a page with nothing to send does, an hour.
 *
 * @param {"visible" | "hidden"} visibility
 * @returns {(scene: Scene) => Promise<Record<string, number>>}
 */
export function idle(visibility) {
  return async (scene) => {
    await scene.context.addInitScript(countWakeUps);
    const page = await scene.open();
    await page.charge(0, 1);
    if (visibility === "hidden") await page.evaluate(hide);
    await setTimeout(SETTLE_MS);
    const before = { ...(await page.evaluate(wakeUps)), bytes: scene.server.bytes };
    await setTimeout(scene.plan.idleMs);
    const after = { ...(await page.evaluate(wakeUps)), bytes: scene.server.bytes };
    const anHour = HOUR_MS / scene.plan.idleMs;
    return {
      wakeUps: (after.timers + after.messages - before.timers - before.messages) * anHour,
      requests: (after.requests - before.requests) * anHour,
      bytes: (after.bytes - before.bytes) * anHour,
      stretchMs: scene.plan.idleMs,
    };
  };
}

/** Runs in the page before its scripts: counts timers that fire, messages of tabs, and requests. */
function countWakeUps() {
  const page = /** @type {any} */ (globalThis);
  const counts = { timers: 0, messages: 0, requests: 0 };
  page.wakeUps = counts;
  for (const name of ["setTimeout", "setInterval", "requestAnimationFrame"]) {
    const original = page[name];
    page[name] = (/** @type {any} */ callback, /** @type {unknown[]} */ ...rest) =>
      original(
        (/** @type {unknown[]} */ ...parameters) => {
          counts.timers += 1;
          return callback(...parameters);
        },
        ...rest,
      );
  }
  const { fetch, BroadcastChannel } = page;
  page.fetch = (/** @type {unknown[]} */ ...parameters) => {
    counts.requests += 1;
    return fetch(...parameters);
  };
  page.BroadcastChannel = class extends BroadcastChannel {
    /** @param {string} name */
    constructor(name) {
      super(name);
      this.addEventListener("message", () => {
        counts.messages += 1;
      });
    }
  };
}

function wakeUps() {
  return { .../** @type {any} */ (globalThis).wakeUps };
}

/** Runs in the page: says what the browser says of a page that was put in the background. */
function hide() {
  Object.defineProperty(document, "visibilityState", { configurable: true, value: "hidden" });
  Object.defineProperty(document, "hidden", { configurable: true, value: true });
  document.dispatchEvent(new Event("visibilitychange"));
}
