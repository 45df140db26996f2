import assert from "node:assert/strict";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { patient, Stage } from "./support/stage.mjs";

const stage = new Stage();

/** @param {string} file in node_modules */
const installed = (file) => fileURLToPath(new URL(`../../node_modules/${file}`, import.meta.url));

const VUE = installed("@vue/reactivity/dist/reactivity.global.prod.js");
const MOBX = installed("mobx/dist/mobx.umd.production.min.js");

/**
 * A page with `tryAll(way)`, which calls every method of a client that is passed on in that way,
 * and reports the failures.
 */
async function handing() {
  const { page, options } = await stage.bare();
  await page.addScriptTag({ path: VUE });
  await page.addScriptTag({ path: MOBX });
  await page.evaluate(async (options) => {
    const { BillingClient } = globalThis.tollbox;
    const { VueReactivity, mobx } = /** @type {any} */ (globalThis);
    /** @type {Record<string, (client: any) => any>} */
    const ways = {
      "a plain proxy": (client) => new Proxy(client, {}),
      "Vue's reactive": (client) => VueReactivity.reactive(client),
      "Vue's reactive, deep in a store": (client) => VueReactivity.reactive({ client }).client,
      "Vue's readonly": (client) => VueReactivity.readonly(client),
      "Vue's shallowReactive": (client) => VueReactivity.shallowReactive(client),
      "a ref of Vue's": (client) => VueReactivity.ref(client).value,
      "an observable of MobX": (client) => mobx.observable({ client }).client,
      "MobX's makeAutoObservable": (client) => mobx.makeAutoObservable(client),
      "an object that inherits from it": (client) => Object.create(client),
    };
    /** @type {Record<string, (client: any) => unknown>} */
    const calls = {
      charge: (client) => client.charge({ taskId: "film", amount: 3, feature: "f" }),
      runTask: (client) =>
        client.runTask({ taskId: "song", amount: 3, feature: "f" }, async () => "done"),
      settled: (client) => client.settled("f:film"),
      flush: (client) => client.flush(),
      retry: (client) => client.retry("f:film"),
      cancel: (client) => client.cancel("f:film"),
      balance: (client) => client.balance(),
      refreshBalance: (client) => client.refreshBalance(),
      getCharge: (client) => client.getCharge("f:film"),
      charges: (client) => client.charges(),
      quarantined: (client) => client.quarantined(),
      getSnapshot: (client) => client.getSnapshot(),
      subscribe: (client) => client.subscribe(() => {})(),
      on: (client) => client.on("alert", () => {})(),
      signOut: (client) => client.signOut(),
      close: (client) => client.close(),
    };
    const methods = Object.getOwnPropertyNames(BillingClient.prototype);
    const named = methods.filter((name) => name !== "constructor");
    Object.assign(globalThis, {
      ways,
      /** @param {(client: any) => any} way */
      async tryAll(way) {
        const client = await globalThis.openClient(options);
        const handed = way(client);
        /** @type {Record<string, string>} */
        const wrong = {};
        // In this order: the last two methods end the client.
        for (const name of new Set([...Object.keys(calls), ...named])) {
          try {
            await (calls[name] ?? ((it) => it[name]("en")))(handed);
          } catch (error) {
            wrong[name] = String(error);
          }
        }
        await client.close();
        return wrong;
      },
    });
  }, patient(options));
  return page;
}

test("every method works through the proxies of Vue and MobX", async () => {
  const page = await handing();
  const wrong = await page.evaluate(async () => {
    const { ways, tryAll } = /** @type {any} */ (globalThis);
    /** @type {Record<string, unknown>} */
    const wrong = {};
    for (const [name, way] of Object.entries(ways)) wrong[name] = await tryAll(way);
    return wrong;
  });
  assert.ok(Object.keys(wrong).length === 9);
  for (const [way, methods] of Object.entries(wrong)) assert.deepEqual(methods, {}, way);
});

test("every method works when detached from its client", async () => {
  const page = await handing();
  const wrong = await page.evaluate(async () => {
    const { tryAll } = /** @type {any} */ (globalThis);
    return tryAll((/** @type {any} */ client) => {
      const names = Object.getOwnPropertyNames(globalThis.tollbox.BillingClient.prototype);
      return Object.fromEntries(names.map((name) => [name, client[name]]));
    });
  });
  assert.deepEqual(wrong, {});
});

test("a client's method is the same function at each access, and none of its own keys", async () => {
  const { page, options } = await stage.bare();
  const seen = await page.evaluate(async (options) => {
    const { BillingClient } = globalThis.tollbox;
    const client = await globalThis.openClient(options);
    const proxied = new Proxy(client, {});
    const methods = /** @type {("charge" | "on" | "getSnapshot")[]} */ (["charge", "on"]);
    const before = methods.map((name) => client[name]);
    const original = client.charge;
    client.charge = async () => Promise.reject(new Error("a spy's"));
    const spied = await client.charge({ taskId: "a", amount: 1, feature: "f" }).catch(String);
    client.charge = original;
    return {
      same: methods.every((name, at) => client[name] === before[at]),
      sameByProxy: methods.every((name) => client[name] === proxied[name]),
      isOne: client instanceof BillingClient && proxied instanceof BillingClient,
      listed: Object.keys(client),
      spied: String(spied),
    };
  }, options);
  assert.deepEqual(seen, {
    same: true,
    sameByProxy: true,
    isOne: true,
    listed: [],
    spied: "Error: a spy's",
  });
});
