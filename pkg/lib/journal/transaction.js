// @ts-check

import { claimed, claimsOf } from "./claims.js";
import { afterOne, ownOf, rowOf } from "./own.js";
import { Rows, rowsIn } from "./rows.js";
import {
  BY_STATE,
  CHARGES,
  CLAIMS,
  inState,
  lostKey,
  OWN,
  QUARANTINE,
  rowsFrom,
} from "./schema.js";
import { watched } from "./watched.js";

/** @import { Database } from "./database.js" */
/** @import { Claims } from "./claims.js" */
/** @import { Own } from "./own.js" */
/** @import { Durability } from "./watched.js" */

/**
 * One transaction that reads, waits for the module to decide, and then writes everything at once: where
 * the module dies in between, nothing is left half done.
 */
export class Transaction {
  #transaction;
  #charges;
  #ended;
  #durability;
  #options;
  #narrow = false;
  rows = new Rows([]);
  /** Of which of the keys that were asked for the record is lost. @type {boolean[]} */
  #lost = [];
  /** The journal's own row. @type {Own} */
  own = ownOf(null);
  #changesOwn = false;
  /** Those of a batch of which nothing is written; null where they are damaged. @type {Claims | null} */
  #claims = new Map();
  /** Whether it takes one of them away. */
  #unclaims = false;
  /** What is written at the end. @type {((charges: IDBObjectStore) => void)[]} */
  #writes = [];
  /** @type {Promise<void>} */
  reading;

