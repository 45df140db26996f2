import assert from "node:assert/strict";
import { test } from "node:test";
import { freshAccount } from "./support/accounts.mjs";
import { deathsLogged, KEY, MORTAL, openLogged, openMortal, REQUEST } from "./support/deaths.mjs";
import { Stage } from "./support/stage.mjs";
import { chargedOnce, knowsOffline } from "./support/tabs.mjs";

const stage = new Stage({ folder: MORTAL });

/** @param {import("tollbox").BillingOptions["retry"]} [retry] */
const mortal = (retry) => openMortal(stage, retry);

/**
 * Asks the page's client for a charge, and returns once its first request is on its way.
 *
 * @param {import("playwright-core").Page} page
 */
async function chargeInFlight(page) {
  await page.evaluate((request) => {
    globalThis.kept.outcome = globalThis.client.charge(request);
  }, REQUEST);
  await page.waitForFunction(() => globalThis.client.getSnapshot().queue.retrying === 1);
}

/**
 * @param {import("playwright-core").Page} page
 * @returns {Promise<import("tollbox").ChargeOutcome>}
 */
function answer(page) {
  return page.evaluate(
    () => /** @type {Promise<import("tollbox").ChargeOutcome>} */ (globalThis.kept.outcome),
  );
}

/** @param {string} account */
async function isChargedOnce(account) {
  chargedOnce(await stage.server.ledger(account), [REQUEST.taskId], { amount: REQUEST.amount });
}

for (const [place, way] of /** @type {const} */ ([
  ["timer", "panic"],
  ["timer", "trap"],
  ["promise", "panic"],
  ["promise", "exception"],
])) {
  test(`a charge in flight during a ${way} in a ${place} is unknown at once, and charged once`, async () => {
    const { page, account } = await mortal();
    /** @type {string[]} */
    const uncaught = [];
    page.on("pageerror", (error) => uncaught.push(error.message));
    await page.evaluate(() => {
      globalThis.kept.seen = [];
      globalThis.client.on("charge", ({ status }) => {
        /** @type {string[]} */ (globalThis.kept.seen).push(status);
      });
    });
    await stage.server.breakFor(account, { kind: "hang_after" }, { on: "charge" });
    await chargeInFlight(page);
    await page.evaluate(({ place, way }) => globalThis.die(place, way), { place, way });
    const outcome = await answer(page);
    assert.ok(outcome.status === "unknown", outcome.status);
    assert.deepEqual(
      [outcome.key, outcome.taskId, outcome.amount, outcome.attempts],
      [KEY, "film", 4, 1],
    );
    assert.deepEqual([outcome.reason, outcome.resolving, outcome.durable], ["timeout", true, true]);
    assert.match(outcome.detail, /the billing module has died .* is started again/);

    await stage.server.repair();
    const settled = await page.evaluate((key) => globalThis.client.settled(key), KEY);
    assert.equal(settled.status, "charged");
    await page.waitForFunction(() =>
      /** @type {string[]} */ (globalThis.kept.seen).includes("success"),
    );
    await isChargedOnce(account);
    const next = await page.evaluate(
      (request) => globalThis.client.charge({ ...request, taskId: "next" }),
      REQUEST,
    );
    assert.equal(next.status, "charged");
    assert.equal(await deathsLogged(page), 1);
    assert.equal(uncaught.length, 1, `the death itself and nothing else: ${uncaught}`);
  });
}

for (const [place, way] of /** @type {const} */ ([
  ["call", "panic"],
  ["borrow", "panic"],
  ["borrow", "trap"],
  ["drain", "trap"],
  ["drain", "exception"],
])) {
  test(`a charge whose own call (${place}) meets a ${way} is unknown at once, and charged once`, async () => {
    const { page, account } = await mortal();
    const outcome = await page.evaluate(
      ({ request, place, way }) => {
        globalThis.die(place, way);
        return globalThis.client.charge(request);
      },
      { request: REQUEST, place, way },
    );
    assert.ok(outcome.status === "unknown", outcome.status);
    assert.deepEqual(
      [outcome.key, outcome.attempts, outcome.resolving, outcome.durable],
      [KEY, 0, true, false],
    );
    // Only the module's own retry has brought it there.
    await stage.server.ledgerWhen(account, "the charge", ({ charges }) => charges.length > 0);
    const again = await page.evaluate((request) => globalThis.client.charge(request), REQUEST);
    assert.ok(again.status === "charged");
    await isChargedOnce(account);
    assert.equal(await deathsLogged(page), 1);
  });
}

