/**
 * Writes docs/outages.md and its plot from the figures of `cargo xtask herd`.
 *
 *     node dev/bench/outages.mjs RESULTS
 */

import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { NONE, table } from "./report/format.mjs";
import { svg } from "./report/plot.mjs";

/**
 * @typedef {object} Run
 * @property {"refused" | "silent" | "busy" | "busy-until" | "offline"} outage
 * @property {number} clients
 * @property {number | null} capacity requests that the server decides in a second
 * @property {number} max_delay_ms
 * @property {boolean} jitter
 * @property {number} in_vain requests during the outage
 * @property {number} peak requests in the busiest second
 * @property {number} probes
 * @property {number} batches
 * @property {number} singles
 * @property {number} look_ups
 * @property {number} refused for want of time
 * @property {number | null} half_s
 * @property {number | null} most_s
 * @property {number | null} all_s
 * @property {number} unsettled
 * @property {number[]} requests each second
 */

const DOCS = path.join(import.meta.dirname, "../../docs");
const PLOT = "outages/requests.svg";
const MAX_DELAY_MS = 60_000;
/** The plot shows so many seconds, and a point for so many. */
const SHOWN_S = 90;
const POINT_S = 3;

const OUTAGES = {
  refused: "connections refused",
  silent: "no answers",
  busy: "`503`, `Retry-After: 30`",
  "busy-until": "`503`, `Retry-After` with a date",
  offline: "no network, back for all at once",
};

const [file] = process.argv.slice(2);
if (!file) throw new Error("usage: node dev/bench/outages.mjs RESULTS");
/** @type {{ runs: Run[] }} */
const { runs } = JSON.parse(readFileSync(file, "utf8"));
const clients = Math.max(...runs.map((run) => run.clients));
const fewer = Math.min(...runs.map((run) => run.clients));
mkdirSync(path.join(DOCS, path.dirname(PLOT)), { recursive: true });
writeFileSync(path.join(DOCS, PLOT), plot());
writeFileSync(path.join(DOCS, "outages.md"), page());

function page() {
  const defaults = runs.filter((run) => run.jitter && run.max_delay_ms === MAX_DELAY_MS);
  const free = defaults.filter(({ capacity }) => capacity === null);
  const limited = defaults.filter(({ capacity }) => capacity !== null);
  const without = runs.filter(({ jitter }) => !jitter);
  const delays = runs.filter((run) => run.jitter && run.outage === "refused");
  const capacity = whole(limited[0]?.capacity ?? null);
  const commit = execFileSync("git", ["rev-parse", "--short", "HEAD"], { encoding: "utf8" }).trim();
  const refused = free.find(({ outage }) => outage === "refused");
  const perClient = refused ? (requestsOf(refused) / clients).toFixed(1) : NONE;
  return `# After an outage

<!-- Written by \`cargo xtask herd --write\`: change dev/bench/outages.mjs, not this page. -->

A server that comes back meets all of its clients. If they come in the same second, it goes down again. This page shows what Tollbox's clients do: ${whole(clients)} of them, each the real core on a simulated clock and network, with 5 open charges each, after an outage of 10 minutes. The first charge of each is lost in the outage's first second, the others are made during it; the server is the real ledger behind a queue.

\`cargo xtask herd\` plays it anew; the figures were made at ${commit}. A test plays it with fewer clients, and fails when more than a tenth of them come in one second.

![Requests a second after the outage](${PLOT})

## A server that keeps up

The most requests in one second, what reaches the server in all, and how long after the outage's end the charges are settled.

${table(["outage", "busiest second", "probes", "batches", "single charges", "half settled", "99 %", "all"], free.map(row))}
During the outage a client asks ${inVain(free)} times. After it, it needs ${perClient} requests: a probe, \`GET balance\`, which shows that the server lives, and one batch with all of its charges, those included whose answer was lost.

A device whose network is back asks at once, because its user waits for that. Devices of many networks are never told in the same moment, as they are here.

## A server that does not

It decides ${capacity} requests a second, so that one request of each client takes 50 s. What would wait for more than 5 s is refused with \`503\` and \`Retry-After: 30\`.

${table(["outage", "busiest second", "refused", "batches", "single charges", "half settled", "99 %", "all"], limited.map(limitedRow))}
## What jitter does

The same without it: delays are as long as they may be, and \`Retry-After\` is taken at its word. Then whoever was sent away together comes back together. Seconds are shown as shares of the clients; those without jitter are of ${whole(fewer)}.

${table(
  [
    "outage",
    "server",
    "busiest second",
    "the same with jitter",
    "all settled",
    "the same with jitter",
  ],
  without.map((run) => besideRow(run, defaults)),
)}
Two rules come of it, both in every client:

- A delay between attempts is drawn from 0 to its bound, which doubles from \`retry.baseDelayMs\` to \`retry.maxDelayMs\`.
- A client that was asked to wait by \`Retry-After\` waits up to half as long again, at most \`retry.maxDelayMs\` more. It never comes early.

## Why the longest delay is a minute

\`retry.maxDelayMs\` spreads the clients that found the server gone: ${whole(fewer)} of them but for the default.

${table(["`maxDelayMs`", "server", "busiest second", "requests during the outage, each", "half settled", "all settled"], delays.sort(byDelay).map(delayRow))}
A shorter one makes the peak higher, and the server that is down hears from everybody more often. A longer one keeps users waiting for a server that is long there. A user who asks for it, by \`flush()\` or \`retry(key)\`, does not wait.

## What a server can do

- Answer \`503\` with a problem document and \`Retry-After\`, early: nothing is taken, no attempt is used up, and the client stays away for as long.
- Name seconds, not a date. A date is the same instant for everybody, and clients spread out from it only.
- Take batches: a client with 100 open charges needs one request.
- Decide within 5 s or refuse. What it decides later is paid by a client that has given up and asks again.
`;
}

