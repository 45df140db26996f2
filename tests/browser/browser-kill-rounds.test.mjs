import assert from "node:assert/strict";
import { test } from "node:test";
import { freshAccount } from "./support/accounts.mjs";
import { ProfiledBrowser } from "./support/profile.mjs";
import { PATIENT, Stage } from "./support/stage.mjs";
import { knowsOffline, openIn, queueAll, tasks } from "./support/tabs.mjs";
import { until } from "./support/until.mjs";

const stage = new Stage();
/** More of them, in three browsers: tests/all-browsers. */
const ROUNDS = 3;
const SEEDED_POINTS = 120;

/**
 * @typedef {import("playwright-core").Page} Page
 * @typedef {Awaited<ReturnType<Stage["options"]>>} Options
 * @typedef {{ page: Page, account: string, options: Options, answered: Set<string> }} Round
 *   `answered`: the keys of the charges that were answered as open and durable
 */

/**
 * Rounds of charging, a kill of the browser at some moment, a restart, and a comparison of the
 * server's ledger with what was promised and with what the client says.
 *
 * @param {import("node:test").TestContext} t
 * @param {(round: Round) => Promise<void>} chargeUntilTheMoment resolves when the browser is to die
 */
async function killInRounds(t, chargeUntilTheMoment) {
  const browser = new ProfiledBrowser();
  t.after(() => browser.remove());
  let page = await browser.start();
  for (let index = 0; index < ROUNDS; index += 1) {
    const account = freshAccount("killed");
    await stage.server.topUp(account, 1_000 - SEEDED_POINTS);
    const quick = await stage.options(account);
    const options = { ...quick, retry: { ...quick.retry, ...PATIENT } };
    /** @type {Set<string>} */
    const answered = new Set();
    await page.exposeFunction("answered", (/** @type {string} */ key) => answered.add(key));
    await stage.site.visit(page);
    await openIn(page, options);
    await livesInIndexedDb(page, `round ${index + 1}, before the kill`);
    await chargeUntilTheMoment({ page, account, options, answered });
    await browser.kill();
    const promised = new Set(answered);
    await stage.server.repair();
    const before = await stage.server.ledger(account);

    page = await browser.start();
    await stage.site.visit(page);
    await openIn(page, options);
    await livesInIndexedDb(page, `round ${index + 1}, after the kill`);
    await knows(page, [...promised, ...before.charges.map((charge) => charge.idempotency_key)]);
    const settled = await settleAll(page);
    t.diagnostic(
      `round ${index + 1}: ${promised.size} promised, ${before.charges.length} charged before the ` +
        `restart, ${settled.length} after it`,
    );
    const lost = [...promised].filter((key) => !settled.includes(key));
    assert.deepEqual(lost, [], `round ${index + 1}: promised and gone`);
    const { balance, charges } = await stage.server.ledger(account);
    const ledger = charges.map((charge) => charge.idempotency_key);
    assert.deepEqual(ledger.sort(), settled.sort(), "the client and the ledger agree");
    assert.equal(new Set(ledger).size, ledger.length, "each once");
    assert.equal(balance, 1_000 - ledger.length);
  }
}

/**
 * Makes sure that the page's client has not had to fall back, which would promise less.
 *
 * @param {Page} page
 * @param {string} when
 */
async function livesInIndexedDb(page, when) {
  const { storage, alerts } = await page.evaluate(() => globalThis.client.getSnapshot());
  assert.equal(storage, "indexeddb", `${when}: ${JSON.stringify(alerts)}`);
}

/**
 * Waits until the page's client shows these charges.
 *
 * @param {Page} page
 * @param {string[]} keys
 */
async function knows(page, keys) {
  let shown = "";
  await until(
    () => `all that was promised or charged is in the journal: ${shown}`,
    async () => {
      const { alerts, known } = await page.evaluate(async () => ({
        alerts: globalThis.client.getSnapshot().alerts,
        known: (await globalThis.client.charges()).map(({ key }) => key),
      }));
      shown = JSON.stringify({ known: known.length, of: keys.length, alerts });
      return keys.every((key) => known.includes(key));
    },
  );
}