test("the outcome of a call in which the module dies has the key that the module would have made", async () => {
  const { page, account } = await mortal();
  const request = { taskId: "a:b%", amount: 1, feature: "100%:best" };
  const outcome = await page.evaluate((request) => {
    globalThis.die("call", "panic");
    return globalThis.client.charge(request);
  }, request);
  assert.equal(outcome.status, "unknown");
  assert.equal(outcome.key, "100%25%3Abest:a:b%");
  const settled = await page.evaluate((key) => globalThis.client.settled(key), outcome.key);
  assert.equal(settled.status, "charged");
  const { charges } = await stage.server.ledger(account);
  assert.deepEqual(
    charges.map((charge) => charge.idempotency_key),
    [outcome.key],
  );
});

test("a module that stops silently is detected, and restarted", async () => {
  const { page, account } = await mortal({ respondWithinMs: 500 });
  const outcome = await page.evaluate((request) => {
    globalThis.die("drain", "silence");
    return globalThis.client.charge(request);
  }, REQUEST);
  assert.ok(outcome.status === "unknown" && outcome.resolving, outcome.status);
  // Settled in its own time: a second charge would be made within the half second.
  await stage.server.ledgerWhen(account, "the charge", ({ charges }) => charges.length > 0);
  const settled = await page.evaluate((key) => globalThis.client.settled(key), KEY);
  assert.equal(settled.status, "charged");
  await isChargedOnce(account);
  assert.equal(await deathsLogged(page), 1);
});

test("a call that waits for the journal survives the module's death", async () => {
  const { page, account, options } = await mortal();
  await page.evaluate(async (request) => {
    await globalThis.client.charge(request);
    // Its verdict is in the journal then.
    await globalThis.client.close();
  }, REQUEST);
  await openLogged(page, options);
  const answers = await page.evaluate(async (key) => {
    /** @type {[string, () => Promise<unknown>][]} */
    const calls = [
      ["getCharge", () => globalThis.client.getCharge(key)],
      ["charges", () => globalThis.client.charges()],
      ["refreshBalance", () => globalThis.client.refreshBalance()],
      ["settled", () => globalThis.client.settled(key)],
    ];
    /** @type {Record<string, unknown>} */
    const answers = {};
    globalThis.die("promise", "trap");
    const asked = calls.map(async ([name, call]) => {
      answers[name] = await call();
    });
    await Promise.all(asked);
    globalThis.die("borrow", "panic");
    answers.flush = await globalThis.client.flush();
    globalThis.die("borrow", "panic");
    answers.retry = await globalThis.client.retry(key);
    globalThis.die("call", "panic");
    answers.signOut = await globalThis.client.signOut();
    return answers;
  }, KEY);
  const { getCharge, charges, refreshBalance, settled, flush, retry, signOut } =
    /** @type {any} */ (answers);
  assert.equal(getCharge.status, "success");
  assert.equal(charges.length, 1);
  assert.deepEqual([refreshBalance.status, refreshBalance.balance.confirmed], ["fresh", 116]);
  assert.equal(settled.status, "charged");
  assert.deepEqual([flush.remaining, flush.stopped], [0, null]);
  assert.equal(retry.status, "charged");
  assert.deepEqual(signOut, []);
  assert.equal(await deathsLogged(page), 4);
  await isChargedOnce(account);
});

test("settled waits on through the module's death, and an aborted wait ends", async () => {
  const { page, account } = await mortal();
  await stage.server.breakFor(account, { kind: "hang" }, { on: "charge" });
  await chargeInFlight(page);
  await page.evaluate((key) => {
    const stop = new AbortController();
    globalThis.kept.stop = stop;
    globalThis.kept.settled = globalThis.client.settled(key);
    const stopped = globalThis.client.settled(key, { signal: stop.signal });
    globalThis.kept.stopped = stopped.catch((error) => error.name);
    globalThis.die("timer", "trap");
  }, KEY);
  assert.equal((await answer(page)).status, "unknown");
  const stopped = await page.evaluate(() => {
    /** @type {AbortController} */ (globalThis.kept.stop).abort();
    return globalThis.kept.stopped;
  });
  assert.equal(stopped, "AbortError");
  await stage.server.repair();
  const settled = await page.evaluate(
    () => /** @type {Promise<{ status: string }>} */ (globalThis.kept.settled),
  );
  assert.equal(settled.status, "charged");
  await isChargedOnce(account);
});

