// @ts-check

import { OWN } from "./schema.js";

/**
 * What the journal's own row says.
 *
 * @typedef {object} Own
 * @property {string | undefined} id names the database, so that its loss is noticed
 * @property {number} commits how many transactions have been committed that no crash undoes
 * @property {number} mark of the last sign-out; 0 where there was none
 * @property {boolean} lost whether any record is
 */

/**
 * Whatever is stored in its place.
 *
 * @param {any} row
 * @returns {Own}
 */
export function ownOf(row) {
  const { id, commits, mark, lost } = row ?? {};
  return {
    id: typeof id === "string" ? id : undefined,
    commits: Number.isSafeInteger(commits) ? commits : 0,
    mark: Number.isSafeInteger(mark) ? mark : 0,
    lost: lost === true,
  };
}

/** @param {Own} own */
export function rowOf(own) {
  return { key: OWN, ...own };
}
