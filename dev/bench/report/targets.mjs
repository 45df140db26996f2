import { FLOOR, OURS } from "../adapters/index.mjs";
import { FLUSHES } from "../scenarios/index.mjs";
import { NONE, number, range, table, times } from "./format.mjs";
import { spreadOf } from "./run.mjs";

/** @typedef {import("./run.mjs").Run} Run */

/** What a single task of the main thread may take, in ms. */
const LONGEST_TASK_MS = 50;
/** By how much a charge of a large flush may cost more than one of a small. */
const EVEN = 1.25;

/**
 * A promise about speed.
 *
 * @typedef {object} Target
 * @property {string} name
 * @property {string} before what it was when the target was set
 * @property {string} limit
 * @property {(run: Run) => { text: string, met: boolean } | null} measure null where not measured
 */

/** @type {Target[]} */
const TARGETS = [
  against("online charge, p50 ÷ raw fetch, ours ÷ floor's", "online", "p50", "1.5", 1.15),
  against("one awaited offline charge, empty, ÷ floor", "depth-0", "p50", "3.5", 1.5),
  against("the same, 1,000 deep", "depth-1000", "p50", "2.9", 1.5),
  against("the same, 10,000 deep", "depth-10000", "p50", "2.3", 1.5),
  against("the same, of 1,000 one after the other", "burst", "awaited", NONE, 1.5),
  against("1,000 at once ÷ floor", "burst", "together", "0.83", 0.8),
  opening(0, "98 ms"),
  opening(10_000, "577 ms"),
  {
    name: "longest task until all is read, 10,000 open",
    before: NONE,
    limit: `${LONGEST_TASK_MS} ms`,
    measure: (run) => {
      const spread = run.spread("depth-10000", OURS, "longest");
      if (!spread) return null;
      const text = spread.most ? `${range(spread)} ms` : `< ${LONGEST_TASK_MS} ms`;
      return { text, met: spread.most <= LONGEST_TASK_MS };
    },
  },
  against("all read, 10,000, ÷ floor", "depth-10000", "loaded", "6.7", 2),
  against("flush of 1,000 ÷ floor", "flush-1000", "each", "3.5", 1.75),
  against("flush of 10,000 ÷ floor", "flush-10000", "each", NONE, 1.75),
  {
    name: "flush per charge, dearest ÷ cheapest of 100 to 50,000",
    before: "grows",
    limit: String(EVEN),
    measure: (run) => {
      const counts = FLUSHES.filter((count) => run.spread(`flush-${count}`, OURS, "each"));
      const ours = unevenness(run, OURS, counts);
      const floors = unevenness(run, FLOOR, counts);
      if (!ours) return null;
      const all = counts.map((count) =>
        number(run.spread(`flush-${count}`, OURS, "each")?.median ?? Number.NaN),
      );
      const sizes = counts.map((count) => count.toLocaleString("en")).join(", ");
      const floor = floors ? `; the floor's own ${floors.median.toFixed(2)}` : "";
      const text = `${range(ours, (value) => value.toFixed(2))}: ${all.join(", ")} ms of ${sizes}${floor}`;
      return { text, met: counts.length === FLUSHES.length && ours.median <= EVEN };
    },
  },
  reading("balance()", "balanceNs"),
  reading("getSnapshot()", "snapshotNs"),
  {
    name: "calls into the module by both",
    before: NONE,
    limit: "0",
    measure: (run) => {
      const spread = run.spread("reads", OURS, "crossings");
      return spread && { text: range(spread), met: spread.most === 0 };
    },
  },
  {
    name: "cached balance, before the module",
    before: "after it",
    limit: "before it",
    measure: (run) => {
      const first = run.spread("paint", OURS, "firstUs");
      const ready = run.spread("paint", OURS, "readyMs");
      const since = run.spread("paint", OURS, "sinceStartMs");
      if (!first || !ready || !since) return null;
      const text = `${range(first)} µs, when the client is ready after ${number(ready.median)} ms`;
      return { text, met: since.most < ready.least };
    },
  },
];

/**
 * The dearest charge by the cheapest, of flushes of these sizes, in each round.
 *
 * @param {Run} run
 * @param {string} id
 * @param {number[]} counts
 */
function unevenness(run, id, counts) {
  const sizes = counts.map((count) => run.byRound(`flush-${count}`, id, "each"));
  const [first, ...others] = sizes;
  const rounds = [...(first?.keys() ?? [])].filter((round) => others.every((of) => of.has(round)));
  const ratios = rounds.map((round) => {
    const each = sizes.map((of) => of.get(round) ?? Number.NaN);
    return Math.max(...each) / Math.min(...each);
  });
  return others.length > 0 ? spreadOf(ratios) : null;
}

/**
 * The table of targets, in Markdown.
 *
 * @param {Run} run
 */
export function speedTable(run) {
  const rows = TARGETS.map(({ name, before, limit, measure }) => {
    const measured = measure(run);
    const mark = measured && (measured.met ? "✓ " : "✗ ");
    return [name, before, limit, measured ? `${mark}${measured.text}` : "not measured"];
  });
  return table(["", "today", "at most", "measured"], rows);
}

/**
 * A figure divided by the floor's.
 *
 * @param {string} name
 * @param {string} scenario
 * @param {string} figure
 * @param {string} before
 * @param {number} limit
 * @returns {Target}
 */
function against(name, scenario, figure, before, limit) {
  return {
    name,
    before,
    limit: String(limit),
    measure: (run) => {
      const ratio = run.ratio(scenario, OURS, figure, FLOOR);
      return (
        ratio && { text: range(ratio, (value) => value.toFixed(2)), met: ratio.median <= limit }
      );
    },
  };
}

/**
 * Until the client is ready, without the module's own start.
 *
 * @param {number} depth
 * @param {string} before
 * @returns {Target}
 */
function opening(depth, before) {
  const scenario = `depth-${depth}`;
  return {
    name: `\`openBilling\` until ready, ${depth.toLocaleString("en")} open`,
    before,
    // Its queue is the one noted in localStorage: nothing must be read.
    limit: "the floor's + the module's start",
    measure: (run) => {
      const floor = run.byRound(scenario, FLOOR, "ready");
      const module = run.byRound(scenario, OURS, "module");
      const ready = run.byRound(scenario, OURS, "ready");
      const rounds = [...ready.keys()].filter((round) => floor.has(round));
      const at = (/** @type {Map<number, number>} */ map, /** @type {number} */ round) => {
        return map.get(round) ?? Number.NaN;
      };
      const limits = rounds.map((round) => {
        return at(floor, round) + at(module, round);
      });
      const limit = spreadOf(limits);
      const taken = spreadOf(rounds.map((round) => at(ready, round)));
      const share = spreadOf(rounds.map((round, index) => at(ready, round) / (limits[index] ?? 0)));
      const start = spreadOf(rounds.map((round) => at(module, round)));
      if (!limit || !taken || !share || !start) return null;
      const text = `${range(taken)} ms, of them ${number(start.median)} for the module; at most ${number(limit.median)}: ${times(share)} of it`;
      return { text, met: share.median <= 1 };
    },
  };
}

/**
 * @param {string} call
 * @param {string} figure
 * @returns {Target}
 */
function reading(call, figure) {
  return {
    name: `\`${call}\``,
    before: NONE,
    limit: "1 µs",
    measure: (run) => {
      const spread = run.spread("reads", OURS, figure);
      return spread && { text: `${range(spread)} ns`, met: spread.median < 1_000 };
    },
  };
}
