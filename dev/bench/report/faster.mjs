import { adapterOf, OURS } from "../adapters/index.mjs";
import { NONE, table } from "./format.mjs";

/** @typedef {import("./run.mjs").Run} Run */

/** A peer counts as faster below this ratio: closer is noise. */
const CLEARLY = 0.95;

/** What is compared, and what Tollbox does with the time. */
const COMPARED = [
  {
    name: "online charge",
    figures: [["online", "p50"]],
    why: "has the charge in storage, claimed and numbered, before its request leaves, and keeps the receipt afterwards",
  },
  {
    name: "one awaited offline charge",
    figures: [
      ["depth-0", "p50"],
      ["depth-1000", "p50"],
      ["depth-10000", "p50"],
      ["depth-50000", "p50"],
    ],
    why: "reads and writes a row about the journal in the same transaction, by which a sign-out, a loss or another tab's change is noticed, and hands the charge to a WebAssembly module and back",
  },
  {
    name: "1,000 charges at once",
    figures: [["burst", "together"]],
    why: "writes them in groups, each with strict durability",
  },
  {
    name: "start until ready",
    figures: [
      ["depth-0", "ready"],
      ["depth-1000", "ready"],
      ["depth-10000", "ready"],
    ],
    why: "loads, compiles and starts a WebAssembly module first; the length of its queue is then the one that was noted, and all calls wait until the journal has been read",
  },
  {
    name: "all read",
    figures: [
      ["depth-1000", "loaded"],
      ["depth-10000", "loaded"],
    ],
    why: "checks every record that it reads, keeps it in its module, and gives all of them as JSON",
  },
  {
    name: "flush",
    figures: [
      ["flush-100", "each"],
      ["flush-1000", "each"],
      ["flush-10000", "each"],
    ],
    why: "numbers each attempt in storage before it is sent, checks each receipt and keeps it; the others delete what is done",
  },
  {
    name: "one charge, many tabs",
    figures: [
      ["tabs-4", "p50"],
      ["tabs-16", "p50"],
    ],
    why: "has each tab read what another has changed, to show and to answer for it",
  },
  {
    name: "memory, 10,000 open",
    figures: [["memory", "together"]],
    why: "keeps what is open in memory, its module's own, to answer without reading storage",
  },
];

/**
 * Who is faster than Tollbox at what, and why, in Markdown.
 *
 * @param {Run} run
 */
export function fasterPeers(run) {
  const rows = run.adapters
    .filter((id) => id !== OURS)
    .map((id) => ({ id, cells: COMPARED.map(({ figures }) => share(run, id, figures)) }))
    .filter(({ cells }) => cells.some((cell) => cell !== NONE));
  if (rows.length === 0) return "Nobody was faster than Tollbox at anything that was measured.\n";
  const head = ["", ...COMPARED.map(({ name }) => name)];
  const shares = table(
    head,
    rows.map(({ id, cells }) => [adapterOf(id).title, ...cells]),
  );
  const reasons = COMPARED.filter((_, index) => rows.some(({ cells }) => cells[index] !== NONE))
    .map(({ name, why }) => `- ${name}: Tollbox ${why}.\n`)
    .join("");
  const trades = rows
    .map(({ id }) => `- ${adapterOf(id).title} ${adapterOf(id).trades}.\n`)
    .join("");
  return `What the others take, as a share of what Tollbox takes, where it is clearly less: the smallest of all depths and sizes.

${shares}
What Tollbox does with the time:

${reasons}
What the others do without:

${trades}`;
}

/**
 * @param {Run} run
 * @param {string} id
 * @param {string[][]} figures
 */
function share(run, id, figures) {
  const ratios = figures.flatMap(([scenario = "", figure = ""]) => {
    return run.ratio(scenario, id, figure, OURS)?.median ?? [];
  });
  const least = Math.min(...ratios);
  if (least >= CLEARLY) return NONE;
  return least < 0.01 ? "< 0.01" : least.toFixed(2);
}
