// @ts-check

import { h, KeyedChildren } from "./dom.js";

/** @import { ClientWatch } from "./watch.js" */
/** @import { Text } from "./text.js" */
/** @import { LogEntry } from "../../index.js" */

const LEVELS = /** @type {const} */ (["error", "info", "debug"]);
const SHOWN = 300;

/** The log, newest first. */
export class LogList {
  element;
  #text;
  #level;
  #note = h("p", { class: "soft" });
  #list = h("ol", { class: "log" });
  /** @type {KeyedChildren<LogEntry>} */
  #lines;
  /** Entries have no names of their own. @type {WeakMap<LogEntry, string>} */
  #names = new WeakMap();
  #named = 0;
  /** @type {ClientWatch | null} */
  #watch = null;

  /** @param {Text} text */
  constructor(text) {
    this.#text = text;
    this.#level = h(
      "select",
      { on: { change: () => this.#watch && this.show(this.#watch) } },
      ...LEVELS.map((level) => h("option", { value: level }, level)),
    );
    this.#level.value = "debug";
    this.#lines = new KeyedChildren(
      this.#list,
      (entry) => this.#nameOf(entry),
      ({ level, message, at, key }) => ({
        element: h(
          "li",
          { "data-level": level },
          h("time", { class: "soft" }, text.time(at)),
          h("span", { class: "level" }, level),
          h(
            "span",
            {},
            message,
            ...(key === undefined ? [] : [h("span", { class: "key soft" }, ` ${key}`)]),
          ),
        ),
        show: () => {},
      }),
    );
    const label = h("label", { class: "line" }, h("span", {}, text.level), this.#level);
    this.element = h("div", {}, label, this.#note, this.#list);
  }

  /** @param {ClientWatch} watch */
  show(watch) {
    this.#watch = watch;
    const { log } = watch;
    const most = LEVELS.indexOf(/** @type {LogEntry["level"]} */ (this.#level.value));
    const shown = (log?.entries() ?? [])
      .filter(({ level }) => LEVELS.indexOf(level) <= most)
      .slice(-SHOWN)
      .reverse();
    this.#lines.show(shown);
    this.#note.hidden = shown.length > 0;
    this.#note.textContent = log ? this.#text.emptyLog : this.#text.noLog;
  }

  /** @param {LogEntry} entry */
  #nameOf(entry) {
    let name = this.#names.get(entry);
    if (name === undefined) {
      this.#named += 1;
      name = String(this.#named);
      this.#names.set(entry, name);
    }
    return name;
  }
}
