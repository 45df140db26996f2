/** What a client shows before it has read the journal, where its queue was noted when it was at rest. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { stemOf } from "./support/accounts.mjs";
import { patient, Stage } from "./support/stage.mjs";
import { knowsOffline } from "./support/tabs.mjs";

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

/**
 * The next page of an account with so many charges that wait, and one declined, whose tab is closed.
 *
 * @param {number} [count]
 */
async function withQueue(count = 500) {
  const { context, page, account, options } = await stage.bare("ahead");
  const note = `${stemOf(stage.server, account)}:journal`;
  await stage.server.topUp(account, 1_000);
  await page.evaluate(async (options) => {
    globalThis.client = await globalThis.openClient({ ...options, balance: { syncEveryMs: 0 } });
    await globalThis.client.refreshBalance();
    await globalThis.client.charge({ taskId: "dear", amount: 9_000, feature: "cloud_trans" });
  }, options);
  await context.setOffline(true);
  await knowsOffline(page);
  await page.evaluate(async (count) => {
    const charge = (/** @type {number} */ at) =>
      globalThis.client.charge({ taskId: `${at}`, amount: 2, feature: "cloud_trans" });
    await Promise.all(Array.from({ length: count }, (_, at) => charge(at)));
  }, count);
  await page.waitForFunction(
    ([note, count]) => {
      const { rest } = JSON.parse(localStorage.getItem(`${note}`) ?? "{}");
      return rest?.queue.pending === count;
    },
    [note, count],
  );
  await page.close();
  await context.setOffline(false);
  const next = await context.newPage();
  await stage.site.visit(next);
  await next.evaluate(holdReadings);
  return { page: next, account, options: patient(options), note };
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
      /** @type {string[]} */
      const heard = [];
      kept.heard = heard;
      client.on("charge", ({ key }) => heard.push(key));
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
  assert.equal(queue.pending, 500);
  assert.equal(queue.failed, 1);
  assert.equal(queue.heldPoints, 1_000);
  assert.equal(stats.open, 500);
  assert.equal(balance?.confirmed, 1_120);
  assert.equal(balance?.available, 120);

  await page.evaluate(() => {
    const { client, kept } = globalThis;
    /** @type {unknown[]} */
    const answers = [];
    kept.answers = answers;
    const one = { taskId: "1", amount: 2, feature: "cloud_trans" };
    void client.charge(one).then(({ status }) => answers.push(status));
    // The same key for something else: nobody knows before the journal has been read.
    const other = { ...one, taskId: "2", amount: 9 };
    void client.charge(other).then((outcome) => {
      answers.push("reason" in outcome ? outcome.reason : outcome.status);
    });
    void client.charges().then(({ length }) => answers.push(length));
  });
  const answers = () => page.evaluate(() => /** @type {unknown[]} */ (globalThis.kept.answers));
  assert.deepEqual(await answers(), []);
  await goOn(page);
  await page.waitForFunction(() => /** @type {any} */ (globalThis.kept.answers).length === 3);
  assert.deepEqual(new Set(await answers()), new Set(["charged", "conflict", 501]));
  await page.waitForFunction(() => globalThis.client.getSnapshot().queue.heldPoints === 0);
  assert.equal((await stage.server.ledger(account)).balance, 120);
  const { available } = await page.evaluate(
    () => globalThis.client.balance() ?? { available: NaN },
  );
  assert.equal(available, 120);
});

test("what is read has not changed: whoever listens hears of what comes next", async () => {
  const { page, options } = await withQueue();
  await open(page, options);
  await shown(page);
  await isHeld(page);
  // Nothing is sent.
  await page.context().setOffline(true);
  await page.waitForFunction(() => !navigator.onLine);
  await goOn(page);
  const heard = await page.evaluate(async () => {
    const { client, kept } = globalThis;
    await client.charges();
    await client.cancel("cloud_trans:7");
    return kept.heard;
  });
  assert.deepEqual(heard, ["cloud_trans:7"]);
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
  assert.equal((await stage.server.ledger(account)).charges.length, 0);
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
    assert.equal(queue.pending, 500);
    assert.equal(queue.heldPoints, 1_000);
  });
}

test("a short queue is read before the client is open", async () => {
  const short = await withQueue(2);
  await open(short.page, short.options);
  await isHeld(short.page);
  assert.equal(await short.page.evaluate(() => globalThis.kept.opened), undefined);
  await goOn(short.page);
  assert.equal((await shown(short.page)).queue.pending, 2);
});

test("an empty queue is shown at once, but not while a task is at work in another tab", async () => {
  const { context, page, account, options } = await stage.bare("empty");
  const note = `${stemOf(stage.server, account)}:journal`;
  await page.evaluate(async (options) => {
    globalThis.client = await globalThis.openClient(options);
    await globalThis.client.charge({ taskId: "film", amount: 5, feature: "cloud_trans" });
  }, options);
  const next = async () => {
    const next = await context.newPage();
    await stage.site.visit(next);
    await next.evaluate(holdReadings);
    await open(next, options);
    return next;
  };
  const isNoted = (/** @type {string} */ note) => {
    const { rest } = JSON.parse(localStorage.getItem(note) ?? "{}");
    return rest?.queue.pending === 0;
  };
  await page.waitForFunction(isNoted, note);
  const second = await next();
  assert.equal((await shown(second)).balance?.available, 115);
  await goOn(second);
  await second.close();

  await page.evaluate(async () => {
    const { client, kept } = globalThis;
    const request = { taskId: "long", amount: 7, feature: "cloud_trans" };
    await new Promise((begun) => {
      const work = () =>
        new Promise((resolve) => {
          kept.finish = resolve;
          begun(undefined);
        });
      kept.task = client.runTask(request, work);
    });
  });
  await page.waitForFunction((note) => !localStorage.getItem(note)?.includes("queue"), note);
  const third = await next();
  await isHeld(third);
  assert.equal(await third.evaluate(() => globalThis.kept.opened), undefined);
  await goOn(third);
  await shown(third);

  await page.evaluate(async () => {
    const { kept } = globalThis;
    /** @type {() => void} */ (kept.finish)();
    await kept.task;
  });
  await page.waitForFunction(isNoted, note);
});
