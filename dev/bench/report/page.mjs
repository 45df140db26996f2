import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { adapterOf, adapters, FLOOR, OURS } from "../adapters/index.mjs";
import { DEPTHS, FLUSHES, NUMBERS } from "../scenarios/index.mjs";
import { fasterPeers } from "./faster.mjs";
import { NONE, number, table, times } from "./format.mjs";
import { markdown } from "./markdown.mjs";
import { svg } from "./plot.mjs";
import { speedTable } from "./targets.mjs";

/** @typedef {import("./run.mjs").Run} Run */

const COLOURS = new Map([
  [OURS, "#c2410c"],
  [FLOOR, "#1d4ed8"],
]);

/**
 * Writes the page about speed, and a folder of its plots beside it.
 *
 * @param {Run} run
 * @param {string} folder
 * @param {string} file
 */
export function writePage(run, folder, file) {
  const name = path.basename(file, ".md");
  const beside = path.join(folder, name);
  rmSync(beside, { recursive: true, force: true });
  mkdirSync(beside, { recursive: true });
  const drawn = plots(run).flatMap(({ id, plot }) => {
    const image = svg(plot);
    if (!image) return [];
    writeFileSync(path.join(beside, `${id}.svg`), image);
    return [`![${plot.title}](${name}/${id}.svg)\n`];
  });
  writeFileSync(path.join(folder, file), page(run, drawn));
}

/**
 * @param {Run} run
 * @param {string[]} drawn
 */
function page(run, drawn) {
  return `# Performance

<!-- Written by \`cargo xtask bench --write\`: change dev/bench/report/, not this page. -->

${summary(run)}
\`cargo xtask bench\` measures it anew and prints every table of this page; \`--quick\` takes some 3 minutes, \`--help\` lists the rest.

## What is measured, and how

${method(run)}
## The targets

"Today" is what it was when the targets were set. "Floor" is what the least correct outbox costs: IndexedDB by hand with strict durability, one sender at a time by Web Lock, batches of 100.

${speedTable(run)}
## Who is faster

${fasterPeers(run)}
## Growth

${drawn.join("\n")}
${markdown(run)}`;
}

/**
 * The short table, for the README too.
 *
 * @param {Run} run
 */
function summary(run) {
  const rows = [
    ["online charge, p50", "online", "p50"],
    ["one awaited offline charge, empty queue, p50", "depth-0", "p50"],
    ["the same, 10,000 in the queue", "depth-10000", "p50"],
    ["1,000 offline charges at once", "burst", "together"],
    ["start until ready, empty queue", "depth-0", "ready"],
    ["start until ready, 10,000 in the queue", "depth-10000", "ready"],
    ["flush of 1,000", "flush-1000", "ms"],
  ].map(([name = "", scenario = "", figure = ""]) => {
    const floor = run.spread(scenario, FLOOR, figure);
    const ours = run.spread(scenario, OURS, figure);
    const ms = (/** @type {typeof ours} */ spread) => {
      return spread ? `${number(spread.median)} ms` : NONE;
    };
    const peer = bestPeer(run, scenario, figure);
    return [name, ms(ours), ms(floor), times(run.ratio(scenario, OURS, figure, FLOOR)), peer];
  });
  const head = ["", "Tollbox", "IndexedDB by hand", "Tollbox ÷ by hand", "fastest package"];
  return `${table(head, rows)}
By hand: the least that a correct outbox does. Fastest package: of those measured; online, of those that save a charge before they send it. One awaited charge: the first 100 of a fresh page, whose code is cold. Tollbox's queue is the noted one when it is ready; "all read" below is when it has been read.
`;
}

/**
 * @param {Run} run
 * @param {string} scenario
 * @param {string} figure
 */
function bestPeer(run, scenario, figure) {
  const peers = run.adapters.flatMap((id) => {
    const { isOurs, isByHand, savesLate, title } = adapterOf(id);
    const spread = run.spread(scenario, id, figure);
    const isLate = savesLate && scenario === "online";
    return isOurs || isByHand || isLate || !spread ? [] : [{ title, ms: spread.median }];
  });
  const [best] = peers.sort((a, b) => a.ms - b.ms);
  return best ? `${number(best.ms)} ms, ${best.title}` : NONE;
}

