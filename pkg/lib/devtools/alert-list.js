// @ts-check

import { h, KeyedChildren } from "./dom.js";
import { section } from "./overview.js";

/** @import { ClientWatch } from "./watch.js" */
/** @import { Text } from "./text.js" */
/** @import { Alert, QuarantinedRecord } from "../../index.js" */

/** Alerts that go on, those that were told, and what was set aside. */
export class AlertList {
  element;
  /** @type {KeyedChildren<Alert>} */
  #goingOn;
  /** @type {KeyedChildren<Alert>} */
  #told;
  /** @type {KeyedChildren<QuarantinedRecord>} */
  #quarantined;
  #noneGoingOn;
  #noneTold;
  #quarantine;

  /** @param {Text} text */
  constructor(text) {
    const [goingOn, told, quarantined] = [alertRows(), alertRows(), alertRows()];
    const keyOf = (/** @type {Alert} */ { kind, at, detail }) => `${kind} ${at} ${detail}`;
    const line = (/** @type {Alert} */ { kind, at, detail }) =>
      entry(kind, kind === "network_restored" ? "good" : "wait", text.time(at), detail);
    this.#goingOn = new KeyedChildren(goingOn, keyOf, line);
    this.#told = new KeyedChildren(told, keyOf, line);
    this.#quarantined = new KeyedChildren(
      quarantined,
      ({ key, foundAt }) => `${key} ${foundAt}`,
      ({ key, foundAt, detail }) => entry(key, "bad", foundAt ? text.time(foundAt) : "", detail),
    );
    this.#noneGoingOn = h("p", { class: "soft" }, text.noneGoingOn);
    this.#noneTold = h("p", { class: "soft" }, text.noneTold);
    this.#quarantine = section(text.quarantined, quarantined);
    this.element = h(
      "div",
      {},
      section(text.goingOn, this.#noneGoingOn, goingOn),
      this.#quarantine,
      section(text.told, this.#noneTold, told),
    );
  }

  /** @param {ClientWatch} watch */
  show({ snapshot, alerts, quarantined }) {
    const goingOn = snapshot.alerts ?? [];
    this.#goingOn.show(goingOn);
    this.#noneGoingOn.hidden = goingOn.length > 0;
    this.#quarantined.show(quarantined);
    this.#quarantine.hidden = quarantined.length === 0;
    this.#told.show(alerts);
    this.#noneTold.hidden = alerts.length > 0;
  }
}

function alertRows() {
  return h("ul", { class: "alerts" });
}

/**
 * @param {string} name
 * @param {string} tone
 * @param {string} time
 * @param {string} detail
 */
function entry(name, tone, time, detail) {
  const element = h(
    "li",
    {},
    h(
      "p",
      { class: "line" },
      h("span", { class: "badge", "data-tone": tone }, name),
      h("time", { class: "soft" }, time),
    ),
    h("p", {}, detail),
  );
  return { element, show: () => {} };
}