test("a charge queued offline stays shown through the module's death, and is charged once online", async () => {
  const { context, page, account } = await mortal();
  await context.setOffline(true);
  await knowsOffline(page);
  const queued = await page.evaluate((request) => globalThis.client.charge(request), REQUEST);
  assert.ok(queued.status === "queued" && queued.durable);
  const retried = await page.evaluate((key) => {
    /** @type {number[]} */
    const views = [];
    globalThis.kept.views = views;
    globalThis.client.subscribe(() => {
      const { pending, retrying } = globalThis.client.getSnapshot().queue;
      views.push(pending + retrying);
    });
    globalThis.die("borrow", "panic");
    return globalThis.client.retry(key);
  }, KEY);
  // A dead module can't know whether another tab has sent it.
  assert.ok(retried.status === "unknown" && retried.resolving, retried.status);
  assert.deepEqual([retried.attempts, retried.durable, retried.taskId], [0, true, "film"]);
  const record = await page.evaluate((key) => globalThis.client.getCharge(key), KEY);
  assert.equal(record?.status, "pending");
  const views = await page.evaluate(() => /** @type {number[]} */ (globalThis.kept.views));
  assert.deepEqual(new Set(views), new Set([1]), "no snapshot without the open charge");
  assert.deepEqual((await stage.server.ledger(account)).charges, []);

  await context.setOffline(false);
  const settled = await page.evaluate((key) => globalThis.client.settled(key), KEY);
  assert.equal(settled.status, "charged");
  await isChargedOnce(account);
});

test("runTask: the module's death during the work keeps its value and hold, and it is charged once", async () => {
  const { page, account } = await mortal();
  const { task, during } = await page.evaluate(async (request) => {
    /** @type {number | undefined} */
    let during;
    const task = await globalThis.client.runTask(request, async () => {
      globalThis.die("timer", "panic");
      const restarted = new Promise((resolve) => globalThis.client.subscribe(() => resolve(0)));
      await restarted;
      during = globalThis.client.balance()?.held;
      return "译文";
    });
    return { task, during };
  }, REQUEST);
  assert.equal(await deathsLogged(page), 1);
  // Where the server's word of the dead core's hold comes first, the next core counts it twice until it
  // knows it for its own. Never less than once.
  assert.ok(during === 4 || during === 8, `${during}`);
  assert.ok(task.task === "completed");
  assert.deepEqual([task.value, task.billing.status], ["译文", "charged"]);
  await isChargedOnce(account);
});

test("runTask: the module's death at the charge keeps the value, and the charge is made once", async () => {
  const { page, account } = await mortal();
  const task = await page.evaluate(
    (request) =>
      globalThis.client.runTask(request, async () => {
        globalThis.die("call", "trap");
        return "译文";
      }),
    REQUEST,
  );
  assert.ok(task.task === "completed");
  assert.equal(task.value, "译文");
  assert.equal(task.billing.status, "unknown");
  const settled = await page.evaluate((request) => globalThis.client.charge(request), REQUEST);
  assert.equal(settled.status, "charged");
  await isChargedOnce(account);
});

test("two clients of one page die together, and both go on", async () => {
  const { page, account, options } = await mortal();
  const otherAccount = freshAccount();
  const other = { ...(await stage.options(otherAccount)), retry: options.retry };
  const statuses = await page.evaluate(
    async ({ other, request }) => {
      const second = await globalThis.openClient(other);
      globalThis.kept.second = second;
      await second.refreshBalance();
      globalThis.die("promise", "panic");
      const outcomes = await Promise.all([
        globalThis.client.charge(request),
        second.charge(request),
      ]);
      return outcomes.map((outcome) => outcome.status);
    },
    { other, request: REQUEST },
  );
  assert.deepEqual(statuses, ["unknown", "unknown"]);
  const settled = await page.evaluate(async (request) => {
    const second = /** @type {import("tollbox").BillingClient} */ (globalThis.kept.second);
    const outcomes = await Promise.all([globalThis.client.charge(request), second.charge(request)]);
    return outcomes.map((outcome) => outcome.status);
  }, REQUEST);
  assert.deepEqual(settled, ["charged", "charged"]);
  await isChargedOnce(account);
  await isChargedOnce(otherAccount);
});
