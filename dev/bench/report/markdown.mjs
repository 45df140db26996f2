import { adapterOf, FLOOR, OURS, RAW } from "../adapters/index.mjs";
import { DEPTHS, FLUSHES, NUMBERS } from "../scenarios/index.mjs";
import { kib, NONE, number, range, table, times } from "./format.mjs";

/** @typedef {import("./run.mjs").Run} Run */
/** @typedef {[string, (adapter: string) => string]} Column */

/**
 * Every table of a run, in Markdown.
 *
 * @param {Run} run
 */
export function markdown(run) {
  const parts = [
    online,
    depth,
    bursts,
    disk,
    start,
    flushes,
    reads,
    trouble,
    memory,
    idle,
    tabs,
    accounts,
    sizes,
    failures,
  ];
  return parts
    .map((part) => part(run))
    .filter((text) => text !== "")
    .join("\n");
}

/**
 * A heading, a note and a table of the adapters that have a figure for it; nothing where none has.
 *
 * @param {Run} run
 * @param {string} title
 * @param {string} note
 * @param {Column[]} columns
 */
function section(run, title, note, columns) {
  const rows = run.adapters
    .map((id) => [adapterOf(id).title, ...columns.map(([, cell]) => cell(id))])
    .filter(([, ...cells]) => cells.some((cell) => cell !== NONE));
  if (rows.length === 0) return "";
  const head = ["", ...columns.map(([name]) => name)];
  return `## ${title}\n\n${note}\n\n${table(head, rows)}`;
}

/**
 * Cells with a figure, or with the verdict where there is none.
 *
 * @param {Run} run
 * @param {string} scenario
 * @param {string} figure
 * @param {(value: number) => string} [format]
 */
function figure(run, scenario, figure, format = number) {
  return (/** @type {string} */ adapter) => {
    const spread = run.spread(scenario, adapter, figure);
    const [failed] = run.of(scenario, adapter).filter(({ verdict }) => verdict !== undefined);
    return spread ? range(spread, format) : (failed?.verdict ?? NONE);
  };
}

/**
 * @param {Run} run
 * @param {string} scenario
 * @param {string} figure
 * @param {string} base
 */
function ratio(run, scenario, figure, base = FLOOR) {
  return (/** @type {string} */ adapter) => times(run.ratio(scenario, adapter, figure, base));
}

const count = (/** @type {number} */ value) => Math.round(value).toLocaleString("en");

/** @param {Run} run */
function online(run) {
  const measured = (/** @type {string} */ id) => run.spread("online", id, "p50") !== null;
  return section(
    run,
    "Online",
    "Charges one after the other, in ms. Saved first: the charge is in storage before its request leaves.",
    [
      ["saved first", (id) => (measured(id) ? (adapterOf(id).savesLate ? "no" : "yes") : NONE)],
      ["p50", figure(run, "online", "p50")],
      ["p95", figure(run, "online", "p95")],
      ["p50 ÷ raw fetch", ratio(run, "online", "p50", RAW)],
      ["p95 ÷ raw fetch", ratio(run, "online", "p95", RAW)],
      ["p50 ÷ floor", ratio(run, "online", "p50")],
    ],
  );
}

/** @param {Run} run */
function depth(run) {
  return section(
    run,
    "One awaited offline charge",
    "With so many stored before it: p50 in ms, and ÷ floor.",
    DEPTHS.flatMap((depth) => {
      const scenario = `depth-${depth}`;
      return /** @type {Column[]} */ ([
        [`${depth.toLocaleString("en")}: p50`, figure(run, scenario, "p50")],
        ["p99", figure(run, scenario, "p99")],
        ["p50 ÷ floor", ratio(run, scenario, "p50")],
      ]);
    }),
  );
}

/** @param {Run} run */
function bursts(run) {
  return section(
    run,
    "1,000 offline charges",
    "In ms: awaited one by one, then 1,000 more at once.",
    [
      ["one by one", figure(run, "burst", "awaited")],
      ["÷ floor", ratio(run, "burst", "awaited")],
      ["at once", figure(run, "burst", "together")],
      ["÷ floor", ratio(run, "burst", "together")],
    ],
  );
}