/**
 * Waits until everything in the page's journal is charged, and gives the keys.
 *
 * @param {Page} page
 */
async function settleAll(page) {
  const settled = await page.evaluate(async () => {
    const records = await globalThis.client.charges();
    return Promise.all(records.map(({ key }) => globalThis.client.settled(key)));
  });
  for (const outcome of settled) assert.equal(outcome.status, "charged", JSON.stringify(outcome));
  return settled.map((outcome) => outcome.key);
}

/**
 * Begins to charge without waiting for the end: each answer that promises something is told to
 * the test.
 *
 * @param {Page} page
 * @param {string[]} taskIds
 * @param {number} patienceMs after which the caller of a charge waits no longer
 */
async function beginToCharge(page, taskIds, patienceMs) {
  await page.evaluate(
    ({ taskIds, patienceMs }) => {
      for (const taskId of taskIds) {
        const signal = AbortSignal.timeout(patienceMs);
        void globalThis.client
          .charge({ taskId, amount: 1, feature: "asr" }, { signal })
          .then((outcome) => {
            const open = outcome.status === "queued" || outcome.status === "unknown";
            if (outcome.status === "charged" || (open && outcome.durable)) {
              Reflect.get(globalThis, "answered")(outcome.key);
            }
          });
      }
    },
    { taskIds, patienceMs },
  );
}

/**
 * A moment within the next `most` milliseconds: the kills are to fall all over the work of a page.
 *
 * @param {number} most
 */
async function someMoment(most) {
  const moment = performance.now() + Math.random() * most;
  while (performance.now() < moment) await new Promise((resolve) => setImmediate(resolve));
}

/** @param {number} from @param {number} below */
function someNumber(from, below) {
  return from + Math.floor(Math.random() * (below - from));
}

test("killed right after `queued`: what was answered is charged, once", async (t) => {
  await killInRounds(t, async ({ page, answered }) => {
    await page.context().setOffline(true);
    await knowsOffline(page);
    await beginToCharge(page, tasks("task", 5), 60_000);
    await until("the first promises", () => answered.size >= 5);
    // One after the other from here on, to be cut off anywhere.
    const enough = someNumber(6, 15);
    for (const taskId of tasks("more", 20)) await beginToCharge(page, [taskId], 60_000);
    await until("more promises", () => answered.size >= enough);
    await someMoment(5);
  });
});

test("killed with requests on their way: each is charged, once", async (t) => {
  await killInRounds(t, async ({ page, account }) => {
    await stage.server.breakFor(account, { kind: "latency", ms: 100 });
    const sent = page.waitForRequest((request) => request.method() === "POST");
    await beginToCharge(page, tasks("task", 8), someNumber(20, 120));
    // Whose patience ends before the charge is written is promised nothing.
    await sent;
    await someMoment(120);
  });
});

test("killed in the middle of a flush of hundreds: each is charged, once", async (t) => {
  await killInRounds(t, async ({ page, account, options, answered }) => {
    const taskIds = tasks("task", 300);
    await page.context().setOffline(true);
    await page.evaluate(async (options) => {
      await globalThis.client.close();
      globalThis.client = await globalThis.openClient({ ...options, queue: { batchSize: 20 } });
    }, options);
    await queueAll(page, taskIds);
    for (const taskId of taskIds) answered.add(`asr:${taskId}`);
    await page.context().setOffline(false);
    const some = someNumber(1, 250);
    await stage.server.ledgerWhen(account, "some", ({ charges }) => charges.length >= some);
    await someMoment(10);
  });
});

test("killed when the server has charged and the page may not know: each once", async (t) => {
  await killInRounds(t, async ({ page, account }) => {
    await beginToCharge(page, tasks("task", 8), 60_000);
    let ledger = await stage.server.ledger(account);
    while (ledger.charges.length === 0) ledger = await stage.server.ledger(account);
    await someMoment(3);
  });
});
