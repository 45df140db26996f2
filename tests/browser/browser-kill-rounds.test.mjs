import assert from "node:assert/strict";
import { test } from "node:test";
import { freshAccount } from "./support/accounts.mjs";
import { ProfiledBrowser } from "./support/profile.mjs";
import { patient, Stage } from "./support/stage.mjs";
import { knowsOffline, openIn, queueAll, settledIn, tasks } from "./support/tabs.mjs";
import { until } from "./support/until.mjs";

const stage = new Stage();
/** Rounds per test. tests/all-browsers makes more of them, in three browsers. */
const ROUNDS = 3;
const SEEDED_POINTS = 120;

/**
 * @typedef {import("playwright-core").Page} Page
 * @typedef {Awaited<ReturnType<Stage["options"]>>} Options
 * @typedef {object} Round
 * @property {Page} page
 * @property {string} account
 * @property {Options} options
 * @property {Set<string>} answered keys of the charges that were answered as charged, or as open and
 *   durable
 * @property {Set<string>} sent keys that were in a request to charge
 * @property {(what: string, from: number, below: number) => number} some a number that chance chooses,
 *   and the round tells of
 */

/**
 * Runs rounds of charging, a kill of the browser at some moment and a restart, and compares the
 * server's ledger with the outcomes before the kill and with the client's records.
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
    const options = patient(await stage.options(account));
    /** @type {Set<string>} */
    const answered = new Set();
    const sent = watchRequests(page);
    /** @type {Round["some"]} */
    const some = (what, from, below) => {
      const chosen = from + Math.random() * (below - from);
      t.diagnostic(`round ${index + 1}: ${what} ${chosen.toFixed(2)}`);
      return chosen;
    };
    await page.exposeFunction("answered", (/** @type {string} */ key) => answered.add(key));
    await stage.site.visit(page);
    await openIn(page, options);
    await livesInIndexedDb(page, `round ${index + 1}, before the kill`);
    await chargeUntilTheMoment({ page, account, options, answered, sent, some });
    await browser.kill();
    // Every charge that was sent was written before, whether or not its caller was told.
    const promised = new Set([...answered, ...sent]);
    await stage.server.repair();
    const before = await stage.server.ledger(account);

    page = await browser.start();
    await stage.site.visit(page);
    if (await opensAnew(page, options)) {
      t.diagnostic(`round ${index + 1}: the browser found its database damaged, and threw it away`);
      await chargedOnceAgain(page, account, [...promised]);
      continue;
    }
    await livesInIndexedDb(page, `round ${index + 1}, after the kill`);
    await knows(page, [...promised, ...before.charges.map((charge) => charge.idempotency_key)]);
    const settled = await settleAll(page);
    t.diagnostic(
      `round ${index + 1}: ${answered.size} answered, ${sent.size} sent, ` +
        `${before.charges.length} charged before the restart, ${settled.length} after it`,
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
 * The keys of all charges that the page sends to the server from now on.
 *
 * @param {Page} page
 */
function watchRequests(page) {
  /** @type {Set<string>} */
  const sent = new Set();
  page.on("request", (request) => {
    if (request.method() !== "POST") return;
    const key = request.headers()["idempotency-key"];
    if (key) {
      // A structured field: a string in quotes.
      sent.add(JSON.parse(key));
    } else {
      const { charges } = request.postDataJSON();
      for (const charge of charges) sent.add(charge.idempotency_key);
    }
  });
  return sent;
}

/**
 * Opens the page's client, and gives whether it tells that the browser has thrown the database away.
 * Chromium does so where the kill has damaged it, about once in 250 kills on a busy machine.
 *
 * @param {Page} page
 * @param {Options} options
 */
function opensAnew(page, options) {
  return page.evaluate(async (options) => {
    globalThis.client = await globalThis.openClient(options);
    /** @type {import("tollbox").Alert[]} */
    const alerts = [];
    // An alert of the start is told in the turn after a listener has come.
    globalThis.client.on("alert", (alert) => alerts.push(alert));
    await globalThis.client.charges();
    return alerts.some(({ kind, detail }) => kind === "storage_degraded" && /damaged/.test(detail));
  }, options);
}

/**
 * Charges the same again, of which the client knows nothing any more: each is made once.
 *
 * @param {Page} page
 * @param {string} account
 * @param {string[]} keys
 */
async function chargedOnceAgain(page, account, keys) {
  await page.evaluate(async (keys) => {
    const charges = keys.map((key) => {
      const [feature = "", taskId = ""] = key.split(":");
      return globalThis.client.charge({ feature, taskId, amount: 1 });
    });
    await Promise.all(charges);
    await Promise.all(keys.map((key) => globalThis.client.settled(key)));
  }, keys);
  const { charges } = await stage.server.ledger(account);
  assert.deepEqual(charges.map((charge) => charge.idempotency_key).sort(), [...keys].sort());
}

/**
 * Makes sure that the page's client has not fallen back to another storage, which promises less.
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
  const records = await page.evaluate(() => globalThis.client.charges());
  const settled = await settledIn(
    page,
    records.map(({ key }) => key),
  );
  for (const outcome of settled) assert.equal(outcome.status, "charged", JSON.stringify(outcome));
  return settled.map((outcome) => outcome.key);
}

/**
 * Begins charges without waiting for them; each outcome that promises something is reported to the
 * test.
 *
 * @param {Page} page
 * @param {object} set
 * @param {string[]} set.taskIds
 * @param {number} [set.patienceMs] after which the caller of a charge waits no longer
 * @param {boolean} [set.inTurn] each is asked for when the one before it has been answered
 */
async function beginToCharge(page, { taskIds, patienceMs = 60_000, inTurn = false }) {
  await page.evaluate(
    ({ taskIds, patienceMs, inTurn }) => {
      const charge = async (/** @type {string} */ taskId) => {
        const signal = AbortSignal.timeout(patienceMs);
        const request = { taskId, amount: 1, feature: "asr" };
        const outcome = await globalThis.client.charge(request, { signal });
        const open = outcome.status === "queued" || outcome.status === "unknown";
        if (outcome.status === "charged" || (open && outcome.durable)) {
          Reflect.get(globalThis, "answered")(outcome.key);
        }
      };
      const all = async () => {
        for (const taskId of taskIds) {
          const charged = charge(taskId);
          if (inTurn) await charged;
        }
      };
      void all();
    },
    { taskIds, patienceMs, inTurn },
  );
}

/**
 * Waits so long, so that the kills are spread over all of a page's work.
 *
 * @param {number} ms
 */
async function moment(ms) {
  const end = performance.now() + ms;
  while (performance.now() < end) await new Promise((resolve) => setImmediate(resolve));
}

/**
 * As `until`, but polls without a pause.
 *
 * @param {string} what
 * @param {() => unknown} probe
 */
const promptly = (what, probe) => until(what, probe, undefined, 0);

test("a browser killed right after `queued` makes every queued charge once after its restart", async (t) => {
  await killInRounds(t, async ({ page, answered, some }) => {
    await page.context().setOffline(true);
    await knowsOffline(page);
    await beginToCharge(page, { taskIds: tasks("task", 5) });
    await until("the first promises", () => answered.size >= 5);
    // One by one from here on, so that the kill can fall between any two.
    const enough = some("answers", 6, 40);
    const ms = some("then ms", 0, 5);
    await beginToCharge(page, { taskIds: tasks("more", 60), inTurn: true });
    await promptly("more promises", () => answered.size >= enough);
    await moment(ms);
  });
});

test("a browser killed with requests on their way makes each charge once after its restart", async (t) => {
  await killInRounds(t, async ({ page, account, some }) => {
    await stage.server.breakFor(account, { kind: "latency", ms: 100 });
    const patienceMs = Math.round(some("patience", 20, 120));
    const ms = some("then ms", 0, 120);
    const left = page.waitForRequest((request) => request.method() === "POST");
    await beginToCharge(page, { taskIds: tasks("task", 8), patienceMs });
    // A call that times out before its charge is written promises nothing.
    await left;
    await moment(ms);
  });
});

test("a browser killed in the middle of a flush of hundreds makes each charge once after its restart", async (t) => {
  await killInRounds(t, async ({ page, account, options, answered, some }) => {
    const taskIds = tasks("task", 300);
    await page.context().setOffline(true);
    await page.evaluate(async (options) => {
      await globalThis.client.close();
      globalThis.client = await globalThis.openClient({ ...options, queue: { batchSize: 20 } });
    }, options);
    await queueAll(page, taskIds);
    for (const taskId of taskIds) answered.add(`asr:${taskId}`);
    const enough = some("charges", 1, 250);
    const ms = some("then ms", 0, 10);
    await page.context().setOffline(false);
    await stage.server.ledgerWhen(account, "some", ({ charges }) => charges.length >= enough);
    await moment(ms);
  });
});

test("a browser killed after the server charged, before the page may know, makes each charge once", async (t) => {
  await killInRounds(t, async ({ page, account, some }) => {
    const ms = some("then ms", 0, 3);
    await beginToCharge(page, { taskIds: tasks("task", 8) });
    await promptly("a charge", async () => {
      const { charges } = await stage.server.ledger(account);
      return charges.length > 0;
    });
    await moment(ms);
  });
});
