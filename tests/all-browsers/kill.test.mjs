import assert from "node:assert/strict";
import { test } from "node:test";
import { until } from "../browser/support/until.mjs";
import { chosen } from "./support/browsers.mjs";
import { Scene } from "./support/scene.mjs";
import {
  beginCharging,
  charge,
  keysIn,
  missTheServer,
  openClient,
  settle,
} from "./support/steps.mjs";
import { PATIENCE_MS } from "./support/tab.mjs";

/**
 * @typedef {object} Round
 * @property {import("./support/tab.mjs").Tab} tab with a client opened
 * @property {string} account
 * @property {number} before charges of the rounds before, all of them made
 * @property {number} round
 */

const scene = new Scene();
const ROUNDS = Number(process.env.TOLLBOX_ROUNDS ?? 5);

/**
 * The moments at which the browser is killed. Each function begins charges of one point, returns at
 * that moment, and gives their keys.
 *
 * @type {Record<string, (round: Round) => Promise<string[]>>}
 */
const MOMENTS = {
  async "right after `queued`"({ tab, account, round }) {
    await scene.server.breakFor(account, { kind: "drop_before" });
    return queue(tab, tasks(round, 20));
  },

  async "with the request on its way"({ tab, account, before, round }) {
    // The charges of even rounds are made, though their answers never come; those of odd rounds are
    // not.
    const kind = round % 2 === 0 ? "hang_after" : "hang";
    const times = 3;
    await scene.server.breakFor(account, { kind }, { on: "charge", times });
    await tab.evaluate(beginCharging, tasks(round, times));
    await until("the requests", () => scene.server.faultIsUsedUp(), PATIENCE_MS);
    if (kind === "hang_after") await chargedSince(account, before, times);
    return tasks(round, times).map(keyOf);
  },

  async "in the middle of a flush"({ tab, account, before, round }) {
    await scene.server.breakFor(account, { kind: "drop_before" });
    const keys = await queue(tab, tasks(round, 50));
    await scene.server.breakFor(account, { kind: "latency", ms: 300 }, { on: "batch" });
    await chargedSince(account, before, 1);
    return keys;
  },

  async "right after the server answered"({ tab, account, before, round }) {
    const times = 3;
    await tab.evaluate(beginCharging, tasks(round, times));
    await chargedSince(account, before, times);
    return tasks(round, times).map(keyOf);
  },
};

for (const make of chosen()) {
  for (const [moment, play] of Object.entries(MOMENTS)) {
    test(`${make.title}: every charge is made once though the browser is killed ${moment} ${ROUNDS} times`, async (t) => {
      const { account, options } = await scene.account();
      const browser = make.profiled();
      t.after(() => browser.remove());
      const open = async () => {
        const [tab] = await browser.open(scene.site);
        assert.ok(tab);
        await tab.evaluate(openClient, options);
        return tab;
      };
      let tab = await open();
      /** @type {string[]} */
      const all = [];
      let extra = 0;
      let madeWithoutBrowser = 0;
      for (let round = 0; round < ROUNDS; round += 1) {
        const keys = await play({ tab, account, before: all.length, round });
        await browser.kill();
        await scene.server.repair();
        const { charges } = await scene.server.ledger(account);
        madeWithoutBrowser += charges.length - all.length;
        all.push(...keys);

        tab = await open();
        assert.deepEqual(new Set(await tab.evaluate(settle, keys)), new Set(["charged"]));
        assert.deepEqual(await tab.evaluate(keysIn, OPEN), []);
        extra = await scene.chargedOnce(account, all);
      }
      t.diagnostic(
        `measured: ${make.title} killed ${moment}: ${ROUNDS} rounds, ${all.length} charges, ` +
          `${madeWithoutBrowser} made when it was killed, ${extra} sent again, none lost`,
      );
    });
  }
}

/** @type {import("tollbox").BillingStatus[]} */
const OPEN = ["pending", "retrying", "unknown"];

/**
 * @param {number} round
 * @param {number} count
 */
function tasks(round, count) {
  return Array.from({ length: count }, (_, task) => `film-${round}-${task}`);
}

/** @param {string} task */
function keyOf(task) {
  return `asr:${task}`;
}

/**
 * Charges while the server can't be reached.
 *
 * @param {import("./support/tab.mjs").Tab} tab
 * @param {string[]} tasks
 */
async function queue(tab, tasks) {
  assert.equal(await tab.evaluate(missTheServer), "unreachable");
  const outcomes = await tab.evaluate(charge, tasks);
  for (const outcome of outcomes) {
    assert.equal(outcome.status, "queued");
    assert.equal(outcome.durable, true);
  }
  return outcomes.map((outcome) => outcome.key);
}

/**
 * @param {string} account
 * @param {number} before
 * @param {number} count
 */
async function chargedSince(account, before, count) {
  const isThere = (/** @type {{ charges: unknown[] }} */ { charges }) =>
    charges.length - before >= count;
  await scene.server.ledgerWhen(account, `${count} charges more`, isThere);
}
