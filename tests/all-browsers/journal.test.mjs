import assert from "node:assert/strict";
import { test } from "node:test";
import { chosen } from "./support/browsers.mjs";
import { Scene } from "./support/scene.mjs";
import { charge, keysIn, missTheServer, openClient, settle } from "./support/steps.mjs";

const scene = new Scene();
const CHARGES = 20;

for (const make of chosen()) {
  test(`${make.title}: charges queued while the server is down survive a reload, and are made once`, async (t) => {
    const { account, options } = await scene.account();
    const browser = make.driven();
    t.after(() => browser.remove());
    const [tab] = await browser.open(scene.site);
    assert.ok(tab);

    await tab.evaluate(openClient, options);
    await scene.server.kill();
    assert.equal(await tab.evaluate(missTheServer), "unreachable");
    const tasks = Array.from({ length: CHARGES }, (_, task) => `film-${task}`);
    const outcomes = await tab.evaluate(charge, tasks);
    for (const outcome of outcomes) {
      assert.equal(outcome.status, "queued");
      assert.equal(outcome.durable, true);
    }
    const keys = outcomes.map((outcome) => outcome.key);

    await tab.reload();
    await tab.evaluate(openClient, options);
    const open = await tab.evaluate(keysIn, ["pending", "retrying"]);
    assert.deepEqual([...open].sort(), [...keys].sort());

    await scene.server.start();
    const statuses = await tab.evaluate(settle, keys);
    assert.deepEqual(new Set(statuses), new Set(["charged"]));
    const extra = await scene.chargedOnce(account, keys);
    t.diagnostic(`measured: ${make.title}: ${CHARGES} charges, ${extra} sent again`);
  });

  const { offline } = make;
  test(`${make.title}: charges queued offline are made once, by themselves, when the network is back`, {
    skip: offline ? false : "its driver can't take the network away",
  }, async (t) => {
    assert.ok(offline);
    const { account, options } = await scene.account();
    const browser = offline();
    t.after(() => browser.remove());
    const [tab] = await browser.open(scene.site);
    assert.ok(tab);
    await tab.evaluate(openClient, options);
    await browser.setOffline(true);
    await tab.evaluate(hearOf, "offline");
    const tasks = Array.from({ length: CHARGES }, (_, task) => `film-${task}`);
    const outcomes = await tab.evaluate(charge, tasks);
    assert.deepEqual(new Set(outcomes.map((outcome) => outcome.status)), new Set(["queued"]));

    await browser.setOffline(false);
    const keys = outcomes.map((outcome) => outcome.key);
    const statuses = await tab.evaluate(settle, keys);
    assert.deepEqual(new Set(statuses), new Set(["charged"]));
    const extra = await scene.chargedOnce(account, keys);
    t.diagnostic(`measured: ${make.title} offline: ${CHARGES} charges, ${extra} sent again`);
  });
}

/**
 * Waits until the client's snapshot has this network state.
 *
 * @param {import("tollbox").BillingSnapshot["network"]} network
 */
async function hearOf(network) {
  const { client } = globalThis;
  await new Promise((resolve) => {
    const look = () => {
      if (client.getSnapshot().network === network) resolve(null);
    };
    client.subscribe(look);
    look();
  });
}
