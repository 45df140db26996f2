/** Vue's scopes and props, without a page: they need a renderer, and no more. */

// biome-ignore-all lint/correctness/useHookAtTopLevel: Vue's composables are called in a setup

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { createBillingServer } from "tollbox/testing";
import { provideBilling, useBilling, useCharges, useSnapshot } from "tollbox/vue";
import { createRenderer, effectScope, h, nextTick, onScopeDispose, ref, shallowRef } from "vue";
import { until } from "../browser/support/until.mjs";

/** @typedef {{ kids: Place[], parent: Place | null, text: string }} Place */

const place = (text = "") => /** @type {Place} */ ({ kids: [], parent: null, text });

/** @type {import("vue").Renderer<Place>} */
const renderer = createRenderer({
  insert(kid, parent, before) {
    const at = before ? parent.kids.indexOf(before) : parent.kids.length;
    parent.kids.splice(at, 0, kid);
    kid.parent = parent;
  },
  remove(kid) {
    kid.parent?.kids.splice(kid.parent.kids.indexOf(kid), 1);
    kid.parent = null;
  },
  createElement: () => place(),
  createText: (text) => place(text),
  createComment: () => place(),
  setText(node, text) {
    node.text = text;
  },
  setElementText(node, text) {
    node.kids = [];
    node.text = text;
  },
  parentNode: ({ parent }) => parent,
  nextSibling: (node) => node.parent?.kids[node.parent.kids.indexOf(node) + 1] ?? null,
  patchProp() {},
});

/**
 * Mounts a component until the test ends.
 *
 * @param {import("node:test").TestContext} t
 * @param {() => () => any} setup
 */
function mount(t, setup) {
  const app = renderer.createApp({ setup });
  const root = place();
  app.mount(root);
  t.after(() => app.unmount());
  return () => textOf(root);
}

/**
 * @param {Place} place
 * @returns {string}
 */
function textOf({ text, kids }) {
  return text + kids.map(textOf).join("");
}

/** Which accounts clients were opened for. @type {string[]} */
let opened = [];
const { transport } = createBillingServer();

/**
 * @param {string} account
 * @param {string} [baseUrl]
 */
const optionsOf = (account, baseUrl = "https://billing.example/v1") => ({
  account,
  baseUrl,
  transport,
  log: /** @type {const} */ ("silent"),
  // Copied where a client is opened, and looked at nowhere else.
  get queue() {
    opened.push(`${account} at ${baseUrl}`);
    return { storage: /** @type {const} */ ("memory") };
  },
});

/**
 * A composable that its components share, in a scope of its own, as VueUse makes it.
 *
 * @template T
 * @param {() => T} composable
 */
function shared(composable) {
  /** @type {{ state: T, scope: import("vue").EffectScope } | null} */
  let kept = null;
  let users = 0;
  return () => {
    const scope = kept?.scope ?? effectScope(true);
    kept ??= { scope, state: /** @type {T} */ (scope.run(composable)) };
    users += 1;
    onScopeDispose(() => {
      users -= 1;
      if (users === 0) {
        kept = null;
        scope.stop();
      }
    });
    return kept.state;
  };
}

test("a composable that components share outlives the first of them", async (t) => {
  const account = ref("alice");
  const hasFirst = ref(true);
  const useShared = shared(useSnapshot);
  const part = (/** @type {string} */ name) => ({
    setup() {
      const snapshot = useShared();
      return () => h("i", `${name}: ${snapshot.value?.account ?? "none"} `);
    },
  });
  const [First, Second] = [part("first"), part("second")];
  const shown = mount(t, () => {
    provideBilling(() => optionsOf(account.value));
    return () => h("p", [hasFirst.value ? h(First) : null, h(Second)]);
  });
  await until("both", () => shown() === "first: alice second: alice ");
  hasFirst.value = false;
  await nextTick();
  account.value = "bob";
  await until(shown, () => shown() === "second: bob ");
});

test("a scope that has ended keeps no client open", async (t) => {
  const account = ref("alice");
  const hasProvider = ref(true);
  const scope = effectScope(true);
  /** @type {import("tollbox/vue").Billing | undefined} */
  let billing;
  const Part = {
    setup() {
      scope.run(() => useSnapshot());
      return () => h("i");
    },
  };
  const Provider = {
    setup() {
      billing = provideBilling(() => optionsOf(account.value));
      return () => h(Part);
    },
  };
  mount(t, () => () => (hasProvider.value ? h(Provider) : null));
  scope.stop();
  account.value = "bob";
  const client = await until("a client", () => billing?.state.value.client);
  hasProvider.value = false;
  await until("its end", async () => {
    const end = await client.charges().catch((error) => error);
    return end.code === "closed";
  });
});

test("props that change together open one client, of the owner that they come to", async (t) => {
  const props = shallowRef({ baseUrl: "https://staging.example", account: "alice" });
  const Shop = {
    props: ["baseUrl", "account"],
    setup(/** @type {{ baseUrl: string, account: string }} */ props) {
      const { state } = provideBilling(() => optionsOf(props.account, props.baseUrl));
      const snapshot = useSnapshot();
      return () => h("p", `${state.value.status} ${snapshot.value?.account}`);
    },
  };
  const shown = mount(t, () => () => h(Shop, props.value));
  await until(shown, () => shown() === "open alice");
  opened = [];
  props.value = { baseUrl: "https://production.example", account: "bob" };
  await until(shown, () => shown() === "open bob");
  assert.deepEqual(opened, ["bob at https://production.example"]);
});

test("a limit of Infinity is no limit", async (t) => {
  const Part = {
    setup() {
      const list = useCharges({ limit: Number.POSITIVE_INFINITY });
      const { state } = useBilling();
      return () => h("i", `${state.value.status} ${list.value.status}`);
    },
  };
  const shown = mount(t, () => {
    provideBilling(optionsOf("alice"));
    return () => h(Part);
  });
  await until(shown, () => shown() === "open ready");
});

test("no example takes its props apart, which would hide their changes", async () => {
  for (const file of ["pkg/vue.d.ts", "docs/vue.md"]) {
    const text = await readFile(new URL(`../../${file}`, import.meta.url), "utf8");
    assert.doesNotMatch(text, /\} = (?:props|defineProps)\b/, file);
  }
});
