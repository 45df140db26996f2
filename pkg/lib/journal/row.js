// @ts-check
/** The rows of charges, as the module gives and takes them: member by member. */

/**
 * @param {string} key
 * @param {string} state
 * @param {number} sequence
 * @param {number} format
 * @param {number} check
 * @param {string} body
 */
export function row(key, state, sequence, format, check, body) {
  return { key, state, sequence, format, check, body };
}

/** @param {any} row whatever is stored there, as below */
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
