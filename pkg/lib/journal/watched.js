// @ts-check

import { Trouble } from "./trouble.js";

/** @typedef {"strict" | "relaxed" | "readonly"} Durability */

/**
 * The most time that a transaction may take: longer than any has been seen to take. A claim may run out
 * meanwhile, which the key makes harmless.
 */
const LIMIT_MS = 15_000;

/** How long the commit of one that can't be undone any more is waited for. */
const COMMIT_LIMIT_MS = 60_000;

/**
 * Begins a transaction and watches it to its end. One that takes too long is undone. One that is past
 * undoing may yet commit, so it is waited for once more.
 *
 * @param {IDBDatabase} database
 * @param {string[]} stores
 * @param {Durability} durability
 */
export function watched(database, stores, durability) {
  const transaction =
    durability === "readonly"
      ? database.transaction(stores)
      : database.transaction(stores, "readwrite", { durability });
  /** @type {Promise<void>} */
  const ended = new Promise((resolve, reject) => {
    const giveUp = () => reject(new Trouble("late", "IndexedDB did not answer in time"));
    const isLate = () => {
      try {
        transaction.abort();
        giveUp();
      } catch {
        timer = setTimeout(giveUp, COMMIT_LIMIT_MS);
      }
    };
    let timer = setTimeout(isLate, LIMIT_MS);
    const end = () => {
      clearTimeout(timer);
      database.removeEventListener("close", isGone);
    };
    // The browser has taken the connection away. Of a commit that was under way then Chromium tells
    // neither its end nor its failure.
    const isGone = () => {
      end();
      reject(new Trouble("closed", "the connection is gone"));
    };
    database.addEventListener("close", isGone);
    transaction.oncomplete = () => {
      end();
      resolve();
    };
    transaction.onabort = () => {
      end();
      reject(transaction.error ?? new DOMException("the transaction was aborted", "AbortError"));
    };
  });
  return { transaction, ended };
}
