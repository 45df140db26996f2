/**
 * @typedef {object} Adapter
 * @property {string} id its file's name, too
 * @property {string} title
 * @property {string} trades what it does without, to be told where it is faster
 * @property {boolean} [isOurs]
 * @property {boolean} [isByHand] no package, but what an application writes itself
 * @property {boolean} [hasNoQueue] runs online only
 * @property {boolean} [savesLate] sends an online charge before it is in storage, if it ever is there
 * @property {boolean} [batches] sends many charges in one request
 */

/** The one that ratios are against. */
export const FLOOR = "idb-strict";
/** The one that ratios of online charges are against. */
export const RAW = "raw-fetch";
export const OURS = "tollbox";

/**
 * In the tables' order.
 *
 * @type {Adapter[]}
 */
export const adapters = [
  {
    id: RAW,
    isByHand: true,
    title: "raw fetch",
    hasNoQueue: true,
    savesLate: true,
    trades: "keeps nothing",
  },
  {
    id: FLOOR,
    isByHand: true,
    title: "IndexedDB by hand, strict",
    batches: true,
    trades:
      "knows no outcome but success, no balance, no claims between tabs, no damage and no migration",
  },
  {
    id: "idb-relaxed",
    isByHand: true,
    title: "IndexedDB by hand, relaxed",
    batches: true,
    trades: "does what the floor does, and a loss of power may take what it has answered for",
  },
  {
    id: "localstorage-keys",
    isByHand: true,
    title: "localStorage, a key a charge",
    trades:
      "writes to memory first: a crash of the browser takes the last seconds; holds about 5 MB",
  },
  {
    id: "localstorage-array",
    isByHand: true,
    title: "localStorage, one list",
    trades:
      "loses writes of two tabs to each other, and the last seconds in a crash; holds about 5 MB",
  },
  {
    id: "workbox",
    title: "workbox-background-sync 7.4",
    savesLate: true,
    trades: "saves a charge only after its request has failed, with relaxed durability",
  },
  {
    id: "tanstack",
    title: "@tanstack/query-core 5 + persister",
    savesLate: true,
    trades:
      "saves what is paused, and no request under way; in localStorage, whole at every change",
  },
  {
    id: "tanstack-offline",
    title: "@tanstack/offline-transactions 1.0",
    trades: "writes with relaxed durability, and sends one by one",
  },
  {
    id: "sentry",
    title: "@sentry/browser 11, offline transport",
    savesLate: true,
    trades:
      "saves a charge only after its request has failed, and silently drops all beyond a number (30, raised here)",
  },
  {
    id: "dexie",
    title: "Dexie 4.4 outbox",
    trades: "has no lock between tabs and no outcome, and writes with relaxed durability",
  },
  {
    id: "localforage",
    title: "localForage 1.10 outbox",
    trades: "has no lock between tabs and no outcome, and writes with relaxed durability",
  },
  {
    id: "redux-offline",
    title: "redux-offline 2.6",
    savesLate: true,
    trades: "answers from memory and saves the whole queue in localStorage a moment later",
  },
  {
    id: "pouchdb",
    title: "PouchDB 9 outbox",
    trades: "has no lock between tabs and no outcome, and writes with relaxed durability",
  },
  { id: OURS, title: "Tollbox", isOurs: true, batches: true, trades: "" },
];

/** @param {string} id */
export function adapterOf(id) {
  const found = adapters.find((adapter) => adapter.id === id);
  if (!found) throw new Error(`no such adapter: ${id}`);
  return found;
}
