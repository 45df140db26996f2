// @ts-check

import { h, KeyedChildren, setAttribute, setText } from "./dom.js";

/** @import { ClientWatch } from "./watch.js" */
/** @import { Text } from "./text.js" */
/** @import { BillingStatus, ChargeRecord } from "../../index.js" */

/** @typedef {{ retry: (key: string) => void, cancel: (key: string) => void }} Acts */

/** @type {BillingStatus[]} */
const STATUSES = ["pending", "retrying", "unknown", "failed", "success"];

/** The newest charges, each with what became of it and what can be done. */
export class ChargeList {
  element;
  #filter;
  #empty;
  #list = h("ul", { class: "charges" });
  /** @type {KeyedChildren<ChargeRecord>} */
  #lines;
  /** @type {ClientWatch | null} */
  #watch = null;

  /**
   * @param {Text} text
   * @param {Acts} acts
   */
  constructor(text, acts) {
    const option = (/** @type {string} */ value, /** @type {string} */ name) =>
      h("option", { value }, name);
    this.#filter = h(
      "select",
      { on: { change: () => this.#watch && this.show(this.#watch) } },
      option("", text.all),
      ...STATUSES.map((status) => option(status, text.status[status])),
    );
    this.#empty = h("p", { class: "soft" }, text.noCharges);
    this.#lines = new KeyedChildren(
      this.#list,
      ({ key }) => key,
      () => new ChargeLine(text, acts, (key) => this.#watch?.changes.get(key) ?? []),
    );
    const label = h("label", { class: "line" }, h("span", {}, text.filter), this.#filter);
    this.element = h("div", {}, label, this.#empty, this.#list);
  }

  /** @param {ClientWatch} watch */
  show(watch) {
    this.#watch = watch;
    const wanted = this.#filter.value;
    const shown = watch.charges.filter(({ status }) => !wanted || status === wanted);
    this.#lines.show(shown);
    this.#empty.hidden = shown.length > 0;
  }
}

class ChargeLine {
  element;
  #text;
  #changesOf;
  #status = h("span", { class: "badge" });
  #key = h("span", { class: "key" });
  #amount = h("span", { class: "number" });
  #time = h("time", { class: "soft" });
  #facts = h("dl", { class: "pairs" });
  #outcome = h("pre", { tabindex: "0" });
  #history = h("ol", { class: "history" });
  #noHistory;
  #retry;
  #cancel;
  /** @type {KeyedChildren<{ name: string, value: string }>} */
  #factLines;
  /** @type {KeyedChildren<ChargeRecord>} */
  #changes;
  #name = "";

  /**
   * @param {Text} text
   * @param {Acts} acts
   * @param {(key: string) => ChargeRecord[]} changesOf
   */
  constructor(text, acts, changesOf) {
    this.#text = text;
    this.#changesOf = changesOf;
    this.#noHistory = h("p", { class: "soft" }, text.noHistory);
    const button = (/** @type {"retry" | "cancel"} */ act) =>
      h("button", { type: "button", on: { click: () => acts[act](this.#name) } }, text[act]);
    this.#retry = button("retry");
    this.#cancel = button("cancel");
    this.#factLines = new KeyedChildren(
      this.#facts,
      ({ name }) => name,
      ({ name }) => {
        const value = h("dd", { class: "key" });
        const show = (/** @type {{ value: string }} */ fact) => setText(value, fact.value);
        return { element: h("div", {}, h("dt", {}, name), value), show };
      },
    );
    this.#changes = new KeyedChildren(
      this.#history,
      (record) => `${record.updatedAt} ${record.status} ${record.attempts} ${storyOf(record)}`,
      (record) => ({
        element: h(
          "li",
          {},
          h("time", { class: "soft" }, text.time(record.updatedAt)),
          h("span", { class: "badge", "data-tone": record.status }, text.status[record.status]),
          h("span", { class: "key" }, storyOf(record)),
        ),
        show: () => {},
      }),
    );
    this.element = h(
      "li",
      {},
      h(
        "details",
        {},
        h("summary", {}, this.#status, this.#key, this.#amount, this.#time),
        h(
          "div",
          { class: "inner" },
          h("p", { class: "line" }, this.#retry, this.#cancel),
          this.#facts,
          h("h3", { class: "sub" }, text.history),
          this.#noHistory,
          this.#history,
          h("h3", { class: "sub" }, text.outcome),
          this.#outcome,
        ),
      ),
    );
  }

  /** @param {ChargeRecord} record */
  show(record) {
    const text = this.#text;
    const { key, status, amount, attempts, metadata, nextAttemptAt, outcome } = record;
    this.#name = key;
    setText(this.#status, text.status[status]);
    setAttribute(this.#status, "data-tone", status);
    setText(this.#key, key);
    setAttribute(this.#key, "title", key);
    setText(this.#amount, text.points(text.number(amount)));
    setText(this.#time, text.time(record.updatedAt));
    const facts = [
      { name: text.task, value: record.taskId },
      { name: text.feature, value: record.feature },
      { name: text.attempts, value: text.number(attempts) },
      { name: text.created, value: text.time(record.createdAt) },
      { name: text.updated, value: text.time(record.updatedAt) },
    ];
    if (nextAttemptAt !== null) {
      facts.push({ name: text.next, value: text.time(nextAttemptAt) });
    }
    if (Object.keys(metadata).length > 0) {
      facts.push({ name: text.metadata, value: JSON.stringify(metadata) });
    }
    this.#factLines.show(facts);
    const changes = this.#changesOf(key);
    this.#changes.show(changes);
    this.#noHistory.hidden = changes.length > 0;
    setText(this.#outcome, outcome ? JSON.stringify(outcome, null, 2) : "–");
    setAttribute(this.#outcome, "aria-label", text.outcome);
    // A charged one just answers, and a settled one can't be given up.
    this.#retry.disabled = status === "success";
    this.#cancel.disabled = status === "success" || status === "failed";
    setAttribute(this.#retry, "aria-label", `${text.retry} ${key}`);
    setAttribute(this.#cancel, "aria-label", `${text.cancel} ${key}`);
  }
}

/** @param {ChargeRecord} record */
function storyOf({ outcome, attempts }) {
  if (!outcome) {
    return "";
  }
  const why = "reason" in outcome ? `: ${outcome.reason}` : "";
  return `${outcome.status}${why}, ${attempts}×`;
}
