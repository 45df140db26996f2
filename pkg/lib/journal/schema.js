// @ts-check
/**
 * What the database is made of, and how an older one becomes so.
 *
 * A step only adds: rows keep their form, which is versioned on its own (`core::codec`). A database of a
 * newer version is not opened.
 */

import { inTime } from "./in-time.js";
import { Trouble } from "./trouble.js";

/**
 * WebKit has been seen to leave `open` hanging; so does an upgrade for which another tab does not make
 * way.
 */
export const OPEN_LIMIT_MS = 4_000;

/** How long the browser may take to tell which databases there are. */
const LIST_LIMIT_MS = 1_000;

/**
 * One row a charge, by its key, which is a string. What every transaction needs is in the same store,
 * by keys that are arrays: the journal's own row, `OWN`, the claims of a batch, `CLAIMS`, and by
 * `lostKey` why the record of a charge is gone. A second store would have to be locked as well.
 */
export const CHARGES = "charges";
/** The charges by state, in their order; no two are in the same place. */
export const BY_STATE = "by_state";
/** Records that did not pass their check. */
export const QUARANTINE = "quarantine";

/** The key of the row that tells of the journal as a whole. An array comes after every string. */
export const OWN = ["journal"];

/** The key of the row that has the claims of a batch: see claims.js. */
export const CLAIMS = ["claims"];

/** @param {IDBValidKey} key a charge's */
export const lostKey = (key) => ["lost", key];

/** Everything that is a charge's row, or should be. @param {IDBValidKey} [after] begins after this key */
export function rowsFrom(after) {
  return after === undefined
    ? IDBKeyRange.upperBound([], true)
    : IDBKeyRange.bound(after, [], true, true);
}

/** The keys under which it is noted that records are lost. */
export const lostKeys = () => IDBKeyRange.bound(["lost"], ["lost\0"], false, true);

/**
 * All of the index that is in this state.
 *
 * @param {string} state
 * @param {any} [after] begins after this row
 */
export function inState(state, after) {
  const from = after ? [state, after.sequence, after.key] : [state];
  return IDBKeyRange.bound(from, [`${state}\0`], after !== undefined, true);
}

/**
 * The steps to today's schema, in order. A database's version is how many of them it has taken.
 *
 * @type {((database: IDBDatabase) => void)[]}
 */
export const STEPS = [
  (database) => {
    const charges = database.createObjectStore(CHARGES, { keyPath: "key" });
    charges.createIndex(BY_STATE, ["state", "sequence", "key"]);
    database.createObjectStore(QUARANTINE, { autoIncrement: true });
  },
];

/** Why there is no connection. */
export class Unopened {
  /**
   * @param {Trouble} trouble
   * @param {"now" | "late" | "ever"} lasts whether it may pass, took too long, or does not pass
   */
  constructor(trouble, lasts) {
    this.trouble = trouble;
    this.lasts = lasts;
  }
}

export const late = () =>
  new Unopened(new Trouble("unopenable", "IndexedDB did not open in time"), "late");

/**
 * Opens the database, which takes those of `steps` first that it has not taken yet. Rejects with
 * `Unopened`. What comes too late is closed: nobody waits for it, and it would be in the way of others.
 *
 * `isRemade`: the browser says that it found the database damaged, and threw it away. Chromium does, by
 * a member of its own.
 *
 * @param {string} name
 * @returns {Promise<{ connection: IDBDatabase, isRemade: boolean }>}
 */
export function openDatabase(name, steps = STEPS) {
  return new Promise((resolve, reject) => {
    let request;
    try {
      request = indexedDB.open(name, steps.length);
    } catch {
      const detail = "this page may not open IndexedDB";
      reject(new Unopened(new Trouble("unopenable", detail), "ever"));
      return;
    }
    let isLate = false;
    let isRemade = false;
    const timer = setTimeout(() => {
      isLate = true;
      reject(late());
    }, OPEN_LIMIT_MS);
    request.onupgradeneeded = (event) => {
      isRemade = Reflect.get(event, "dataLoss") === "total";
      for (const step of steps.slice(event.oldVersion)) {
        step(request.result);
      }
    };
    request.onsuccess = () => {
      clearTimeout(timer);
      const connection = request.result;
      // Firefox reports what nobody prevents as the page's uncaught error. Of an abort nothing is left
      // to be prevented; any other error that is prevented would not abort its transaction.
      connection.onerror = (event) => {
        if (/** @type {IDBRequest} */ (event.target).error?.name === "AbortError") {
          event.preventDefault();
        }
      };
      isLate ? connection.close() : resolve({ connection, isRemade });
    };
    request.onerror = (event) => {
      clearTimeout(timer);
      event.preventDefault();
      reject(unopened(request.error));
    };
  });
}

/** @param {DOMException | null} error */
function unopened(error) {
  const { kind, detail } = Trouble.of(error);
  // Who comes while the database is being deleted may have better luck the next time.
  const trouble = new Trouble(kind === "closed" ? kind : "unopenable", detail);
  // It has a newer schema, or is not for this page.
  const isFinal = error?.name === "VersionError" || error?.name === "SecurityError";
  return new Unopened(trouble, isFinal ? "ever" : "now");
}

/**
 * Whether the browser says that there is a database of this name; false where it does not tell.
 *
 * @param {string} name
 * @returns {Promise<boolean>}
 */
export async function isListed(name) {
  try {
    const listed = await inTime(LIST_LIMIT_MS, [], indexedDB.databases());
    return listed.some((database) => database.name === name);
  } catch {
    return false;
  }
}
