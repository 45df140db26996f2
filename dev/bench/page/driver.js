/**
 * The harness's half in the page: times an adapter's operations. Its other half is ../page.mjs.
 *
 * An adapter exports by default:
 *
 * - `open()`: loads what is stored. The page has just started, and is offline.
 * - `count()`: how many charges are stored and not delivered.
 * - `load()`: reads all of them.
 * - `enqueue(charge)`: resolves when the charge is stored.
 * - `fill(charges)`: optional; as many calls of `enqueue`, in the fastest way that there is.
 * - `flush()`: the network is back; resolves when all is delivered and removed, rejects if it gave up.
 * - `charge(charge)`: online; resolves with the server's answer, having saved first if the peer does.
 *
 * Ours has `balance()`, `snapshot()` and, before `open()`, `cached()` too.
 */

import { makeCharges } from "../charge.js";
import { longestTaskMs } from "./long-tasks.js";
import { crossingsSoFar, moduleStartMs, wasmBytes } from "./wasm-watch.js";

const FILL_AT_ONCE = 200;

async function timeEach(list, operation) {
  const times = [];
  for (const item of list) {
    const start = performance.now();
    await operation(item);
    times.push(performance.now() - start);
  }
  return times;
}

async function time(operation) {
  const start = performance.now();
  await operation();
  return performance.now() - start;
}

async function start(adapter, began) {
  await adapter.open?.();
  const count = await adapter.count?.();
  return { count, readyMs: performance.now() - began, moduleMs: moduleStartMs() };
}

async function fill(adapter, list) {
  while (list.length) {
    const some = list.splice(0, FILL_AT_ONCE);
    if (adapter.fill) await adapter.fill(some);
    else await Promise.all(some.map((charge) => adapter.enqueue(charge)));
  }
}

// What a call returns is kept, so that the compiler can't leave the call out.
function nsEach(calls, call) {
  const start = performance.now();
  for (let i = 0; i < calls; i += 1) globalThis.kept = call();
  return ((performance.now() - start) * 1e6) / calls;
}

// What a first paint finds: before the module is loaded, and before anything else was done.
function paint(adapter, began) {
  const start = performance.now();
  const found = adapter.cached();
  const end = performance.now();
  const eachNs = nsEach(1_000, adapter.cached);
  return {
    found: found?.confirmed ?? null,
    sinceStartMs: end - began,
    firstUs: (end - start) * 1e3,
    eachUs: eachNs / 1e3,
  };
}

export const drive = (adapter, began) => {
  const asked = new URLSearchParams(location.search);
  const painted = asked.has("paint") ? paint(adapter, began) : null;
  globalThis.bench = {
    started: start(adapter, began),
    painted: () => painted,
    longestTask: () => longestTaskMs(began),
    load: () => time(() => adapter.load()),
    keep: async () => {
      globalThis.kept = await adapter.load();
    },
    count: () => adapter.count(),
    enqueue: (from, n) => timeEach(makeCharges(from, n), (charge) => adapter.enqueue(charge)),
    burst: (from, n) => {
      const list = makeCharges(from, n);
      return time(() => Promise.all(list.map((charge) => adapter.enqueue(charge))));
    },
    fill: (from, n) => fill(adapter, makeCharges(from, n)),
    flush: () => time(() => adapter.flush()),
    charge: (from, n) => timeEach(makeCharges(from, n), (charge) => adapter.charge(charge)),
    reads: (calls) => {
      const before = crossingsSoFar();
      const balanceNs = nsEach(calls, adapter.balance);
      const snapshotNs = nsEach(calls, adapter.snapshot);
      return { balanceNs, snapshotNs, crossings: crossingsSoFar() - before };
    },
    wasmBytes,
  };
};
