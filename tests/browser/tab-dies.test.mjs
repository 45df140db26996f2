import assert from "node:assert/strict";
import { test } from "node:test";
import { Stage } from "./support/stage.mjs";
import { until } from "./support/until.mjs";

const stage = new Stage();
const CHARGES_A_TAB = 20;
const TOTAL = 2 * CHARGES_A_TAB;
/** No claim of these tests ends by its time within the test. */
const CLAIM_MS = 60_000;
/** Long for a hand-over between two tabs, short for a claim. */
const PROMPTLY_MS = 20_000;

/**
 * Two tabs of one account with open charges: the first holds the flush lock, its request being
 * stuck in the server, and the second waits for the lock.
 *
 * @param {import("./support/server.mjs").Fault} fault what the server does to the first one's request
 */
async function stuckFlush(fault) {
  const { context, page: first, account, options } = await stage.bare();
  const second = await context.newPage();
  await stage.site.visit(second);
  const tabs = [first, second];
  for (const tab of tabs) {
    await tab.evaluate(
      async ({ options, limit }) => {
        globalThis.client = await globalThis.openClient({
          ...options,
          retry: { ...options.retry, requestTimeoutMs: limit },
        });
        await globalThis.client.refreshBalance();
      },
      { options, limit: CLAIM_MS },
    );
  }
  await context.setOffline(true);
  for (const [index, tab] of tabs.entries()) {
    const statuses = await tab.evaluate(
      async ({ index, count }) => {
        const charges = Array.from({ length: count }, (_, task) =>
          globalThis.client.charge({ taskId: `${index}-${task}`, amount: 1, feature: "asr" }),
        );
        return (await Promise.all(charges)).map((outcome) => outcome.status);
      },
      { index, count: CHARGES_A_TAB },
    );
    assert.deepEqual(new Set(statuses), new Set(["queued"]));
  }
  await stage.server.breakFor(account, fault, { on: "batch" });
  // Each tab hears of the network alone, so that it is known which one has the lock.
  await context.setOffline(false);
  return { context, tabs, account, options };
}
