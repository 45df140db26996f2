import { median } from "./statistics.mjs";

/** @typedef {import("../bundle.mjs").Size} Size */

/**
 * What one adapter came to in one round of one scenario: figures, or why there are none.
 *
 * @typedef {object} Result
 * @property {number} round
 * @property {string} scenario
 * @property {string} adapter
 * @property {Record<string, number>} [figures]
 * @property {string} [verdict] "too slow", "not saved", "over quota", "error"
 * @property {string} [detail]
 */

/**
 * Where and how a run was made.
 *
 * @typedef {object} Setting
 * @property {string} date
 * @property {boolean} quick
 * @property {number} rounds
 * @property {number} delayMs before every answer of the server
 * @property {number} minutes that it took
 * @property {string} chromium
 * @property {string} node
 * @property {string} system
 * @property {string} processor
 * @property {number} cores
 * @property {number} memoryGib
 * @property {[number, number]} load the computer's average of a minute, before and after
 * @property {string} commit
 */

/** @typedef {{ setting: Setting, sizes: Record<string, Size>, results: Result[] }} Recorded */

/** The median, smallest and largest of a figure over the rounds. */
/** @typedef {{ median: number, least: number, most: number, rounds: number }} Spread */

/** A run of the benchmark, to be asked for its figures. */
export class Run {
  setting;
  sizes;
  #results;

  /** @param {Recorded} recorded */
  constructor({ setting, sizes, results }) {
    this.setting = setting;
    this.sizes = sizes;
    this.#results = results;
  }

  /**
   * @param {string} scenario
   * @param {string} adapter
   */
  of(scenario, adapter) {
    return this.#results.filter((one) => one.scenario === scenario && one.adapter === adapter);
  }

  /** Adapters that the run has a size of, in its order. */
  get adapters() {
    return Object.keys(this.sizes);
  }

  /** Those that have no figures, and why. */
  get failures() {
    return this.#results.filter((one) => one.verdict !== undefined);
  }

  /**
   * One figure, by round.
   *
   * @param {string} scenario
   * @param {string} adapter
   * @param {string} figure
   * @returns {Map<number, number>}
   */
  byRound(scenario, adapter, figure) {
    /** @type {Map<number, number>} */
    const found = new Map();
    for (const { round, figures } of this.of(scenario, adapter)) {
      const value = figures?.[figure];
      if (value !== undefined && Number.isFinite(value)) found.set(round, value);
    }
    return found;
  }

  /**
   * @param {string} scenario
   * @param {string} adapter
   * @param {string} figure
   * @returns {Spread | null}
   */
  spread(scenario, adapter, figure) {
    return spreadOf([...this.byRound(scenario, adapter, figure).values()]);
  }

  /**
   * A figure divided by another adapter's within each round.
   *
   * @param {string} scenario
   * @param {string} adapter
   * @param {string} figure
   * @param {string} base the other adapter
   * @returns {Spread | null}
   */
  ratio(scenario, adapter, figure, base) {
    const below = this.byRound(scenario, base, figure);
    const ratios = [...this.byRound(scenario, adapter, figure)].flatMap(([round, value]) => {
      const divisor = below.get(round);
      return divisor ? [value / divisor] : [];
    });
    return spreadOf(ratios);
  }
}

/**
 * @param {number[]} values
 * @returns {Spread | null}
 */
export function spreadOf(values) {
  if (values.length === 0) return null;
  return {
    median: median(values),
    least: Math.min(...values),
    most: Math.max(...values),
    rounds: values.length,
  };
}
