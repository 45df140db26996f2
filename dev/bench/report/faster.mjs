import { adapterOf, OURS } from "../adapters/index.mjs";

/** @typedef {import("./run.mjs").Run} Run */

/** A peer counts as faster below this ratio: closer is noise. */
const CLEARLY = 0.95;

/** What is compared, and what Tollbox does with the time. */
const COMPARED = [
  {
    name: "online charge",
    figures: [["online", "p50"]],
    why: "Tollbox has the charge in storage, claimed and numbered, before its request leaves, and keeps the receipt afterwards",
  },
  {
    name: "one awaited offline charge",
    figures: [
      ["depth-0", "p50"],
      ["depth-1000", "p50"],
      ["depth-10000", "p50"],
      ["depth-50000", "p50"],
    ],
    why: "Tollbox writes with strict durability, and looks in the same transaction whether the key is there already, which another tab may have written",
  },
  {
    name: "1,000 charges at once",
    figures: [["burst", "together"]],
    why: "Tollbox writes them in groups, each with strict durability",
  },
  {
    name: "start until ready",
    figures: [
      ["depth-0", "ready"],
      ["depth-1000", "ready"],
      ["depth-10000", "ready"],
    ],
    why: "Tollbox loads, compiles and starts a WebAssembly module first, and is not ready before it knows what is open",
  },
  {
    name: "all read",
    figures: [
      ["depth-1000", "loaded"],
      ["depth-10000", "loaded"],
    ],
    why: "Tollbox checks every record that it reads",
  },
  {
    name: "flush",
    figures: [
      ["flush-100", "each"],
      ["flush-1000", "each"],
      ["flush-10000", "each"],
    ],
    why: "Tollbox numbers each attempt in storage before it is sent, checks each receipt and keeps it; the others delete what is done",
  },
  {
    name: "memory at the start with 10,000 open",
    figures: [["memory", "heap"]],
    why: "Tollbox has its module's own memory, too",
  },
];

/**
 * Who is faster than Tollbox at what, and why, in Markdown.
 *
 * @param {Run} run
 */
export function fasterPeers(run) {
  const seen = new Set();
  const lines = COMPARED.flatMap(({ name, figures, why }) => {
    const peers = run.adapters
      .filter((id) => id !== OURS)
      .flatMap((id) => {
        const ratios = figures.flatMap(([scenario = "", figure = ""]) => {
          return run.ratio(scenario, id, figure, OURS)?.median ?? [];
        });
        const least = Math.min(...ratios);
        if (least >= CLEARLY) return [];
        seen.add(id);
        return [`${adapterOf(id).title} (${least.toFixed(2)} of the time)`];
      });
    const unit = name.startsWith("memory")
      ? (/** @type {string} */ text) => text.replaceAll("time", "bytes")
      : String;
    return peers.length ? [`- **${name}**: ${unit(peers.join(", "))}. ${why}.\n`] : [];
  });
  if (lines.length === 0) return "Nobody was faster than Tollbox at anything that was measured.\n";
  const trades = [...seen].map((id) => {
    const { title, trades } = adapterOf(id);
    return `- ${title} ${trades}.\n`;
  });
  return `${lines.join("")}\nWhat those do without:\n\n${trades.join("")}`;
}
