// @ts-check

import { AlertList } from "./alert-list.js";
import { ChargeList } from "./charge-list.js";
import { h, icon, setAttribute, setText } from "./dom.js";
import { LogList } from "./log-list.js";
import { Overview } from "./overview.js";

/** @import { BillingClient } from "../../index.js" */
/** @import { ClientWatch } from "./watch.js" */
/** @import { Text } from "./text.js" */

/** @typedef {"overview" | "charges" | "alerts" | "log"} Tab */

/** @type {Tab[]} */
const TABS = ["overview", "charges", "alerts", "log"];
const NETWORK_TONE = { online: "good", offline: "wait", unreachable: "bad" };
/** Long for a download to begin. */
const DOWNLOAD_MS = 60_000;
/** An outbox. */
const OUTBOX = "M2 9.5v4h12v-4M5 5l3-3 3 3M8 2v8";
const CROSS = "M3.5 3.5l9 9M12.5 3.5l-9 9";

/** What is inside the element, in one language. */
export class Panel {
  /** @type {HTMLElement[]} */
  elements;
  #text;
  #toggle;
  #dot = h("span", { class: "dot" });
  #open = h("span", { class: "open" });
  #panel;
  #account = h("span", { class: "account" });
  /** @type {Record<Tab, HTMLButtonElement>} */
  #tabs;
  #tallies = {
    charges: h("span", { class: "tally" }),
    alerts: h("span", { class: "tally", "data-tone": "wait" }),
  };
  #body;
  #lists;
  #answer = h("output");
  #send;
  #export;
  /** @type {Tab} */
  #tab = "overview";
  /** @type {ClientWatch | null} */
  #watch = null;
  #isOpen = false;

  /**
   * @param {Text} text
   * @param {(isOpen: boolean) => void} toggled by the user
   */
  constructor(text, toggled) {
    this.#text = text;
    this.#lists = {
      overview: new Overview(text),
      charges: new ChargeList(text, {
        retry: (key) => this.#act(async (client) => outcomeOf(text, key, await client.retry(key))),
        cancel: (key) =>
          this.#act(async (client) => outcomeOf(text, key, await client.cancel(key))),
      }),
      alerts: new AlertList(text),
      log: new LogList(text),
    };
    const toggle = (/** @type {boolean} */ isOpen) => {
      toggled(isOpen);
      // Whoever uses the keyboard goes on where the other button was.
      (isOpen ? this.#tabs[this.#tab] : this.#toggle).focus();
    };
    this.#toggle = h(
      "button",
      {
        type: "button",
        class: "toggle",
        "aria-expanded": "false",
        on: { click: () => toggle(true) },
      },
      icon(OUTBOX),
      this.#dot,
      this.#open,
    );
    this.#tabs = /** @type {any} */ (
      Object.fromEntries(TABS.map((tab) => [tab, this.#tabFor(tab)]))
    );
    this.#body = h("div", { role: "tabpanel", id: "body", tabindex: "0" });
    const button = (/** @type {string} */ name, /** @type {() => void} */ click, class_ = "") =>
      h("button", { type: "button", class: class_ || null, on: { click } }, name);
    this.#send = button(text.send, () => this.#flush(), "primary");
    this.#export = button(text.export, () => this.#download());
    const close = h(
      "button",
      { type: "button", "aria-label": text.close, on: { click: () => toggle(false) } },
      icon(CROSS),
    );
    this.#panel = h(
      "div",
      {
        class: "panel",
        role: "region",
        lang: text.lang,
        "aria-label": text.title,
        hidden: true,
        on: {
          keydown: (/** @type {KeyboardEvent} */ event) => {
            if (event.key === "Escape") {
              event.stopPropagation();
              toggle(false);
            }
          },
        },
      },
      h("div", { class: "head" }, icon(OUTBOX), h("h2", {}, "Tollbox"), this.#account, close),
      h(
        "div",
        { role: "tablist", "aria-label": text.title },
        ...TABS.map((tab) => this.#tabs[tab]),
      ),
      this.#body,
      h("div", { class: "foot" }, this.#send, this.#export, this.#answer),
    );
    this.elements = [this.#toggle, this.#panel];
    this.#select("overview");
  }

  /**
   * @param {ClientWatch | null} watch
   * @param {boolean} isOpen
   */
  show(watch, isOpen) {
    this.#watch = watch;
    this.#isOpen = isOpen;
    this.#toggle.hidden = isOpen;
    this.#panel.hidden = !isOpen;
    this.#send.disabled = !watch;
    this.#export.disabled = !watch;
    const text = this.#text;
    if (!watch) {
      setAttribute(this.#toggle, "aria-label", text.title);
      setText(this.#account, text.noClient);
      this.#body.replaceChildren();
      return;
    }
    const { account, network, queue, alerts = [] } = watch.snapshot;
    const open = queue.pending + queue.retrying;
    setAttribute(this.#toggle, "aria-label", text.open(text.network[network], open));
    setAttribute(this.#dot, "data-tone", NETWORK_TONE[network]);
    setText(this.#open, text.number(open));
    this.#open.hidden = open === 0;
    if (!isOpen) {
      return;
    }
    setText(this.#account, account);
    setText(this.#tallies.charges, text.number(open));
    this.#tallies.charges.hidden = open === 0;
    setText(this.#tallies.alerts, text.number(alerts.length));
    this.#tallies.alerts.hidden = alerts.length === 0;
    const list = this.#lists[this.#tab];
    list.show(watch);
    if (this.#body.firstElementChild !== list.element) {
      this.#body.replaceChildren(list.element);
      this.#body.scrollTop = 0;
    }
    if (watch.trouble) {
      setText(this.#answer, watch.trouble);
    }
  }

  /** @param {Tab} tab */
  #tabFor(tab) {
    const step = (/** @type {KeyboardEvent} */ event) => {
      const by = {
        ArrowRight: 1,
        ArrowLeft: -1,
        Home: -TABS.indexOf(tab),
        End: -1 - TABS.indexOf(tab),
      };
      const steps = by[/** @type {keyof typeof by} */ (event.key)];
      if (steps !== undefined) {
        event.preventDefault();
        const next = TABS.at((TABS.indexOf(tab) + steps) % TABS.length) ?? tab;
        this.#select(next);
        this.#tabs[next].focus();
      }
    };
    const tally = tab === "charges" || tab === "alerts" ? [this.#tallies[tab]] : [];
    return h(
      "button",
      {
        type: "button",
        role: "tab",
        id: `tab-${tab}`,
        "aria-controls": "body",
        on: { click: () => this.#select(tab), keydown: step },
      },
      this.#text.tabs[tab],
      ...tally,
    );
  }

  /** @param {Tab} selected */
  #select(selected) {
    this.#tab = selected;
    for (const tab of TABS) {
      setAttribute(this.#tabs[tab], "aria-selected", String(tab === selected));
      setAttribute(this.#tabs[tab], "tabindex", tab === selected ? 0 : -1);
    }
    setAttribute(this.#body, "aria-labelledby", `tab-${selected}`);
    this.show(this.#watch, this.#isOpen);
  }

  #flush() {
    this.#send.disabled = true;
    return this.#act(async (client) => {
      const { ...report } = await client.flush();
      return this.#text.sent(report);
    });
  }

  #download() {
    const watch = this.#watch;
    return this.#act(async () => {
      const content = JSON.stringify(await watch?.export(), null, 2);
      const url = URL.createObjectURL(new Blob([content], { type: "application/json" }));
      const name = `tollbox-${watch?.snapshot.account}.json`.replace(/[^\w.-]+/g, "-");
      h("a", { href: url, download: name }).click();
      // Not every browser has read it by now.
      setTimeout(() => URL.revokeObjectURL(url), DOWNLOAD_MS);
      return this.#text.exported;
    });
  }

  /** @param {(client: BillingClient) => Promise<string>} act */
  async #act(act) {
    const watch = this.#watch;
    if (!watch) {
      return;
    }
    this.#answer.value = "";
    try {
      this.#answer.value = await act(watch.client);
    } catch (error) {
      this.#answer.value = error instanceof Error ? error.message : String(error);
    }
    this.#send.disabled = !this.#watch;
  }
}

/**
 * @param {Text} text
 * @param {string} key
 * @param {import("../../index.js").ChargeOutcome} outcome
 */
function outcomeOf(text, key, outcome) {
  const detail = "detail" in outcome ? ` (${outcome.detail})` : "";
  return text.answered(key, `${outcome.status}${detail}`);
}
