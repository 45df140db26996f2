import assert from "node:assert/strict";
import { test } from "node:test";
import { chosen } from "./support/browsers.mjs";
import { Scene } from "./support/scene.mjs";
import {
  beginCharging,
  beginSettling,
  charge,
  missTheServer,
  openClient,
  settle,
  settled,
} from "./support/steps.mjs";

const scene = new Scene();
const CHARGES_A_TAB = 50;

for (const make of chosen()) {
  test(`${make.title}: two tabs whose server comes back make each of their charges once`, async (t) => {
    const { account, options } = await scene.account();
    const browser = make.driven();
    t.after(() => browser.remove());
    const tabs = await browser.open(scene.site, scene.site);
    for (const tab of tabs) await tab.evaluate(openClient, options);
    await scene.server.breakFor(account, { kind: "drop_before" });
    for (const tab of tabs) {
      assert.equal(await tab.evaluate(missTheServer), "unreachable");
    }

    /** @type {string[]} */
    const keys = [];
    for (const [index, tab] of tabs.entries()) {
      const tasks = Array.from({ length: CHARGES_A_TAB }, (_, task) => `film-${index}-${task}`);
      const outcomes = await tab.evaluate(charge, tasks);
      assert.deepEqual(new Set(outcomes.map((outcome) => outcome.status)), new Set(["queued"]));
      keys.push(...outcomes.map((outcome) => outcome.key));
    }
    assert.deepEqual((await scene.server.ledger(account)).charges, []);

    for (const tab of tabs) await tab.evaluate(beginSettling, keys);
    const start = Date.now();
    await scene.server.repair();
    for (const tab of tabs) {
      assert.deepEqual(new Set(await tab.evaluate(settled)), new Set(["charged"]));
    }
    const ms = Date.now() - start;
    const extra = await scene.chargedOnce(account, keys);
    t.diagnostic(
      `measured: ${make.title}: 2 tabs, ${keys.length} charges, ${extra} sent again, ${ms} ms`,
    );
  });

  test(`${make.title}: \`settled\` resolves in one tab for a charge that another tab makes`, async (t) => {
    const { account, options } = await scene.account();
    const browser = make.driven();
    t.after(() => browser.remove());
    const [one, other] = await browser.open(scene.site, scene.site);
    assert.ok(one && other);
    for (const tab of [one, other]) await tab.evaluate(openClient, options);
    await scene.server.breakFor(account, { kind: "drop_before" }, { on: "charge" });
    await one.evaluate(beginCharging, ["film"]);
    await other.evaluate(hear, "asr:film");
    await other.evaluate(beginSettling, ["asr:film"]);

    await scene.server.repair();
    assert.deepEqual(await other.evaluate(settled), ["charged"]);
    assert.deepEqual(await one.evaluate(settle, ["asr:film"]), ["charged"]);
    await scene.chargedOnce(account, ["asr:film"]);
  });
}

/** Resolves when this tab knows of the charge. @param {string} key */
async function hear(key) {
  const { client } = globalThis;
  if (await client.getCharge(key)) return;
  await new Promise((resolve) => {
    client.on("charge", (record) => {
      if (record.key === key) resolve(null);
    });
  });
}
