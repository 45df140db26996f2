// @ts-check
/** A panel that shows a client at work. An import defines its element, where there are elements. */

import { TollboxDevtools } from "./lib/devtools/element.js";

export { createDevtoolsLog } from "./lib/devtools/log.js";
export { TollboxDevtools };

/** @import * as Api from "./devtools.js" */

const NAME = "tollbox-devtools";

if (globalThis.customElements && !customElements.get(NAME)) {
  customElements.define(NAME, TollboxDevtools);
}

/**
 * @param {import("./index.js").BillingClient} client
 * @param {Api.DevtoolsOptions} [options]
 * @returns {Api.MountedDevtools}
 */
export function mountDevtools(client, options = {}) {
  const { log = null, locale, open = false, position, theme, parent = document.body } = options;
  const element = /** @type {TollboxDevtools} */ (document.createElement(NAME));
  element.client = client;
  element.log = log;
  if (locale) {
    element.locale = locale;
  }
  for (const [name, value] of Object.entries({ position, theme })) {
    if (value) {
      element.setAttribute(name, value);
    }
  }
  element.open = open;
  parent.append(element);
  return { element, unmount: () => element.remove() };
}