/** @param {Run} run */
function disk(run) {
  return section(
    run,
    "Offline charges, stored on disk",
    "In ms, in a profile on disk. All other figures are of private windows, whose storage is in memory: they show what the code costs, without the noise of a disk.",
    [
      ["one awaited: p50", figure(run, "disk", "p50")],
      ["p99", figure(run, "disk", "p99")],
      ["p50 ÷ floor", ratio(run, "disk", "p50")],
      ["1,000 at once", figure(run, "disk", "together")],
      ["÷ floor", ratio(run, "disk", "together")],
    ],
  );
}

/** @param {Run} run */
function start(run) {
  const note =
    "In ms from the start of the page's script, which comes from the HTTP cache, as the module does: " +
    "until the queue's length is known (ready; Tollbox takes it from a note), and until all of it is in memory (all read). " +
    "Longest task: of the main thread until all is read; the browser tells only of those above 50 ms.";
  const module = DEPTHS.map((depth) => {
    return [depth.toLocaleString("en"), range(run.spread(`depth-${depth}`, OURS, "module"))];
  }).filter(([, ms]) => ms !== NONE);
  const apart = module.length
    ? ` Of Tollbox's ready, this is fetching, compiling and instantiating the module: ${module
        .map(([depth, ms]) => `${ms} at ${depth}`)
        .join(", ")}.`
    : "";
  const task = (/** @type {number} */ ms) => (ms ? number(ms) : "< 50");
  return section(
    run,
    "Start",
    note + apart,
    DEPTHS.flatMap((depth) => {
      const scenario = `depth-${depth}`;
      return /** @type {Column[]} */ ([
        [`${depth.toLocaleString("en")}: ready`, figure(run, scenario, "ready")],
        ["all read", figure(run, scenario, "loaded")],
        ["all read ÷ floor", ratio(run, scenario, "loaded")],
        ["longest task", figure(run, scenario, "longest", task)],
      ]);
    }),
  );
}

/** @param {Run} run */
function flushes(run) {
  return section(
    run,
    "Flush",
    "Sending so many stored charges: ms per charge, and ÷ floor. Sent twice and lost: of all of them.",
    FLUSHES.flatMap((size) => {
      const scenario = `flush-${size}`;
      return /** @type {Column[]} */ ([
        [`${size.toLocaleString("en")}: each`, figure(run, scenario, "each")],
        ["÷ floor", ratio(run, scenario, "each")],
        ["requests", figure(run, scenario, "requests", count)],
        ["sent twice, lost", both(run, scenario, "duplicates", "lost")],
      ]);
    }),
  );
}

/** @param {Run} run */
function reads(run) {
  const ns = (/** @type {number} */ value) => `${number(value)} ns`;
  const us = (/** @type {number} */ value) => `${number(value)} µs`;
  const ms = (/** @type {number} */ value) => `${number(value)} ms`;
  return section(
    run,
    "Reading the balance",
    "One call of a million. Cached balance: `cachedBalance` as the first thing of a page, before the module is asked for.",
    [
      ["`balance()`", figure(run, "reads", "balanceNs", ns)],
      ["`getSnapshot()`", figure(run, "reads", "snapshotNs", ns)],
      ["calls into the module", figure(run, "reads", "crossings", count)],
      ["cached balance: first call", figure(run, "paint", "firstUs", us)],
      ["each of 1,000 more", figure(run, "paint", "eachUs", us)],
      ["since the script's start", figure(run, "paint", "sinceStartMs", ms)],
      ["ready then", figure(run, "paint", "readyMs", ms)],
    ],
  );
}

/**
 * Two counts in a cell.
 *
 * @param {Run} run
 * @param {string} scenario
 * @param {string} first
 * @param {string} second
 */
function both(run, scenario, first, second) {
  return (/** @type {string} */ adapter) => {
    const one = figure(run, scenario, first, count)(adapter);
    const other = figure(run, scenario, second, count)(adapter);
    return one === other && (one === NONE || Number.isNaN(Number.parseInt(one, 10)))
      ? one
      : `${one}, ${other}`;
  };
}

