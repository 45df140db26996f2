// @ts-check

import { OWN } from "./schema.js";

/**
 * What the journal's own row says.
 *
 * @typedef {object} Own
 * @property {string | undefined} id names the database, so that its loss is noticed
 * @property {number} commits how many transactions have been committed that no crash undoes
 * @property {number} changes how many have written rows
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
  const { id, commits, changes, mark, lost } = row ?? {};
  return {
    id: typeof id === "string" ? id : undefined,
    commits: wholeOr0(commits),
    changes: wholeOr0(changes),
    mark: wholeOr0(mark),
    lost: lost === true,
  };
}

/** @param {unknown} number */
function wholeOr0(number) {
  return Number.isSafeInteger(number) ? Number(number) : 0;
}

/**
 * @param {Own} own
 * @param {boolean} counts whether no crash undoes the transaction
 * @returns {Own} after one more transaction
 */
export function afterOne(own, counts) {
  return { ...own, commits: own.commits + Number(counts), changes: own.changes + 1 };
}

/** @param {Own} own */
export function rowOf(own) {
  return { key: OWN, ...own };
}
