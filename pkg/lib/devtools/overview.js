// @ts-check

import { h, KeyedChildren, setAttribute, setText } from "./dom.js";

/** @import { ClientWatch } from "./watch.js" */
/** @import { Text } from "./text.js" */
/** @import { ChargeRecord } from "../../index.js" */

const NETWORK_TONE = { online: "good", offline: "wait", unreachable: "bad" };
const STORAGE_TONE = { indexeddb: "plain", localstorage: "wait", memory: "bad" };
const STATUSES = /** @type {const} */ (["pending", "retrying", "unknown", "failed"]);

/** Balance, holds, connection, queue and figures. */
export class Overview {
  element;
  #text;
  #figures = { available: h("dd"), confirmed: h("dd"), held: h("dd") };
  #freshness = h("span", { class: "badge" });
  #asOf = h("span", { class: "soft" });
  #holds = h("ul", { class: "rows" });
  #noHolds;
  /** @type {KeyedChildren<{ key: string, amount: number }>} */
  #holdLines;
  #network = h("span", { class: "badge" });
  #storage = h("span", { class: "badge" });
  #persisted = h("span");
  #flush = h("span");
  #progress = h("progress", { hidden: true });
  #counts = { pending: h("dd"), retrying: h("dd"), unknown: h("dd"), failed: h("dd") };
  #rate = h("span");
  #attempts = h("span");
  #ended = h("span");
  #latency = h("span");

  /** @param {Text} text */
  constructor(text) {
    this.#text = text;
    this.#noHolds = h("p", { class: "soft" }, text.noHolds);
    this.#holdLines = new KeyedChildren(
      this.#holds,
      ({ key }) => key,
      ({ key }) => {
        const amount = h("span", { class: "number" });
        const element = h("li", {}, h("span", { class: "key" }, key || text.otherHolds), amount);
        const show = (/** @type {{ amount: number }} */ hold) =>
          setText(amount, text.points(text.number(hold.amount)));
        return { element, show };
      },
    );
    const figure = (/** @type {"available" | "confirmed" | "held"} */ name) =>
      h("div", { class: name }, h("dt", {}, text[name]), this.#figures[name]);
    const row = (/** @type {string} */ name, /** @type {Node[]} */ ...value) =>
      h("div", {}, h("dt", {}, name), h("dd", {}, ...value));
    const count = (/** @type {(typeof STATUSES)[number]} */ name) =>
      h("div", { "data-tone": name }, h("dt", {}, text.status[name]), this.#counts[name]);
    setAttribute(this.#progress, "aria-label", text.flush);
    this.element = h(
      "div",
      {},
      section(
        text.balance,
        h("dl", { class: "balance" }, figure("available"), figure("confirmed"), figure("held")),
        h("p", { class: "line" }, this.#freshness, this.#asOf),
      ),
      section(text.queue, h("dl", { class: "counts" }, ...STATUSES.map(count))),
      section(text.holds, this.#noHolds, this.#holds),
      section(
        text.connection,
        h(
          "dl",
          { class: "pairs" },
          row(text.networkName, this.#network),
          row(text.storageName, this.#storage),
          row(text.eviction, this.#persisted),
          row(text.flush, this.#flush, this.#progress),
        ),
      ),
      section(
        text.figures,
        h(
          "dl",
          { class: "pairs" },
          row(text.successRate, this.#rate),
          row(text.ended, this.#ended),
          row(text.attempts, this.#attempts),
          row(text.latency, this.#latency),
        ),
      ),
    );
  }

  /** @param {ClientWatch} watch */
  show({ snapshot, charges }) {
    const text = this.#text;
    const { balance, network, storage, persisted, queue, flush, stats } = snapshot;
    for (const name of /** @type {const} */ (["available", "confirmed", "held"])) {
      setText(this.#figures[name], balance ? text.number(balance[name]) : "–");
    }
    const isFresh = balance !== null && !balance.stale;
    this.#freshness.hidden = !balance;
    setText(this.#freshness, isFresh ? text.fresh : text.stale);
    setAttribute(this.#freshness, "data-tone", isFresh ? "good" : "wait");
    const asOf = balance && text.asOf(text.time(balance.asOf), text.number(balance.version));
    setText(this.#asOf, asOf ?? text.unknownBalance);
    this.#showHolds(charges, balance?.held ?? queue.heldPoints);
    setText(this.#network, text.network[network]);
    setAttribute(this.#network, "data-tone", NETWORK_TONE[network]);
    setText(this.#storage, text.storage[storage]);
    setAttribute(this.#storage, "data-tone", STORAGE_TONE[storage]);
    const { yes, no, unasked } = text.persisted;
    setText(this.#persisted, persisted ? yes : persisted === false ? no : unasked);
    setText(this.#flush, flush ? text.flushing(flush.done, flush.total) : text.idle);
    this.#progress.hidden = !flush;
    setAttribute(this.#progress, "value", flush?.done);
    setAttribute(this.#progress, "max", flush?.total);
    for (const name of STATUSES) {
      setText(this.#counts[name], text.number(queue[name]));
      setAttribute(this.#counts[name], "data-none", queue[name] === 0);
    }
    const { successRate, latencyMs } = stats;
    setText(
      this.#rate,
      successRate === null ? "–" : `${text.number(Math.round(successRate * 100))} %`,
    );
    setText(this.#ended, `${text.number(stats.charged)} / ${text.number(stats.enqueued)}`);
    setText(this.#attempts, text.number(stats.attempts));
    const rounded = latencyMs && [latencyMs.p50, latencyMs.p95, latencyMs.p99].map(Math.round);
    setText(this.#latency, rounded ? `${rounded.map(text.number).join(" · ")} ms` : "–");
  }

  /**
   * @param {ChargeRecord[]} charges
   * @param {number} held
   */
  #showHolds(charges, held) {
    const open = charges.filter(({ status }) => status === "pending" || status === "retrying");
    const holds = open.map(({ key, amount }) => ({ key, amount }));
    const others = held - holds.reduce((sum, { amount }) => sum + amount, 0);
    if (others > 0) {
      holds.push({ key: "", amount: others });
    }
    this.#holdLines.show(holds);
    this.#noHolds.hidden = holds.length > 0;
  }
}

/**
 * @param {string} heading
 * @param {...Node} content
 */
export function section(heading, ...content) {
  return h("section", {}, h("h3", {}, heading), ...content);
}
