// @ts-check
/** A row that may not have the form of a charge's, member by member. */

/** @param {any} row whatever is stored there */
export function keyOf(row) {
  return row?.key;
}

/** @param {any} row */
export function stateOf(row) {
  return textOr(row?.state);
}

/** @param {any} row */
export function sequenceOf(row) {
  return wholeOr(row?.sequence);
}

/** @param {any} row */
export function formatOf(row) {
  return wholeOr(row?.format);
}

/** @param {any} row */
export function checkOf(row) {
  return wholeOr(row?.check);
}

/** @param {any} row */
export function bodyOf(row) {
  return textOr(row?.body);
}

/** @param {unknown} text */
function textOr(text) {
  return typeof text === "string" ? text : undefined;
}

/** Also for the module's numbers of 32 bits. @param {unknown} number */
function wholeOr(number) {
  return Number.isSafeInteger(number) && Number(number) >= 0 ? Number(number) : undefined;
}
