// @ts-check

import { setAttribute } from "./dom.js";
import { Panel } from "./panel.js";
import { styleSheet } from "./style.js";
import { textIn } from "./text.js";
import { ClientWatch } from "./watch.js";

/** @import * as Api from "../../devtools.js" */
/** @import { BillingClient } from "../../index.js" */

/** On a server there are no elements; a class may be defined all the same. */
const Base = /** @type {typeof HTMLElement} */ (globalThis.HTMLElement ?? class {});

/** The properties that a page may set before the element is defined. */
const PROPERTIES = /** @type {const} */ (["client", "log", "locale", "open"]);

export class TollboxDevtools extends Base {
  static observedAttributes = ["open"];

  /** @type {BillingClient | null} */
  #client = null;
  /** @type {Api.LogSource | null} */
  #log = null;
  /** @type {"en" | "zh-CN" | null} */
  #locale = null;
  /** @type {ClientWatch | null} */
  #watch = null;
  /** @type {Panel | null} */
  #panel = null;
  #frame = 0;

  get client() {
    return this.#client;
  }

  set client(client) {
    if (client !== this.#client) {
      this.#client = client;
      this.#rewatch();
    }
  }

  get log() {
    return this.#log;
  }

  set log(log) {
    if (log !== this.#log) {
      this.#log = log;
      this.#rewatch();
    }
  }

  get locale() {
    return this.#locale ?? pageLocale();
  }

  set locale(locale) {
    if (locale !== this.#locale) {
      this.#locale = locale;
      this.#rebuild();
    }
  }

  get open() {
    return this.hasAttribute("open");
  }

  set open(open) {
    setAttribute(this, "open", Boolean(open));
  }

  connectedCallback() {
    for (const name of PROPERTIES) {
      if (Object.hasOwn(this, name)) {
        const value = this[name];
        delete (/** @type {any} */ (this)[name]);
        /** @type {any} */ (this)[name] = value;
      }
    }
    if (!this.shadowRoot) {
      this.attachShadow({ mode: "open" }).adoptedStyleSheets = [styleSheet()];
    }
    this.#rewatch();
    this.#rebuild();
  }

  disconnectedCallback() {
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    this.#watch?.end();
    this.#watch = null;
  }

  attributeChangedCallback() {
    this.#show();
  }

  #rewatch() {
    if (!this.isConnected) {
      return;
    }
    this.#watch?.end();
    this.#watch = this.#client && new ClientWatch(this.#client, this.#log, () => this.#showSoon());
    this.#show();
  }

  #rebuild() {
    if (!this.shadowRoot || !this.isConnected) {
      return;
    }
    this.#panel = new Panel(textIn(this.locale), (isOpen) => {
      this.open = isOpen;
    });
    this.shadowRoot.replaceChildren(...this.#panel.elements);
    this.#show();
  }

  /** Once a frame at most: a flush tells of many changes at once. */
  #showSoon() {
    if (this.#frame === 0) {
      this.#frame = requestAnimationFrame(() => {
        this.#frame = 0;
        this.#show();
      });
    }
  }

  #show() {
    if (this.#watch) {
      this.#watch.isShown = this.open;
    }
    this.#panel?.show(this.#watch, this.open);
  }
}

/** @returns {"en" | "zh-CN"} */
function pageLocale() {
  const lang = document.documentElement.lang || navigator.language;
  return lang.toLowerCase().startsWith("zh") ? "zh-CN" : "en";
}
