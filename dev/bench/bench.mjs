/**
 * Measures Tollbox beside its peers, each in a page of its own against a small billing server. Run by
 * `cargo xtask bench`, which builds and installs what it needs.
 */

import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { cpus, loadavg, totalmem, type } from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { adapters } from "./adapters/index.mjs";
import { bundle } from "./bundle.mjs";
import { markdown } from "./report/markdown.mjs";
import { writePage } from "./report/page.mjs";
import { Run } from "./report/run.mjs";
import { speedTable } from "./report/targets.mjs";
import { scenarios } from "./scenarios/index.mjs";
import { Series } from "./series.mjs";

/** @typedef {import("./scene.mjs").Plan} Plan */
/** @typedef {import("./series.mjs").Contestant} Contestant */
/** @typedef {import("./report/run.mjs").Recorded} Recorded */

const ROOT = path.resolve(import.meta.dirname, "../..");

/** @type {Plan} */
const FULL = { isQuick: false, rounds: 5, samples: 100, idleMs: 660_000 };
/** @type {Plan} */
const QUICK = { isQuick: true, rounds: 2, samples: 50, idleMs: 20_000 };
/** Without other word, the quick mode takes these. */
const QUICK_ADAPTERS = ["raw-fetch", "idb-strict", "dexie", "tollbox"];

const text = /** @type {const} */ ({ type: "string" });
const flag = /** @type {const} */ ({ type: "boolean", default: false });
const { values: options } = parseArgs({
  options: {
    quick: flag,
    write: flag,
    rounds: text,
    adapters: text,
    scenarios: text,
    "delay-ms": { ...text, default: "0" },
    from: text,
    out: { ...text, default: "target/bench" },
  },
});

const OUT = path.resolve(ROOT, options.out);

const recorded = options.from ? JSON.parse(readFileSync(options.from, "utf8")) : await measure();
report(recorded);

/** @returns {Promise<Recorded>} */
async function measure() {
  const plan = { ...(options.quick ? QUICK : FULL) };
  if (options.rounds) plan.rounds = whole("rounds", options.rounds, 1);
  const delayMs = whole("delay-ms", options["delay-ms"], 0);
  const byDefault = options.quick ? QUICK_ADAPTERS : adapters.map(({ id }) => id);
  const chosen = pick("adapter", adapters, options.adapters?.split(",") ?? byDefault);
  const ordinary = scenarios.filter(({ isQuick }) => isQuick || !options.quick);
  const steps = pick(
    "scenario",
    scenarios,
    options.scenarios?.split(",") ?? ordinary.map(({ id }) => id),
  );
  /** @type {Contestant[]} */
  const contestants = [];
  for (const adapter of chosen) contestants.push({ ...adapter, bundle: await bundle(adapter) });

  const start = performance.now();
  const before = loadavg()[0] ?? 0;
  const series = new Series(contestants, steps, plan, delayMs);
  const soFar = () => ({
    setting: {
      date: new Date().toISOString().slice(0, 10),
      quick: options.quick,
      rounds: series.rounds,
      delayMs,
      minutes: (performance.now() - start) / 60_000,
      chromium: series.chromium,
      node: process.versions.node,
      system: type(),
      processor: cpus()[0]?.model ?? "unknown",
      cores: cpus().length,
      memoryGib: totalmem() / 2 ** 30,
      load: /** @type {[number, number]} */ ([before, loadavg()[0] ?? 0]),
      commit: commit(),
    },
    sizes: Object.fromEntries(contestants.map(({ id, bundle }) => [id, bundle.size])),
    results: series.results,
  });
  // After each round, so that a run that is stopped leaves what it has.
  await series.run(() => save(soFar()));
  return soFar();
}

/** @param {Recorded} recorded */
function save(recorded) {
  mkdirSync(OUT, { recursive: true });
  writeFileSync(path.join(OUT, "results.json"), `${JSON.stringify(recorded, null, 1)}\n`);
}

/** @param {Recorded} recorded */
function report(recorded) {
  const run = new Run(recorded);
  const tables = markdown(run);
  mkdirSync(OUT, { recursive: true });
  writeFileSync(path.join(OUT, "results.md"), tables);
  writePage(run, OUT, "performance.md");
  if (options.write) writePage(run, path.join(ROOT, "docs"), "performance.md");
  console.log(`${tables}\n## Speed\n\n${speedTable(run)}`);
  console.log(`Written: ${path.relative(process.cwd(), OUT) || "."}`);
}

/**
 * @template {{ id: string }} T
 * @param {string} what
 * @param {T[]} list
 * @param {string[]} ids
 */
function pick(what, list, ids) {
  const unknown = ids.filter((id) => !list.some((one) => one.id === id));
  if (unknown.length) {
    const all = list.map(({ id }) => id).join(", ");
    throw new Error(`no such ${what}: ${unknown.join(", ")}; there are ${all}`);
  }
  return list.filter(({ id }) => ids.includes(id));
}

/**
 * @param {string} name
 * @param {string} value
 * @param {number} least
 */
function whole(name, value, least) {
  const number = Number(value);
  if (!Number.isSafeInteger(number) || number < least) {
    throw new Error(`--${name} is a whole number from ${least} on`);
  }
  return number;
}

/** The commit that was measured, with a mark where files differ from it; empty without Git. */
function commit() {
  try {
    const args = ["describe", "--always", "--dirty", "--exclude=*"];
    return execFileSync("git", args, { cwd: ROOT, encoding: "utf8" }).trim();
  } catch {
    return "";
  }
}
