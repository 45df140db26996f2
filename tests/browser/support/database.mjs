/**
 * The name of an account's database.
 *
 * @param {string} account
 */
const nameOf = (account) => `tollbox:${encodeURIComponent(account)}`;

/**
 * Opens the account's database in the page as it is, beside its client, for a test to do with it what
 * it likes: it is for the test to close it.
 *
 * @param {import("playwright-core").Page} page
 * @param {string} account
 */
export function openDatabase(page, account) {
  return page.evaluateHandle(
    (name) =>
      new Promise((/** @type {(database: IDBDatabase) => void} */ resolve, reject) => {
        const opening = indexedDB.open(name);
        opening.onupgradeneeded = () => reject(new Error(`there was no ${name}`));
        opening.onsuccess = () => resolve(opening.result);
        opening.onerror = () => reject(opening.error);
      }),
    nameOf(account),
  );
}

/**
 * What becomes of deleting the account's database from the page.
 *
 * @param {import("playwright-core").Page} page
 * @param {string} account
 * @returns {Promise<"deleted" | "failed" | "blocked">}
 */
export function deleteDatabase(page, account) {
  return page.evaluate(
    async (name) =>
      new Promise((resolve) => {
        const request = indexedDB.deleteDatabase(name);
        request.onsuccess = () => resolve("deleted");
        request.onerror = () => resolve("failed");
        request.onblocked = () => resolve("blocked");
      }),
    nameOf(account),
  );
}
