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
}
