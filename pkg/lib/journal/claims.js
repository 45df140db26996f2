// @ts-check
/**
 * The claims of a batch: one row with what their charges' own rows would be after them. A batch claims
 * many charges at once, each for the moment until its verdict, and so many rows would cost as much as
 * the verdicts do.
 *
 * Whoever else writes one of them gives each its own row again. That says meanwhile that the charge is
 * open, which the index has of it, and no more.
 */

import { rowsIn } from "./rows.js";
import { CLAIMS } from "./schema.js";

/** The rows that take the place of others, by their keys. @typedef {Map<IDBValidKey, any>} Claims */

/**
 * @param {string} text as `rowsIn` reads it
 * @returns {Claims}
 */
export function claimsIn(text) {
  return new Map(rowsIn(text).map((row) => [row.key, row]));
}

/**
 * Null where what is stored in their place can't be read: then any charge may have been claimed.
 *
 * @param {any} row whatever is stored there
 * @returns {Claims | null}
 */
export function claimsOf(row) {
  const text = row === undefined ? "" : row.text;
  try {
    return typeof text === "string" ? claimsIn(text) : null;
  } catch {
    return null;
  }
}

/** @param {string} text as `rowsIn` reads it */
export function rowOfClaims(text) {
  return { key: CLAIMS, text };
}

/**
 * Those of `rows` that are claimed as their claims say. Those claims are taken out of `claims`.
 *
 * @param {any[]} rows
 * @param {Claims} claims
 */
export function claimed(rows, claims) {
  return rows.map((row) => {
    const claim = claims.get(row?.key);
    claims.delete(row?.key);
    return claim ?? row;
  });
}