  /**
   * @param {IDBDatabase} database
   * @param {IDBValidKey[] | "all" | "settled"} asked the keys of the rows that it reads, or all of a kind
   * @param {Durability} durability
   * @param {object} [options]
   * @param {boolean} [options.setsAside]
   * @param {boolean} [options.counts] among those that no crash undoes
   * @param {(own: Own) => void} [options.saw] hears what the journal's own row is
   * @param {(claims: Claims) => void} [options.leaves] hears which claims of a batch it leaves
   * @param {(change: number) => void} [options.told] hears which change it was, if it was one
   */
  constructor(database, asked, durability, options = {}) {
    const stores = options.setsAside ? [CHARGES, QUARANTINE] : [CHARGES];
    const { transaction, ended } = watched(database, stores, durability);
    this.#transaction = transaction;
    this.#ended = ended;
    this.#durability = durability;
    this.#options = options;
    this.#charges = transaction.objectStore(CHARGES);
    this.reading = Promise.race([this.#read(asked), ended]);
    // They may be awaited later, or not at all.
    this.reading.catch(() => {});
    ended.catch(() => {});
  }

  /** @param {IDBValidKey[] | "all" | "settled"} asked */
  async #read(asked) {
    try {
      const requests = this.#ask(asked);
      const claims = this.#charges.get(CLAIMS);
      const own = await last(this.#charges.get(OWN));
      this.#claims = claimsOf(claims.result);
      this.own = ownOf(own);
      this.#options.saw?.(this.own);
      if (typeof asked !== "string" && this.own.lost) {
        const lost = asked.map((key) => this.#charges.get(lostKey(key)));
        await last(lost.at(-1));
        this.#lost = lost.map(({ result }) => result !== undefined);
      }
      const results = requests.map(({ result }) => result);
      this.rows = new Rows(this.#rows(asked, results));
    } catch (error) {
      this.undo();
      throw error;
    }
  }

  /** @param {IDBValidKey[] | "all" | "settled"} asked */
  #ask(asked) {
    switch (asked) {
      case "all":
        return [this.#charges.getAll(rowsFrom())];
      case "settled":
        return [this.#charges.index(BY_STATE).getAll(inState(asked))];
      default:
        return asked.map((key) => this.#charges.get(key));
    }
  }

  /**
   * @param {IDBValidKey[] | "all" | "settled"} asked
   * @param {any[]} results
   */
  #rows(asked, results) {
    const claims = new Map(this.#claims);
    switch (asked) {
      case "all":
        return [...claimed(results[0], claims), ...claims.values()];
      case "settled":
        return results[0];
      default:
        return asked.map((key, place) => claims.get(key) ?? results[place]);
    }
  }

  get commits() {
    return this.own.commits;
  }

  get mark() {
    return this.own.mark;
  }

  /** @param {number} mark */
  setMark(mark) {
    this.setOwn({ mark });
  }

  /** @param {number} commits */
  setCommits(commits) {
    // Another tab may have gone on meanwhile.
    this.setOwn({ commits: Math.max(this.own.commits, commits) });
  }

  /** Whether claims of a batch are there, and damaged: any charge may be among them. */
  get hasLostClaims() {
    return this.#claims === null;
  }

  /** Damaged claims are of no use any more: everything is in doubt now. */
  forgetLostClaims() {
    if (this.#claims === null) {
      this.#write((charges) => charges.delete(CLAIMS));
    }
  }

  /** Whether it was begun with too little for what is to be written. */
  get isTooNarrow() {
    return this.#narrow;
  }

  /** @param {number} place */
  isLost(place) {
    return this.#lost[place] === true;
  }

  /** @param {string} rows as `rowsIn` reads them */
  put(rows) {
    for (const row of rowsIn(rows)) {
      this.#writeAt(row.key, (charges) => charges.put(row));
    }
  }

  /** @param {IDBValidKey} key */
  remove(key) {
    this.#writeAt(key, (charges) => charges.delete(key));
  }

  /**
   * The record of this charge is lost.
   *
   * @param {IDBValidKey} key
   * @param {string} why
   */
  lose(key, why) {
    // What is no text is nobody's key.
    if (typeof key === "string") {
      this.setOwn({ lost: true });
      this.#write((charges) => charges.put({ key: lostKey(key), why }));
    }
  }

  /**
   * @param {any} row
   * @param {string} why
   * @param {number} foundAtMs
   */
  setAside(row, why, foundAtMs) {
    this.#narrow ||= !this.#options.setsAside;
    this.#writeAt(row.key, (charges) => {
      const quarantine = charges.transaction.objectStore(QUARANTINE);
      quarantine.add({ row, why, found_at_ms: foundAtMs });
      charges.delete(row.key);
    });
  }

  /** @param {Partial<Own>} changes */
  setOwn(changes) {
    this.own = { ...this.own, ...changes };
    this.#changesOwn = true;
  }

  /**
   * Writes, or removes, the row of a charge, whatever its claim says.
   *
   * @param {IDBValidKey} key
   * @param {(charges: IDBObjectStore) => void} write
   */
  #writeAt(key, write) {
    this.#unclaims = this.#claims?.delete(key) || this.#unclaims;
    this.#write(write);
  }

  /** @param {(charges: IDBObjectStore) => void} write */
  #write(write) {
    this.#narrow ||= this.#durability === "readonly";
    this.#writes.push(write);
  }

  /** Writes what there is to write, and resolves when the transaction has ended. */
  async commit() {
    try {
      if (this.#writes.length > 0) {
        this.setOwn(afterOne(this.own, this.#options.counts === true));
        this.#unclaim();
      }
      for (const write of this.#writes) {
        write(this.#charges);
      }
      if (this.#changesOwn) {
        this.#charges.put(rowOf(this.own));
      }
      this.#transaction.commit?.();
    } catch (error) {
      this.undo();
      throw error;
    }
    await this.#ended;
    this.#options.saw?.(this.own);
    if (this.#writes.length > 0 && this.#claims) {
      this.#options.leaves?.(this.#unclaims ? new Map() : this.#claims);
      this.#options.told?.(this.own.changes);
    }
  }

  /** Gives every charge its own row again, if one of those that are claimed gets it. */
  #unclaim() {
    if (this.#claims && this.#unclaims) {
      for (const row of this.#claims.values()) {
        this.#charges.put(row);
      }
      this.#charges.delete(CLAIMS);
    }
  }

  /** Nothing of it happens. */
  undo() {
    try {
      this.#transaction.abort();
    } catch {
      // It has ended already.
    }
  }
}

/**
 * A transaction over the connection that is there.
 *
 * @param {Database} database
 * @param {IDBValidKey[] | "all" | "settled"} asked
 * @param {Durability} durability
 * @param {boolean} setsAside
 * @param {boolean} counts
 * @param {boolean} isTold whether the core learns of everything that it changes
 */
export function begin(database, asked, durability, setsAside, counts, isTold) {
  const saw = (/** @type {Own} */ own) => database.saw(own);
  const told = (/** @type {number} */ change) => isTold && database.told(change);
  const leaves = (/** @type {Claims} */ claims) => {
    database.claims = claims;
  };
  const options = { setsAside, counts, saw, told, leaves };
  return new Transaction(database.connection, asked, durability, options);
}

/**
 * The result of a request that comes after all others. If one of them fails the transaction ends.
 *
 * @param {IDBRequest | undefined} request
 * @returns {Promise<any>}
 */
async function last(request) {
  return (
    request &&
    new Promise((resolve) => {
      request.onsuccess = () => resolve(request.result);
    })
  );
}
