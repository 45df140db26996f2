// Runs one block in a page. What is in there.d.ts is brought, components are mounted with the properties
// that they have, and their buttons are pressed.

import { openBilling } from "tollbox";
import { createBillingServer, faults } from "tollbox/testing";

/** @typedef {import("./site.mjs").Order} Order */

const ACCOUNT = "alice";
const global = /** @type {any} */ (globalThis);

/** What components of the pages are given, as far as they ask for it. */
const PROPERTIES = {
  account: ACCOUNT,
  id: "film",
  taskId: "film",
  name: "cloud_trans:film",
  chargeKey: "cloud_trans:film",
  text: "Guten Tag",
  children: "Good day",
  getToken: async () => ACCOUNT,
  translate: async (/** @type {string} */ text) => `translated: ${text}`,
};

Object.assign(global, {
  faults,
  getToken: PROPERTIES.getToken,
  translate: PROPERTIES.translate,
  show: (/** @type {string} */ text) => console.log(text),
});

const options = {
  baseUrl: "/billing/v1",
  account: ACCOUNT,
  getToken: PROPERTIES.getToken,
  retry: { baseDelayMs: 50 },
  log: /** @type {const} */ ("silent"),
};

/** @param {Order} order */
async function run({ script, language, lacks, isServiceWorker }) {
  if (lacks.includes("server")) {
    global.server = createBillingServer();
    Object.assign(options, { transport: global.server.transport });
  }
  if (lacks.includes("billing")) {
    global.billing = await openBilling(options);
    await global.billing.refreshBalance();
  }
  if (isServiceWorker) {
    await navigator.serviceWorker.register(script, { type: "module", scope: "/worker/" });
    const [registration] = await navigator.serviceWorker.getRegistrations();
    const worker = registration?.installing ?? registration?.waiting ?? registration?.active;
    while (worker?.state !== "activated") {
      if (worker?.state === "redundant") throw new Error("the service worker did not start");
      await new Promise((resolve) =>
        worker?.addEventListener("statechange", resolve, { once: true }),
      );
    }
    return;
  }
  const exported = await import(/* @vite-ignore */ script);
  const target = document.createElement("main");
  document.body.append(target);
  if (language === "tsx" || language === "jsx") await mountReact(target, exported);
  else if (language === "vue") await mountVue(target, exported.default);
  else if (language === "svelte") await mountSvelte(target, exported.default);
  else {
    for (const value of Object.values(exported)) {
      if (typeof value === "function" && value.length === 0) await value();
    }
  }
  for (const button of document.querySelectorAll("button")) button.click();
}

/**
 * @param {Element} target
 * @param {Record<string, any>} exported its functions with a capital are components
 */
async function mountReact(target, exported) {
  const { createElement } = await import("react");
  const { createRoot } = await import("react-dom/client");
  const { BillingProvider, useBilling } = await import("tollbox/react");
  const components = Object.entries(exported).filter(([name]) => /^[A-Z]/.test(name));
  /** @type {(value?: unknown) => void} */
  let opened = () => {};
  const open = new Promise((resolve) => {
    opened = resolve;
  });
  const Opening = () => {
    if (useBilling().status === "open") opened();
    return null;
  };
  const all = components.map(([key, component]) =>
    createElement(component, { key, ...PROPERTIES }),
  );
  createRoot(target).render(
    createElement(BillingProvider, { options }, createElement(Opening), all),
  );
  await open;
}

/**
 * @param {Element} target
 * @param {any} component
 */
async function mountVue(target, component) {
  const { createApp, h, watch } = await import("vue");
  const { provideBilling } = await import("tollbox/vue");
  const own = { ...PROPERTIES, children: undefined, billing: undefined };
  const asked = Object.keys(component.props ?? {});
  const given = Object.entries(own).filter(([name]) => asked.includes(name));
  await new Promise((resolve) => {
    const app = createApp({
      setup() {
        const { state } = provideBilling(options);
        watch(state, ({ status }) => status === "open" && resolve(undefined));
        return () =>
          h(component, Object.fromEntries(given), { default: () => PROPERTIES.children });
      },
    });
    app.mount(target);
  });
}

/**
 * @param {Element} target
 * @param {any} component
 */
async function mountSvelte(target, component) {
  const { mount, flushSync } = await import("svelte");
  const { createBilling } = await import("tollbox/svelte");
  const billing = createBilling(options);
  const opened = new Promise((resolve) => {
    billing.subscribe(({ status }) => status === "open" && resolve(undefined));
  });
  mount(component, { target, props: { ...PROPERTIES, children: undefined, billing } });
  flushSync();
  await opened;
}

/** @type {Order} */
const order = JSON.parse(document.querySelector("#order")?.textContent ?? "");
run(order).then(
  () => console.debug("the block has run"),
  (error) => reportError(error),
);
