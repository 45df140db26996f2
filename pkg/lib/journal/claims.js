// @ts-check
/**
 * The claims of a batch: one row with what their charges' own rows would be after them. A batch claims
 * many charges at once, each for the moment until its verdict, and so many rows would cost as much as
 * the verdicts do.
 *
 * Whoever writes the row of one of them gives each of the others its own again. A charge's own row says
 * meanwhile that it is open, which is all that the index has of it.
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

/** @param {string} text as `rowsIn` reads it */
export function rowOfClaims(text) {
  return { key: CLAIMS, text, check: checkOf(text) };
}

/**
 * Null where what is stored in their place is damaged: then any charge may have been claimed.
 *
 * @param {any} row whatever is stored there
 * @returns {Claims | null}
 */
export function claimsOf(row) {
  if (row === undefined) {
    return new Map();
  }
  const { text, check } = row;
  try {
    return check === checkOf(text) ? claimsIn(text) : null;
  } catch {
    return null;
  }
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

/**
 * FNV-1a of 32 bits, over the text's units (draft-eastlake-fnv). Each record in it has a check of its
 * own; this one is for what is between them.
 *
 * @param {string} text
 */
function checkOf(text) {
  let check = 0x811c9dc5;
  for (let at = 0; at < text.length; at += 1) {
    check = Math.imul(check ^ text.charCodeAt(at), 0x01000193);
  }
  return check >>> 0;
}
