import { launch } from "../../tests/browser/support/browser.mjs";
import { DiskContext, TooSlow } from "./page.mjs";
import { NotSaved, Scene } from "./scene.mjs";
import { BenchServer } from "./server.mjs";

/** @typedef {import("./bundle.mjs").Bundle} Bundle */
/** @typedef {import("./report/run.mjs").Result} Result */
/** @typedef {import("./scenarios/index.mjs").Scenario} Scenario */
/** @typedef {import("./scene.mjs").Plan} Plan */
/** @typedef {import("./adapters/index.mjs").Adapter & { bundle: Bundle }} Contestant */

/** Rounds of scenarios, in which the adapters take turns. */
export class Series {
  #contestants;
  #steps;
  #plan;
  #delayMs;
  /** @type {Promise<import("playwright-core").Browser> | null} */
  #browser = null;
  /** @type {Result[]} */
  results = [];
  /** Rounds that are over. */
  rounds = 0;
  /** The browser's version. */
  chromium = "";

  /**
   * @param {Contestant[]} contestants
   * @param {Scenario[]} steps
   * @param {Plan} plan
   * @param {number} delayMs
   */
  constructor(contestants, steps, plan, delayMs) {
    this.#contestants = contestants;
    this.#steps = steps;
    this.#plan = plan;
    this.#delayMs = delayMs;
  }

  /** @param {() => void} afterRound */
  async run(afterRound) {
    for (let round = 0; round < this.#plan.rounds; round += 1) {
      const steps = this.#steps.filter(({ rounds, quickRounds }) => {
        return round < (this.#plan.isQuick ? Math.min(rounds, quickRounds) : rounds);
      });
      for (const scenario of steps.filter(({ together }) => !together)) {
        for (const one of this.#turns(scenario, round)) await this.#measure(one, scenario, round);
      }
      const waiting = steps
        .filter(({ together }) => together)
        .flatMap((scenario) => {
          return this.#turns(scenario, round).map((one) => ({ one, scenario }));
        });
      await Promise.all(waiting.map(({ one, scenario }) => this.#measure(one, scenario, round)));
      await (await this.#browser)?.close();
      this.rounds += 1;
      afterRound();
    }
  }

  /**
   * Who runs, each round beginning with another.
   *
   * @param {Scenario} scenario
   * @param {number} round
   */
  #turns(scenario, round) {
    const taking = this.#contestants.filter((one) => scenario.takes(one));
    const first = taking.length ? round % taking.length : 0;
    return [...taking.slice(first), ...taking.slice(0, first)].filter(
      ({ id }) => !this.#isHopeless(scenario, id),
    );
  }

  /**
   * Whether the adapter has been too slow for the scenario, or has failed at a smaller one.
   *
   * @param {Scenario} scenario
   * @param {string} adapter
   */
  #isHopeless(scenario, adapter) {
    const of = (/** @type {string} */ id) => {
      return this.results.filter((one) => one.scenario === id && one.adapter === adapter);
    };
    const smaller = of(scenario.after);
    return (
      of(scenario.id).some(({ verdict }) => verdict === "too slow") ||
      (smaller.length > 0 && smaller.every(({ figures }) => figures === undefined))
    );
  }

  /**
   * @param {Contestant} contestant
   * @param {Scenario} scenario
   * @param {number} round
   */
  async #measure(contestant, scenario, round) {
    const start = performance.now();
    const name = { round, scenario: scenario.id, adapter: contestant.id };
    /** @type {Result} */
    let result;
    try {
      result = { ...name, figures: rounded(await this.#perform(contestant, scenario)) };
    } catch (error) {
      result = { ...name, ...verdictOf(error) };
    }
    this.results.push(result);
    const ms = Math.round(performance.now() - start);
    const shown = JSON.stringify(result.figures ?? `${result.verdict}: ${result.detail}`);
    console.error(`${round + 1} ${scenario.id} ${contestant.id}, ${ms} ms: ${shown}`);
  }

  /**
   * @param {Contestant} contestant
   * @param {Scenario} scenario
   */
  async #perform(contestant, scenario) {
    const server = await BenchServer.start(contestant.bundle, this.#delayMs);
    const disk = scenario.onDisk ? new DiskContext() : null;
    /** @type {import("playwright-core").BrowserContext | null} */
    let context = null;
    try {
      context = disk ? await disk.start() : await this.#privateContext();
      const scene = new Scene(contestant, server, context, this.#plan, scenario.limitMs);
      return await scenario.run(scene);
    } finally {
      if (disk) await disk.remove();
      // One whose browser has crashed is closed already.
      else await context?.close().catch(() => {});
      server.stop();
    }
  }

  async #privateContext() {
    this.#browser ??= launch().then((browser) => {
      this.chromium = browser.version();
      // One that has crashed takes no other adapter with it.
      browser.once("disconnected", () => {
        this.#browser = null;
      });
      return browser;
    });
    return (await this.#browser).newContext();
  }
}

/**
 * Four places are more than any figure's noise.
 *
 * @param {Record<string, number>} figures
 */
function rounded(figures) {
  const entries = Object.entries(figures);
  return Object.fromEntries(entries.map(([name, value]) => [name, Math.round(value * 1e4) / 1e4]));
}

/**
 * Why there are no figures.
 *
 * @param {unknown} error
 */
function verdictOf(error) {
  const detail = String(error instanceof Error ? error.message : error).split("\n")[0] ?? "";
  if (error instanceof TooSlow) return { verdict: "too slow", detail };
  if (error instanceof NotSaved) return { verdict: "not saved", detail };
  return { verdict: /quota/i.test(detail) ? "over quota" : "error", detail };
}