/** @param {Run} run */
function method(run) {
  const { setting } = run;
  const { processor, cores, memoryGib, system, chromium, node, rounds, delayMs, load } = setting;
  const [before, after] = load.map((value) => value.toFixed(2));
  const delay = delayMs ? `${delayMs} ms before every answer` : "no delay added";
  const mode = setting.quick
    ? "the quick mode, whose few rounds show no more than orders of magnitude"
    : `the full mode, with ${run.adapters.length} of ${adapters.length} adapters`;
  return `Every adapter is a page of its own, bundled and minified, with a fresh origin and a small billing server on this computer, ${delay}. It runs the peer's real package; dev/bench/adapters/ has all that was added. Where that is not as its documents say: Workbox runs in the page instead of a service worker, so that a second tab or a page's death concerns it more; TanStack Query writes without its throttle, and Sentry's limit of stored events is raised; Tollbox may queue and spend without limit, and nobody listens to its changes. "By hand" is what an application would write itself, and an "outbox" on a package that only stores has its queue and sending written so, too. Offline means that the adapter doesn't try the network, so that no failing request is timed.

Scenarios run in rounds in which the adapters take turns, each round beginning with another. A figure is the median of the rounds, with the smallest and the largest; a ratio is taken within each round, and its median is shown. What takes very long for one step, mostly over a minute, is "too slow", and not tried again.

Storage is that of a private window, in memory, where nothing else is said: so figures show what the code costs, and ratios are at their harshest. One table has the cost on disk.

Measured on ${setting.date}${setting.commit ? `, at ${setting.commit}` : ""}: ${system}, ${processor}, ${cores} cores, ${Math.round(memoryGib)} GiB; Chromium ${chromium}, headless; Node.js ${node}. ${rounds} rounds in ${number(setting.minutes)} minutes, in ${mode}; the load of the computer was ${before} before and ${after} after.
`;
}

/**
 * @param {Run} run
 * @returns {{ id: string, plot: import("./plot.mjs").Plot }[]}
 */
function plots(run) {
  const labels = (/** @type {number[]} */ list) => list.map((value) => value.toLocaleString("en"));
  /**
   * @param {string} title
   * @param {string} xLabel
   * @param {number[]} places
   * @param {string} scenario without its number
   * @param {string} figure
   */
  const plot = (title, xLabel, places, scenario, figure) => ({
    title,
    xLabel,
    places: labels(places),
    lines: run.adapters
      .map((id) => ({
        name: adapterOf(id).title,
        values: places.map((place) => {
          return run.spread(`${scenario}-${place}`, id, figure)?.median ?? null;
        }),
        colour: COLOURS.get(id),
      }))
      // The two that matter are drawn over the others.
      .sort((a, b) => Number(a.colour !== undefined) - Number(b.colour !== undefined)),
  });
  const stored = "charges stored before";
  return [
    {
      id: "charge-by-depth",
      plot: plot("One awaited offline charge, p50, ms", stored, DEPTHS, "depth", "p50"),
    },
    {
      id: "ready-by-depth",
      plot: plot("Start until ready, ms", stored, DEPTHS, "depth", "ready"),
    },
    {
      id: "read-by-depth",
      plot: plot("Start until all is read, ms", stored, DEPTHS, "depth", "loaded"),
    },
    {
      id: "flush-by-size",
      plot: plot("Flush, ms per charge", "charges flushed", FLUSHES, "flush", "each"),
    },
    {
      id: "charge-by-tabs",
      plot: plot("One awaited offline charge, p50, ms", "open tabs", NUMBERS, "tabs", "p50"),
    },
    {
      id: "flush-by-tabs",
      plot: plot("Flush, ms per charge", "open tabs", NUMBERS, "tabs", "each"),
    },
    {
      id: "start-by-accounts",
      plot: plot(
        "Start until ready, without the module's, ms",
        "accounts with 500 charges each",
        NUMBERS,
        "accounts",
        "ready",
      ),
    },
    {
      id: "charge-by-accounts",
      plot: plot(
        "One awaited offline charge, p50, ms",
        "accounts with 500 charges each",
        NUMBERS,
        "accounts",
        "p50",
      ),
    },
  ];
}
