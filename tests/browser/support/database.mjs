import { stemOf } from "./accounts.mjs";

/** @typedef {import("./server.mjs").BillingServer} BillingServer */

/**
 * Opens the account's database in the page in its present version, beside its client. The test has
 * to close it.
 *
 * @param {import("playwright-core").Page} page
 * @param {BillingServer} server
 * @param {string} account
 */
export function openDatabase(page, server, account) {
  return page.evaluateHandle(
    (name) =>
      new Promise((/** @type {(database: IDBDatabase) => void} */ resolve, reject) => {
        const opening = indexedDB.open(name);
        opening.onupgradeneeded = () => reject(new Error(`there was no ${name}`));
        opening.onsuccess = () => resolve(opening.result);
        opening.onerror = () => reject(opening.error);
      }),
    stemOf(server, account),
  );
}

/**
 * Deletes the account's database from the page, and gives the result.
 *
 * @param {import("playwright-core").Page} page
 * @param {BillingServer} server
 * @param {string} account
 * @returns {Promise<"deleted" | "failed" | "blocked">}
 */
export function deleteDatabase(page, server, account) {
  return page.evaluate(
    async (name) =>
      new Promise((resolve) => {
        const request = indexedDB.deleteDatabase(name);
        request.onsuccess = () => resolve("deleted");
        request.onerror = () => resolve("failed");
        request.onblocked = () => resolve("blocked");
      }),
    stemOf(server, account),
  );
}
