/** What a client shows before it has read the journal, where its queue was noted when it was at rest. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { stemOf } from "./support/accounts.mjs";
import { Stage } from "./support/stage.mjs";
import { knowsOffline, settledIn } from "./support/tabs.mjs";

/** @typedef {import("playwright-core").Page} Page */

const stage = new Stage();

/** The page's readings of all charges come to nothing, and don't end, before `kept.goesOn` is true. */
function holdReadings() {
  const { getAll } = IDBObjectStore.prototype;
  const { kept } = globalThis;
  kept.held = 0;
  kept.goesOn = false;
  IDBObjectStore.prototype.getAll = function (...args) {
    const request = getAll.apply(this, args);
    Object.defineProperty(request, "onsuccess", {
      set: (/** @type {(event: Event) => void} */ listener) => {
        request.addEventListener("success", (event) => {
          kept.held = Number(kept.held) + 1;
          const wait = () => {
            if (kept.goesOn) {
              listener.call(request, event);
            } else {
              // Something to do keeps the transaction open.
              this.count().onsuccess = wait;
            }
          };
          wait();
        });
      },
    });
    return request;
  };
}

/** The next page of an account with two charges that wait, and one declined, whose tab is closed. */
async function withQueue() {
  const { context, page, account, options } = await stage.bare("ahead");
  const note = `${stemOf(stage.server, account)}:journal`;
  await page.evaluate(async (options) => {
    globalThis.client = await globalThis.openClient({ ...options, balance: { syncEveryMs: 0 } });
    await globalThis.client.refreshBalance();
    await globalThis.client.charge({ taskId: "dear", amount: 1_000, feature: "cloud_trans" });
  }, options);
  await context.setOffline(true);
  await knowsOffline(page);
  await page.evaluate(async () => {
    for (const taskId of ["one", "two"]) {
      await globalThis.client.charge({ taskId, amount: 7, feature: "cloud_trans" });
    }
  });
  await page.waitForFunction((note) => {
    const { rest } = JSON.parse(localStorage.getItem(note) ?? "{}");
    return rest?.queue.pending === 2;
  }, note);
  await page.close();
  await context.setOffline(false);
  const next = await context.newPage();
  await stage.site.visit(next);
  await next.evaluate(holdReadings);
  return { page: next, account, options, note };
}

/**
 * Opens a client; `kept.opened` is what it shows once it is open.
 *
 * @param {Page} page
 * @param {any} options
 */
function open(page, options) {
  return page.evaluate((options) => {
    const { kept, openClient } = globalThis;
    void openClient({ ...options, balance: { syncEveryMs: 0 } }).then((client) => {
      globalThis.client = client;
      kept.opened = client.getSnapshot();
    });
  }, options);
}

/**
 * @param {Page} page
 * @returns {Promise<import("tollbox").BillingSnapshot>} what it shows once it is open
 */
async function shown(page) {
  const opened = await page.waitForFunction(() => globalThis.kept.opened);
  return /** @type {any} */ (opened.jsonValue());
}

/** @param {Page} page */
const isHeld = (page) => page.waitForFunction(() => Number(globalThis.kept.held) > 0);

/** @param {Page} page */
const goOn = (page) =>
  page.evaluate(() => {
    globalThis.kept.goesOn = true;
  });

test("queue and balance are there before the journal has been read, and calls wait for it", async () => {
  const { page, account, options } = await withQueue();
  await open(page, options);
  const { queue, stats, balance } = await shown(page);
  await isHeld(page);
  assert.equal(queue.pending, 2);
  assert.equal(queue.failed, 1);
  assert.equal(queue.heldPoints, 14);
  assert.equal(stats.open, 2);
  assert.equal(balance?.confirmed, 120);
  assert.equal(balance?.available, 106);

  await page.evaluate(() => {
    const { client, kept } = globalThis;
    /** @type {unknown[]} */
    const answers = [];
    kept.answers = answers;
    const one = { taskId: "one", amount: 7, feature: "cloud_trans" };
    void client.charge(one).then(({ status }) => answers.push(status));
    // The same key for something else: nobody knows before the journal has been read.
    const other = { ...one, taskId: "two", amount: 9 };
    void client.charge(other).then((outcome) => {
      answers.push("reason" in outcome ? outcome.reason : outcome.status);
    });
    void client.charges().then(({ length }) => answers.push(length));
  });
  const answers = () => page.evaluate(() => /** @type {unknown[]} */ (globalThis.kept.answers));
  assert.deepEqual(await answers(), []);
  await goOn(page);
  await page.waitForFunction(() => /** @type {any} */ (globalThis.kept.answers).length === 3);
  assert.deepEqual(new Set(await answers()), new Set(["charged", "conflict", 3]));
  const ends = await settledIn(page, ["cloud_trans:one", "cloud_trans:two"]);
  assert.deepEqual(
    ends.map((end) => end?.status),
    ["charged", "charged"],
  );
  assert.equal((await stage.server.ledger(account)).balance, 106);
  const after = await page.evaluate(() => globalThis.client.getSnapshot());
  assert.equal(after.queue.heldPoints, 0);
});

test("a client that is closed before the journal has been read lets go of everything", async () => {
  const { page, account, options } = await withQueue();
  await open(page, options);
  await shown(page);
  await isHeld(page);
  const late = await page.evaluate(async () => {
    const { client, kept } = globalThis;
    const closed = client.close();
    const late = client.charge({ taskId: "late", amount: 1, feature: "f" });
    kept.goesOn = true;
    await closed;
    return late.catch(({ code }) => code);
  });
  assert.equal(late, "closed");
  const locks = await page.evaluate(async () => (await navigator.locks.query()).held);
  assert.deepEqual(locks, []);
  assert.equal((await stage.server.ledger(account)).balance, 120);
});

/** @type {[string, (note: any) => void][]} */
const UNTRUE = [
  ["the journal has changed since", (note) => note.rest.changes--],
  ["a crash has taken something that was committed", (note) => note.rest.commits++],
  ["no queue was noted", (note) => delete note.rest],
  ["the note is damaged", (note) => delete note.rest.queue.pending],
];
for (const [what, spoil] of UNTRUE) {
  test(`nothing is shown before the journal has been read where ${what}`, async () => {
    const { page, options, note } = await withQueue();
    const noted = JSON.parse(
      await page.evaluate((note) => localStorage.getItem(note) ?? "{}", note),
    );
    spoil(noted);
    const entry = { note, text: JSON.stringify(noted) };
    await page.evaluate(({ note, text }) => localStorage.setItem(note, text), entry);
    await open(page, options);
    await isHeld(page);
    assert.equal(await page.evaluate(() => globalThis.kept.opened), undefined);
    await goOn(page);
    const { queue } = await shown(page);
    assert.equal(queue.pending, 2);
    assert.equal(queue.heldPoints, 14);
  });
}
