// @ts-check
/** What the ledger takes: points, keys and names. */

/** The largest amount and the largest balance: 2^53 - 1 points. */
export const MAX_POINTS = Number.MAX_SAFE_INTEGER;

/** The longest that a hold lasts without being renewed, in seconds: a day. */
export const MAX_HOLD_S = 86_400;

/** The longest idempotency key, in bytes of UTF-8. */
export const MAX_KEY_BYTES = 4_096;

/** The longest task id, feature and account, in characters. */
export const MAX_ID_CHARS = 500;

/**
 * Whether it is an amount: whole points, 1 to MAX_POINTS.
 *
 * @param {unknown} points
 * @returns {points is number}
 */
export function isAmount(points) {
  return Number.isSafeInteger(points) && /** @type {number} */ (points) >= 1;
}

/**
 * Whether the text can be an idempotency key.
 *
 * @param {string} text
 */
export function isKey(text) {
  return text !== "" && text.length <= MAX_KEY_BYTES && utf8Length(text) <= MAX_KEY_BYTES;
}

/**
 * Whether the text can be a task id, a feature or an account.
 *
 * @param {string} text
 */
export function isId(text) {
  // A character is at most two units, so a very long text is refused without being counted.
  return text !== "" && text.length <= MAX_ID_CHARS * 2 && [...text].length <= MAX_ID_CHARS;
}

/** @param {string} text */
function utf8Length(text) {
  let bytes = 0;
  for (const char of text) {
    const code = char.codePointAt(0) ?? 0;
    bytes += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x1_0000 ? 3 : 4;
  }
  return bytes;
}
