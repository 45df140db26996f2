import { FLOOR, OURS } from "../adapters/index.mjs";
import { atDepth, burst, onDisk } from "./depth.mjs";
import { flush } from "./flush.mjs";
import { withAccounts, withTabs } from "./growth.mjs";
import { idle } from "./idle.mjs";
import { memory } from "./memory.mjs";
import { online } from "./online.mjs";
import { firstPaint, reads } from "./reads.mjs";
import { browserKill, crash, pageKill, twoTabs, unavailable } from "./trouble.mjs";

/** @typedef {import("../adapters/index.mjs").Adapter} Adapter */

/**
 * @typedef {object} Scenario
 * @property {string} id
 * @property {(scene: import("../scene.mjs").Scene) => Promise<Record<string, number>>} run
 * @property {(adapter: Adapter) => boolean} takes
 * @property {boolean} isQuick whether the quick mode runs it
 * @property {number} rounds at most
 * @property {number} quickRounds at most in the quick mode
 * @property {number} limitMs of each operation in a page
 * @property {string} after not tried for an adapter that has no figures of this scenario
 * @property {boolean} onDisk whether storage is on disk, and not in memory
 * @property {boolean} together whether all adapters run at once, because they only wait
 */

/** What runs where nothing else is said. */
const ORDINARY = {
  takes: (/** @type {Adapter} */ adapter) => !adapter.hasNoQueue,
  isQuick: false,
  rounds: Number.POSITIVE_INFINITY,
  quickRounds: Number.POSITIVE_INFINITY,
  limitMs: 60_000,
  after: "",
  onDisk: false,
  together: false,
};

const ours = { takes: (/** @type {Adapter} */ { id }) => id === OURS };
const compared = { takes: (/** @type {Adapter} */ { id }) => id === OURS || id === FLOOR };
const batching = { takes: (/** @type {Adapter} */ { batches }) => batches === true };
const everybody = { takes: () => true };
const quick = { isQuick: true };
const once = { isQuick: true, quickRounds: 1 };
const deep = { limitMs: 180_000, rounds: 2 };

/** Queue depths that are measured. */
export const DEPTHS = [0, 1_000, 10_000, 50_000];
/** Numbers of charges that are flushed. */
export const FLUSHES = [100, 1_000, 10_000, 50_000];
/** Numbers of tabs, and of accounts. */
export const NUMBERS = [1, 4, 16];

/**
 * @param {string} id
 * @param {Scenario["run"]} run
 * @param {Partial<Scenario>[]} differing
 * @returns {Scenario}
 */
function scenario(id, run, ...differing) {
  return Object.assign({ ...ORDINARY, id, run }, ...differing);
}

/** @type {Scenario[]} */
export const scenarios = [
  scenario("online", online, everybody, quick),
  scenario("depth-0", atDepth(0), quick),
  scenario("depth-1000", atDepth(1_000), quick),
  scenario("depth-10000", atDepth(10_000), quick, { rounds: 3, after: "depth-1000" }),
  scenario("depth-50000", atDepth(50_000), deep, { after: "depth-10000" }),
  scenario("burst", burst, quick),
  scenario("disk", onDisk, once, { onDisk: true }),
  scenario("flush-100", flush(100), quick),
  scenario("flush-1000", flush(1_000), quick),
  scenario("flush-10000", flush(10_000), batching, once, { rounds: 3 }),
  scenario("flush-50000", flush(50_000), batching, deep, { limitMs: 400_000 }),
  scenario("reads", reads, ours, quick),
  scenario("paint", firstPaint, ours, quick),
  scenario("two-tabs", twoTabs, once, { rounds: 3 }),
  scenario("crash-answer", crash("mute"), { rounds: 3 }),
  scenario("crash-request", crash("drop"), { rounds: 3 }),
  scenario("unavailable", unavailable, once, { rounds: 3 }),
  scenario("page-kill", pageKill, { rounds: 3 }),
  scenario("browser-kill", browserKill, once, { rounds: 3 }),
  scenario("memory", memory, everybody, once, { rounds: 1, after: "depth-10000" }),
  ...NUMBERS.map((count) => {
    return scenario(`tabs-${count}`, withTabs(count), compared, { rounds: 3 });
  }),
  ...NUMBERS.map((count) => {
    return scenario(`accounts-${count}`, withAccounts(count), ours, { rounds: 3 });
  }),
  .../** @type {const} */ (["visible", "hidden"]).map((visibility) => {
    const together = { rounds: 1, together: true };
    return scenario(`idle-${visibility}`, idle(visibility), quick, together);
  }),
];
