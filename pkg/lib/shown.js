// @ts-check

/** So many characters of a text are shown. */
const LIMIT = 40;

/**
 * A value as whoever gave it knows it again, in a message. Of an object or a function only the
 * kind: there may be a token in it, or code that looking at it would run.
 *
 * @param {unknown} value
 * @returns {string}
 */
export function shown(value) {
  if (typeof value === "string") {
    const text = JSON.stringify(value);
    return text.length > LIMIT ? `${text.slice(0, LIMIT)}…"` : text;
  }
  if (Object(value) !== value) {
    return String(value);
  }
  return `of type ${Array.isArray(value) ? "array" : typeof value}`;
}
