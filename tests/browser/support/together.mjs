import assert from "node:assert/strict";
import { patient } from "./stage.mjs";
import { knowsOffline, openIn, queueAll, seesCharged, tasks } from "./tabs.mjs";

/**
 * Tabs of one account, each with charges made offline, come online together, and wait until
 * everything that any of them made is charged.
 *
 * @param {import("./stage.mjs").Stage} stage
 * @param {object} set
 * @param {number} set.count of tabs
 * @param {number} set.each charges that each tab makes
 * @param {(context: import("playwright-core").BrowserContext) => Promise<unknown>} [set.prepare]
 *   done before any tab opens its client
 */
export async function comeOnlineTogether(stage, { count, each, prepare }) {
  const { context, page, account, ...given } = await stage.bare("together");
  // Long limits: a request resent because of a slow machine is not the tabs' doing.
  const options = patient(given.options, { requestTimeoutMs: 60_000 });
  await stage.server.topUp(account, count * each);
  await prepare?.(context);
  const pages = [page];
  while (pages.length < count) pages.push(await context.newPage());
  const tabs = pages.map((page, index) => ({ page, taskIds: tasks(`tab${index}`, each) }));
  for (const { page } of tabs) {
    await stage.site.visit(page);
    await openIn(page, options);
  }

  await context.setOffline(true);
  await Promise.all(pages.map(knowsOffline));
  await Promise.all(tabs.map(({ page, taskIds }) => queueAll(page, taskIds)));
  assert.deepEqual((await stage.server.ledger(account)).charges, []);

  await context.setOffline(false);
  const taskIds = tabs.flatMap((tab) => tab.taskIds);
  await Promise.all(pages.map((page) => seesCharged(page, taskIds, 120_000)));
  for (const page of pages) {
    const known = await page.evaluate(() => globalThis.client.charges());
    assert.equal(known.length, taskIds.length, "each tab sees the charges of all, each once");
  }
  return {
    pages,
    taskIds,
    start: 120 + taskIds.length,
    ledger: await stage.server.ledger(account),
  };
}
