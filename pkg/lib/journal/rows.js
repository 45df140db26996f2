// @ts-check
/** How rows cross between the module and here: many at once, as one text. */

/** What ends a part of a row. */
const END = "\0";

const encoder = new TextEncoder();

/** Rows that have been read. */
export class Rows {
  #rows;

  /** @param {any[]} rows whatever is stored there, `undefined` where nothing is */
  constructor(rows) {
    this.#rows = rows;
  }

  /**
   * In UTF-8, of each row: key, state, sequence, format, check and body, each with `END`. Of a row that
   * can't be written so nothing but the ends: the module asks for it by its place.
   */
  text() {
    let text = "";
    for (const row of this.#rows) {
      const { key, state, sequence, format, check, body } = isPlain(row) ? row : NOTHING;
      // No template: a bundler writes END as it is there, and in a page's inline script it comes to
      // U+FFFD (HTML, "script data state").
      text += [key, state, sequence, format, check, body, ""].join(END);
    }
    return encoder.encode(text);
  }

  /** @param {number} place */
  at(place) {
    return this.#rows[place];
  }

  /** The keys of those that are there. */
  keys() {
    return this.#rows.filter((row) => row !== undefined).map((row) => row?.key);
  }
}

const NOTHING = { key: "", state: "", sequence: "", format: "", check: "", body: "" };

/** @param {any} row */
function isPlain(row) {
  return (
    isPart(row?.key) &&
    row.key !== "" &&
    isPart(row.state) &&
    isPart(row.body) &&
    isWhole(row.sequence) &&
    isWhole(row.format) &&
    isWhole(row.check)
  );
}

/** @param {unknown} text */
function isPart(text) {
  return typeof text === "string" && !text.includes(END);
}

/** @param {any} number */
function isWhole(number) {
  return Number.isSafeInteger(number) && number >= 0;
}

/**
 * The rows of a text that the module made, which may have been stored since. Throws where it is damaged.
 * Of each the text has state, sequence, format, check and the length of
 * the key, each with `END`, then the key, which may have anything in it, and the body with `END`.
 *
 * @param {string} text
 */
export function rowsIn(text) {
  const rows = [];
  let at = 0;
  const part = () => {
    const end = text.indexOf(END, at);
    if (end < 0) {
      throw new RangeError("a part of a row is missing");
    }
    const part = text.slice(at, end);
    at = end + 1;
    return part;
  };
  while (at < text.length) {
    const state = part();
    const [sequence, format, check] = [Number(part()), Number(part()), Number(part())];
    const length = Number(part());
    if (!isWhole(length)) {
      throw new RangeError("the length of a key is wrong");
    }
    const key = text.slice(at, at + length);
    at += length;
    rows.push({ key, state, sequence, format, check, body: part() });
  }
  return rows;
}