/** @param {Run} run */
function trouble(run) {
  const note =
    "Requests for a charge that the server had made already (sent twice: a second charge, where the server does not know keys), and charges that it never got (lost). " +
    "Two tabs: both flush the same 200. Page dies: at the 100th of 200, once made and unanswered, once never arrived; then the queue is opened and flushed again (a batch goes again as a whole). " +
    "503: every tenth of 50 is refused once, and the page flushes until nothing is left. " +
    "Kills: of 200 awaited charges, how many are there after the page, or the whole browser, was killed right after the last.";
  return section(run, "Trouble", note, [
    ["two tabs: sent twice, lost", both(run, "two-tabs", "duplicates", "lost")],
    ["page dies, unanswered: sent twice, lost", both(run, "crash-answer", "duplicates", "lost")],
    ["page dies, not arrived: sent twice, lost", both(run, "crash-request", "duplicates", "lost")],
    ["503: sent twice, lost", both(run, "unavailable", "duplicates", "lost")],
    ["page killed: left of 200", figure(run, "page-kill", "survived", count)],
    ["browser killed: left of 200", figure(run, "browser-kill", "survived", count)],
  ]);
}

/** @param {Run} run */
function memory(run) {
  return section(
    run,
    "Memory",
    "KiB, after a garbage collection, of a page that starts with 10,000 open charges, after 500 others were settled. JavaScript's heap: at the start, and with all of the open ones read and kept; beside it the module's own memory.",
    [
      ["heap at the start", figure(run, "memory", "heap", kib)],
      ["module", figure(run, "memory", "wasm", kib)],
      ["heap, all read", figure(run, "memory", "kept", kib)],
    ],
  );
}

/** @param {Run} run */
function idle(run) {
  const stretch = run.adapters
    .map((id) => run.spread("idle-visible", id, "stretchMs")?.median)
    .find((ms) => ms !== undefined);
  const measured = stretch ? `${(stretch / 1_000).toLocaleString("en")} s` : "nothing";
  return section(
    run,
    "Idle",
    `Online, with nothing to send: timers that fire and messages of other tabs (wake-ups), requests, and bytes on the wire, an hour. Scaled up from ${measured}: what happens less often than that is missed, or counted too often. Hidden: the page is told that it is; the browser's own throttling of hidden pages is not in it. Tollbox reads the balance every five minutes while the page is shown (\`balance.syncEveryMs\`); the others know none.`,
    /** @type {const} */ (["visible", "hidden"]).flatMap((visibility) => {
      const scenario = `idle-${visibility}`;
      return /** @type {Column[]} */ ([
        [`${visibility}: wake-ups`, figure(run, scenario, "wakeUps", count)],
        ["requests", figure(run, scenario, "requests", count)],
        ["bytes", figure(run, scenario, "bytes", count)],
      ]);
    }),
  );
}

/** @param {Run} run */
function tabs(run) {
  return section(
    run,
    "Many tabs",
    "One of so many tabs, with 1,000 charges stored: an awaited offline charge (p50, ms), and a flush (ms per charge).",
    NUMBERS.flatMap((number) => {
      const scenario = `tabs-${number}`;
      return /** @type {Column[]} */ ([
        [`${number}: charge`, figure(run, scenario, "p50")],
        ["flush, each", figure(run, scenario, "each")],
        ["sent twice, lost", both(run, scenario, "duplicates", "lost")],
      ]);
    }),
  );
}

/** @param {Run} run */
function accounts(run) {
  return section(
    run,
    "Many accounts",
    "One of so many accounts, each with 500 charges stored: ready without the module's start, and an awaited offline charge (p50), in ms.",
    NUMBERS.flatMap((number) => {
      const scenario = `accounts-${number}`;
      return /** @type {Column[]} */ ([
        [`${number}: ready`, figure(run, scenario, "ready")],
        ["charge", figure(run, scenario, "p50")],
      ]);
    }),
  );
}

/** @param {Run} run */
function sizes(run) {
  const size = (/** @type {keyof import("../bundle.mjs").Size} */ name) => {
    return (/** @type {string} */ id) => kib(run.sizes[id]?.[name] ?? 0);
  };
  return section(
    run,
    "Size",
    "KiB that a page loads for it alone: bundled and minified by esbuild, with the `.wasm` file.",
    [
      ["minified", size("raw")],
      ["gzip -9", size("gzip")],
      ["brotli -q 11", size("brotli")],
    ],
  );
}

/** @param {Run} run */
function failures(run) {
  const lines = run.failures.map(({ adapter, scenario, verdict, detail }) => {
    return `- ${adapterOf(adapter).title}, \`${scenario}\`: ${verdict} (${detail})\n`;
  });
  return lines.length ? `## Without a figure\n\n${[...new Set(lines)].join("")}` : "";
}
