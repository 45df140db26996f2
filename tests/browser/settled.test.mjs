import assert from "node:assert/strict";
import { test } from "node:test";
import { Stage } from "./support/stage.mjs";
import { chargedOnce, openIn, queueAll, seesCharged, tasks } from "./support/tabs.mjs";
import { until } from "./support/until.mjs";
import { watch } from "./support/watched.mjs";

const stage = new Stage();
const TASKS = tasks("film", 5);

/**
 * A page whose client has open charges, the context being offline.
 *
 * @param {(context: import("playwright-core").BrowserContext) => Promise<unknown>} [prepare]
 */
async function withOpenCharges(prepare) {
  const { context, page, account, options } = await stage.bare("settled");
  await prepare?.(context);
  await stage.site.visit(page);
  await openIn(page, options);
  const other = await context.newPage();
  await stage.site.visit(other);
  await openIn(other, options);
  await context.setOffline(true);
  await queueAll(page, TASKS);
  return { context, page, other, account, options };
}

/**
 * Begins to wait for these charges in the page, and returns at once.
 *
 * @param {import("playwright-core").Page} page
 */
async function beginToWait(page) {
  await page.evaluate((taskIds) => {
    /** @type {Record<string, string>} */
    const ended = {};
    globalThis.kept.ended = ended;
    for (const taskId of taskIds) {
      const end = (/** @type {string} */ how) => {
        ended[taskId] = how;
      };
      void globalThis.client.settled(`asr:${taskId}`).then(
        ({ status }) => end(status),
        (error) => end(String(error)),
      );
    }
  }, TASKS);
}

/** @param {import("playwright-core").Page} page */
async function waitsEnd(page) {
  /** @type {Record<string, string>} */
  let ended = {};
  await until(
    () => `the end of ${TASKS.length} waits: ${JSON.stringify(ended)}`,
    async () => {
      ended = await page.evaluate(
        () => /** @type {Record<string, string>} */ (globalThis.kept.ended),
      );
      return TASKS.every((taskId) => taskId in ended);
    },
    60_000,
  );
  assert.deepEqual(ended, Object.fromEntries(TASKS.map((taskId) => [taskId, "charged"])));
}

test("settled resolves in another tab, whether it was called before or after the charge", async () => {
  const { context, page, other, account } = await withOpenCharges();
  await Promise.all([page, other].map(beginToWait));
  await context.setOffline(false);
  await Promise.all([page, other].map(waitsEnd));
  await seesCharged(other, TASKS);
  chargedOnce(await stage.server.ledger(account), TASKS);
});

test("settled resolves in the charging tab after its reload, and in a later tab", async () => {
  const { context, page, other, account, options } = await withOpenCharges();
  await other.close();
  await stage.server.breakFor(account, { kind: "status", status: 503 });
  await context.setOffline(false);
  await stage.site.visit(page);
  await openIn(page, options);
  await beginToWait(page);
  const later = await context.newPage();
  await stage.site.visit(later);
  await openIn(later, options);
  await beginToWait(later);
  await stage.server.repair();
  await Promise.all([page, later].map(waitsEnd));
  chargedOnce(await stage.server.ledger(account), TASKS);
});

test("settled resolves in a tab opened after the charge settled, and after its reload", async () => {
  const { context, page, other, account, options } = await withOpenCharges();
  await context.setOffline(false);
  await seesCharged(page, TASKS);
  await Promise.all([page.close(), other.close()]);
  const later = await context.newPage();
  for (const _ of ["opened", "reloaded"]) {
    await stage.site.visit(later);
    await openIn(later, options);
    await seesCharged(later, TASKS);
  }
  chargedOnce(await stage.server.ledger(account), TASKS);
});

test("settled rejects for a key that no tab knows, in a later tab too", async () => {
  const { page, other } = await withOpenCharges();
  for (const tab of [page, other]) {
    const code = await tab.evaluate(() =>
      globalThis.client.settled("asr:nobody's").then(
        () => "answered",
        (error) => error.code,
      ),
    );
    assert.equal(code, "not_found");
  }
});

test("two tabs without BroadcastChannel make each charge once, and both learn of it", async () => {
  const { context, page, other, account } = await withOpenCharges((context) =>
    context.addInitScript(() => Reflect.deleteProperty(globalThis, "BroadcastChannel")),
  );
  for (const tab of [page, other]) {
    assert.equal(await tab.evaluate(() => typeof BroadcastChannel), "undefined");
  }
  await context.setOffline(false);
  await seesCharged(page, TASKS);
  await seesCharged(other, TASKS);
  for (const tab of [page, other]) {
    const record = await tab.evaluate(() => globalThis.client.getCharge("asr:film-0"));
    assert.equal(record?.status, "success");
  }
  chargedOnce(await stage.server.ledger(account), TASKS);
});

test("an aborted settled leaves nothing behind, and its client closes", async () => {
  const { page } = await withOpenCharges(watch);
  const seen = await page.evaluate(async (key) => {
    /** @type {string[]} */
    const uncaught = [];
    addEventListener("unhandledrejection", ({ reason }) => uncaught.push(String(reason)));
    // The client's own timers come and go; one recurring timer watches over all waits.
    const lasting = async () => {
      const { timer = [] } = await globalThis.watched.held();
      return timer.filter((name) => name.startsWith("every")).length;
    };
    const before = await lasting();
    const stop = new AbortController();
    const reason = { code: "mine", message: "no longer wanted" };
    const waits = Array.from({ length: 3 }, () =>
      globalThis.client.settled(key, { signal: stop.signal }).catch((error) => error === reason),
    );
    const during = await lasting();
    stop.abort(reason);
    const answers = await Promise.all(waits);
    const after = await lasting();
    const late = await globalThis.client
      .settled(key, { signal: stop.signal })
      .catch((error) => error === reason);
    await globalThis.client.close();
    return { answers: [...answers, late], before, during, after, uncaught };
  }, `asr:${TASKS[0]}`);
  assert.deepEqual(seen.answers, [true, true, true, true], "the very reason, at once");
  assert.deepEqual([seen.during - seen.before, seen.after - seen.before], [1, 0]);
  assert.deepEqual(seen.uncaught, []);
});
