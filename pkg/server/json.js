// @ts-check
/**
 * JSON as a billing server reads it: more strictly than `JSON.parse`, which takes an object with a
 * member twice, half a surrogate pair, and numbers beyond all bounds.
 */

/** Containers in containers; a text that nests deeper is no JSON here. */
const MAX_DEPTH = 127;

const BLANKS = /[ \t\n\r]*/y;
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const STRING =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: JSON forbids them in strings
  /"[^"\\\u0000-\u001f]*(?:\\(?:["\\/bfnrt]|u[\da-fA-F]{4})[^"\\\u0000-\u001f]*)*"/y;
const WORD = /true|false|null/y;

/** Names that an object has twice. */
const REPEATED = Symbol("repeated");

/** @typedef {Record<string, unknown> & { [REPEATED]?: Set<string> }} JsonObject */

/** The text is not JSON. */
export class JsonSyntaxError extends Error {}

/** It is JSON, or begins like it, and is no object. */
export class NotAnObject extends Error {}

/** Reads one text. */
export class JsonReader {
  #text;
  #at = 0;
  #depth = 0;

  /** @param {string} text */
  constructor(text) {
    this.#text = text;
  }

  /**
   * The object that the text begins with.
   *
   * @returns {JsonObject}
   */
  object() {
    this.#blanks();
    const first = this.#text[this.#at];
    if (first === "[") {
      throw new NotAnObject("The body must be an object.");
    }
    const value = this.#value();
    if (first !== "{") {
      throw new NotAnObject("The body must be an object.");
    }
    return /** @type {JsonObject} */ (value);
  }

  /** Throws unless this is the end of the text. */
  end() {
    this.#blanks();
    if (this.#at < this.#text.length) {
      throw this.#wrong();
    }
  }

  /** @returns {unknown} */
  #value() {
    this.#blanks();
    switch (this.#text[this.#at]) {
      case "{":
        return this.#nested("}", this.#members);
      case "[":
        return this.#nested("]", this.#elements);
      case '"':
        return this.#string();
      default: {
        const word = this.#match(WORD);
        return word === null ? this.#number() : JSON.parse(word);
      }
    }
  }

  /**
   * @template T
   * @param {string} end
   * @param {(end: string) => T} read
   * @returns {T}
   */
  #nested(end, read) {
    this.#at += 1;
    this.#depth += 1;
    if (this.#depth > MAX_DEPTH) {
      throw new JsonSyntaxError(`The body nests deeper than ${MAX_DEPTH}.`);
    }
    const value = read.call(this, end);
    this.#depth -= 1;
    return value;
  }

  /** @param {string} end */
  #members(end) {
    /** @type {JsonObject} */
    const object = Object.create(null);
    this.#each(end, () => {
      this.#blanks();
      const name = this.#string();
      this.#blanks();
      this.#take(":");
      if (name in object) {
        const repeated = object[REPEATED] ?? new Set();
        Object.defineProperty(object, REPEATED, { value: repeated.add(name), configurable: true });
      }
      object[name] = this.#value();
    });
    return object;
  }

  /** @param {string} end */
  #elements(end) {
    /** @type {unknown[]} */
    const array = [];
    this.#each(end, () => array.push(this.#value()));
    return array;
  }

  /**
   * @param {string} end
   * @param {() => void} read
   */
  #each(end, read) {
    this.#blanks();
    if (this.#text[this.#at] === end) {
      this.#at += 1;
      return;
    }
    for (;;) {
      read();
      this.#blanks();
      if (this.#text[this.#at] === end) {
        this.#at += 1;
        return;
      }
      this.#take(",");
    }
  }

  #string() {
    const text = JSON.parse(this.#match(STRING) ?? this.#fail());
    if (/\p{Surrogate}/u.test(text)) {
      throw this.#wrong();
    }
    return /** @type {string} */ (text);
  }

  #number() {
    const number = Number(this.#match(NUMBER) ?? this.#fail());
    if (!Number.isFinite(number)) {
      throw this.#wrong();
    }
    return number;
  }

  #blanks() {
    this.#match(BLANKS);
  }

  /** @param {string} char */
  #take(char) {
    if (this.#text[this.#at] !== char) {
      throw this.#wrong();
    }
    this.#at += 1;
  }

  /** @param {RegExp} pattern */
  #match(pattern) {
    pattern.lastIndex = this.#at;
    const match = pattern.exec(this.#text);
    if (match === null) {
      return null;
    }
    this.#at += match[0].length;
    return match[0];
  }

  /** @returns {never} */
  #fail() {
    throw this.#wrong();
  }

  #wrong() {
    return new JsonSyntaxError(`The body is not JSON after ${this.#at} characters.`);
  }
}

/**
 * Whether an object that was read has one of these members twice.
 *
 * @param {JsonObject} object
 * @param {string[]} names
 * @returns {string | undefined} its name
 */
export function repeated(object, names) {
  return names.find((name) => object[REPEATED]?.has(name));
}

/**
 * @param {unknown} value
 * @returns {value is JsonObject}
 */
export function isObject(value) {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * The same members by name: answers are then the same, byte for byte, whoever made them.
 *
 * @param {Record<string, unknown>} members
 */
export function sorted(members) {
  const names = Object.keys(members).sort();
  return Object.fromEntries(names.map((name) => [name, members[name]]));
}
