// @ts-check

import { claimed, claimsOf } from "./claims.js";
import { ownOf } from "./own.js";
import { Rows } from "./rows.js";
import { BY_STATE, CHARGES, CLAIMS, inState, lostKeys, OWN, rowsFrom } from "./schema.js";
import { watched } from "./watched.js";

/** @import { Database } from "./database.js" */

/** Each page of so many rows comes in a task of its own, which is a short one. */
const PAGE = 500;

/** So many keys of lost records are told. */
const MOST_TOLD = 10_000;

/** The states in which something may be left to do. */
const UNSETTLED = ["open", "parked", "retryable"];

/** A reading of the journal, a page at a time, in one transaction. */
export class Pages {
  /** @type {Rows[]} */
  #come = [];
  /** Reads that are under way. */
  #pending = 0;
  #ended;
  #tell = () => {};
  /** Claims that have not come with a page. @type {import("./claims.js").Claims} */
  #claims = new Map();
  /** Claims of a batch are there, and damaged: nothing else is told then. */
  hasLostClaims = false;
  /** How many changes there had been when it was read. */
  changes = 0;
  /** The keys of charges whose records are lost, where everything is read. @type {string[]} */
  lost = [];

  /**
   * @param {Database} database
   * @param {boolean} all or only what may have something left to do
   */
  constructor(database, all) {
    const { transaction, ended } = watched(database.connection, [CHARGES], "readonly");
    this.#ended = ended;
    // It may be awaited later, or not at all.
    ended.catch(() => {});
    const store = transaction.objectStore(CHARGES);
    const claims = store.get(CLAIMS);
    const asked = store.get(OWN);
    asked.onsuccess = () => {
      const own = ownOf(asked.result);
      database.saw(own);
      this.changes = own.changes;
      const read = claimsOf(claims.result);
      this.hasLostClaims = read === null;
      if (read) {
        this.#claims = read;
        database.claims = new Map(read);
      }
      if (all && own.lost) {
        const keys = store.getAllKeys(lostKeys(), MOST_TOLD);
        keys.onsuccess = () => {
          this.lost = keys.result.map((key) => /** @type {string[]} */ (key)[1] ?? "");
        };
      }
    };
    if (all) {
      this.#read(store, rowsFrom());
    } else {
      const byState = store.index(BY_STATE);
      for (const state of UNSETTLED) {
        this.#read(byState, inState(state));
      }
    }
  }

  /**
   * @param {IDBObjectStore | IDBIndex} of
   * @param {IDBKeyRange} range
   */
  #read(of, range) {
    this.#pending += 1;
    const request = of.getAll(range, PAGE);
    request.onsuccess = () => {
      const rows = request.result;
      this.#pending -= 1;
      const last = rows.at(-1);
      if (rows.length === PAGE) {
        // Asked for before this page is worked on.
        this.#read(of, of instanceof IDBIndex ? inState(last.state, last) : rowsFrom(last.key));
      }
      this.#come.push(new Rows(claimed(rows, this.#claims)));
      this.#tell();
    };
  }

  /**
   * The next page; undefined after the last.
   *
   * @returns {Promise<Rows | undefined>}
   */
  async next() {
    while (this.#come.length === 0 && this.#pending > 0) {
      const told = new Promise((resolve) => {
        this.#tell = () => resolve(undefined);
      });
      await Promise.race([told, this.#ended]);
    }
    const page = this.#come.shift();
    if (page && !this.hasLostClaims) {
      return page;
    }
    // What was read of one that was undone may not be all.
    await this.#ended;
    if (this.#claims.size === 0) {
      return undefined;
    }
    // Their own rows are gone.
    const rows = new Rows([...this.#claims.values()]);
    this.#claims.clear();
    return rows;
  }
}

/**
 * @param {Database} database
 * @param {boolean} all
 */
export function read(database, all) {
  return new Pages(database, all);
}
