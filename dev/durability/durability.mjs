/**
 * Measures durability: how many of 20 entries survive a kill of the browser some time after they
 * were written, in plain localStorage and in Tollbox. Prints a Markdown table. Run by `cargo xtask
 * durability`.
 */

import { parseArgs } from "node:util";
import { chosen } from "../../tests/all-browsers/support/browsers.mjs";
import { Trial } from "./trial.mjs";

/** When the browser is killed, counted from the last write. */
const DELAYS_MS = [0, 100, 1_000, 3_000, 6_000, 10_000];
const ENTRIES = 20;
const BYTES = 300;

/**
 * The totals of all trials of one delay.
 *
 * @typedef {object} Cell
 * @property {number} local entries that localStorage still had
 * @property {number} ours charges that the client still had
 * @property {number} once of those entries, charged once in the end
 * @property {number} twice points taken beyond one a charge
 * @property {number} extra requests for a key that was charged already
 */

const { values } = parseArgs({ options: { trials: { type: "string", default: "10" } } });
const trials = Number(values.trials);
if (!Number.isSafeInteger(trials) || trials < 1) throw new Error("--trials is a number from 1 on");

// In parallel: a trial spends nearly all of its time waiting.
const start = Date.now();
const makes = chosen();
const results = await Promise.all(makes.map((make) => measure(make)));
print(makes, results);
const minutes = Math.round((Date.now() - start) / 60_000);
console.error(`${trials * DELAYS_MS.length * makes.length} trials, ${minutes} min`);
if (results.flat().some((cell) => cell.twice > 0 || cell.once < trials * ENTRIES)) {
  console.error("charged twice, or lost: see the table");
  process.exitCode = 1;
}

/** @param {ReturnType<typeof chosen>[number]} make */
async function measure(make) {
  const trial = await Trial.prepare(entries());
  /** @type {Cell[]} */
  const cells = [];
  try {
    for (const delayMs of DELAYS_MS) {
      const cell = { local: 0, ours: 0, once: 0, twice: 0, extra: 0 };
      for (let number = 0; number < trials; number += 1) {
        const found = await trial.run(make.profiled(), delayMs);
        cell.local += found.local;
        cell.ours += found.ours;
        cell.once += found.once;
        cell.twice += found.twice;
        cell.extra += found.extra;
      }
      cells.push(cell);
      console.error(`${make.title}, killed after ${delayMs / 1_000} s: ${JSON.stringify(cell)}`);
    }
  } finally {
    await trial.clear();
  }
  return cells;
}

/** Charges whose JSON has the same length. */
function entries() {
  return Array.from({ length: ENTRIES }, (_, index) => {
    const taskId = `film-${String(index).padStart(2, "0")}`;
    const entry = { taskId, amount: 1, feature: "cloud_trans", metadata: { note: "" } };
    entry.metadata.note = "n".repeat(BYTES - JSON.stringify(entry).length);
    return entry;
  });
}

/**
 * @param {ReturnType<typeof chosen>} makes
 * @param {Cell[][]} results
 */
function print(makes, results) {
  const all = trials * ENTRIES;
  const row = (/** @type {(string | number)[]} */ columns) => `| ${columns.join(" | ")} |`;
  const lines = [
    row(["browser killed after", ...DELAYS_MS.map((ms) => (ms ? `${ms / 1_000} s` : 0))]),
    `|---|${"---|".repeat(DELAYS_MS.length)}`,
  ];
  for (const [index, make] of makes.entries()) {
    const cells = results[index] ?? [];
    const of = (/** @type {"local" | "ours" | "once"} */ name) =>
      cells.map((cell) => `${cell[name]}/${all}`);
    lines.push(row([`${make.title}: localStorage still has`, ...of("local")]));
    lines.push(row([`${make.title}: Tollbox still has`, ...of("ours")]));
    lines.push(row([`${make.title}: Tollbox then charged once`, ...of("once")]));
  }
  const cells = results.flat();
  const sum = (/** @type {"once" | "twice" | "extra"} */ name) =>
    cells.reduce((total, cell) => total + cell[name], 0);
  lines.push(
    "",
    `Tollbox, ${cells.length * all} charges in all: ${sum("once")} charged once, ` +
      `${sum("twice")} charged twice, ${cells.length * all - sum("once") - sum("twice")} lost, ` +
      `${sum("extra")} requests sent again.`,
  );
  console.log(lines.join("\n"));
}