/** @param {Run} run */
function row(run) {
  return [
    OUTAGES[run.outage],
    whole(run.peak),
    whole(run.probes),
    whole(run.batches),
    whole(run.singles),
    seconds(run.half_s),
    seconds(run.most_s),
    seconds(run.all_s),
  ];
}

/** @param {Run} run */
function limitedRow(run) {
  return [
    OUTAGES[run.outage],
    whole(run.peak),
    whole(run.refused),
    whole(run.batches),
    whole(run.singles),
    seconds(run.half_s),
    seconds(run.most_s),
    seconds(run.all_s),
  ];
}

/**
 * @param {Run} run
 * @param {Run[]} defaults
 */
function besideRow(run, defaults) {
  const same = defaults.find(
    ({ outage, capacity }) =>
      outage === run.outage && (capacity === null) === (run.capacity === null),
  );
  return [
    OUTAGES[run.outage],
    serverOf(run),
    share(run),
    same ? share(same) : NONE,
    seconds(run.all_s),
    seconds(same?.all_s ?? null),
  ];
}

/** @param {Run} run */
function delayRow(run) {
  return [
    `${run.max_delay_ms / 1_000} s`,
    serverOf(run),
    share(run),
    whole(run.in_vain / run.clients),
    seconds(run.half_s),
    seconds(run.all_s),
  ];
}

/**
 * @param {Run} one
 * @param {Run} other
 */
function byDelay(one, other) {
  return one.max_delay_ms - other.max_delay_ms || (one.capacity ?? 0) - (other.capacity ?? 0);
}

function plot() {
  const places = Array.from({ length: SHOWN_S / POINT_S }, (_, index) => {
    const second = index * POINT_S;
    return second % 15 === 0 ? String(second) : "";
  });
  const lines = runs
    .filter((run) => run.capacity === null && run.max_delay_ms === MAX_DELAY_MS)
    .filter(({ outage }) => outage === "refused" || outage.startsWith("busy"))
    .map((run) => ({
      name: `${run.outage}${run.jitter ? "" : ", no jitter"}`,
      values: places.map((_, index) => busiest(run, index * POINT_S)),
    }));
  return svg({
    title: `Requests in the busiest second of each ${POINT_S}, in % of the clients`,
    xLabel: "seconds after the end of the outage",
    places,
    lines,
  });
}

/**
 * @param {Run} run
 * @param {number} from
 */
function busiest({ requests, clients: of }, from) {
  const most = Math.max(0, ...requests.slice(from, from + POINT_S));
  return most === 0 ? null : (100 * most) / of;
}

/** @param {Run} run */
function requestsOf({ probes, batches, singles, look_ups }) {
  return probes + batches + singles + look_ups;
}

/** @param {Run[]} free */
function inVain(free) {
  const each = free.map((run) => Math.round(run.in_vain / clients));
  return `${Math.min(...each)} to ${Math.max(...each)}`;
}

/** @param {Run} run */
function serverOf({ capacity }) {
  return capacity === null ? "keeps up" : "does not";
}

/** @param {Run} run */
function share({ peak, clients }) {
  return `${((100 * peak) / clients).toFixed(1)} %`;
}

/** @param {number | null} value */
function whole(value) {
  return value === null ? NONE : Math.round(value).toLocaleString("en");
}

/** @param {number | null} value */
function seconds(value) {
  return value === null ? NONE : `${value} s`;
}
