// @ts-check
/** The texts of a rule, filled in: fresh keys, and what was saved of earlier answers. */

const NAME = /\{([a-z][a-z0-9_.]*)(?::(\d+))?\}/g;
const VALUE = /^\$([a-z][a-z0-9_.]*)([+-]\d+)?$/;
const KEY = /^[a-z]\d?$/;

/** What the names of one rule stand for. */
export class Scope {
  /** @type {Map<string, unknown>} */
  #saved;
  /** The beginning of each fresh key. */
  #prefix;

  /**
   * @param {string} prefix
   * @param {Iterable<[string, unknown]>} saved
   */
  constructor(prefix, saved) {
    this.#prefix = prefix;
    this.#saved = new Map(saved);
  }

  /**
   * The same, and what these names stand for.
   *
   * @param {Record<string, unknown>} more
   */
  with(more) {
    return new Scope(this.#prefix, [...this.#saved, ...Object.entries(more)]);
  }

  /**
   * @param {string} name
   * @param {unknown} value
   */
  save(name, value) {
    if (KEY.test(name)) {
      throw new Error(`the catalogue saves ${name}, which is the name of a key`);
    }
    this.#saved.set(name, value);
  }

  /**
   * `{a}` and `{a:255}` are fresh keys, the second of so many characters.
   *
   * @param {string} template
   */
  text(template) {
    return template.replace(NAME, (_, name, length) => {
      const text = String(this.#named(name));
      return length === undefined ? text : text.padEnd(Number(length), "x");
    });
  }

  /**
   * `$name` is what was saved, `$name+1` a number beside it; texts are filled in.
   *
   * @param {unknown} template
   * @returns {unknown}
   */
  value(template) {
    if (typeof template === "string") {
      const [, name, step] = VALUE.exec(template) ?? [];
      if (name === undefined) {
        return this.text(template);
      }
      const value = this.#named(name);
      return step === undefined ? value : Number(value) + Number(step);
    }
    if (Array.isArray(template)) {
      return template.map((one) => this.value(one));
    }
    if (typeof template === "object" && template !== null) {
      const members = Object.entries(template);
      return Object.fromEntries(members.map(([name, one]) => [name, this.value(one)]));
    }
    return template;
  }

  /** @param {string} name */
  #named(name) {
    if (this.#saved.has(name)) {
      return this.#saved.get(name);
    }
    if (KEY.test(name)) {
      return `${this.#prefix}-${name}`;
    }
    throw new Error(`the catalogue names ${name}, which nothing has saved`);
  }
}
