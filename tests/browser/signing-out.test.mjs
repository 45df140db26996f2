import assert from "node:assert/strict";
import { test } from "node:test";
import { freshAccount, stemOf } from "./support/accounts.mjs";
import { patient, Stage } from "./support/stage.mjs";
import { chargeAll, chargedOnce, knowsOffline, queueAll, seesCharged } from "./support/tabs.mjs";

const stage = new Stage();

/** @typedef {import("playwright-core").Page} Page */
/** @typedef {Awaited<ReturnType<Stage["options"]>>} Options */

/**
 * Opens the page's client. Its token is the page's current one, as with a cookie or the
 * application's own state.
 *
 * @param {Page} page
 * @param {Options & { queue?: import("tollbox").BillingOptions["queue"] }} options
 */
async function signIn(page, { token, ...options }) {
  await page.evaluate(
    async ({ token, options }) => {
      globalThis.kept.token = token;
      globalThis.client = await globalThis.tollbox.openBilling({
        ...options,
        getToken: () => /** @type {string} */ (globalThis.kept.token),
      });
      await globalThis.client.refreshBalance();
    },
    { token, options },
  );
}

/**
 * Gives the page another user's token.
 *
 * @param {Page[]} pages
 * @param {string} token
 */
async function giveToken(pages, token) {
  for (const page of pages) {
    await page.evaluate((token) => {
      globalThis.kept.token = token;
    }, token);
  }
}

/** @param {Page} page */
function signOut(page) {
  return page.evaluate(async () => {
    const open = await globalThis.client.signOut();
    return open.map(({ taskId }) => taskId).sort();
  });
}

/**
 * The requests to the billing server from now on.
 *
 * @param {import("playwright-core").BrowserContext} context
 */
function requestsOf(context) {
  /** @type {string[]} */
  const requests = [];
  context.on("request", (request) => {
    if (request.url().startsWith(stage.server.billing)) {
      requests.push(`${request.method()} ${request.url().slice(stage.server.billing.length)}`);
    }
  });
  return requests;
}

/**
 * The answers of a client whose account has signed out.
 *
 * @param {Page} page
 */
function saysIt(page) {
  return page.evaluate(async () => {
    const { client } = globalThis;
    const request = { taskId: "late", amount: 1, feature: "asr" };
    /** @param {Promise<unknown>} call */
    const code = (call) =>
      call.then(
        (answer) => answer,
        (error) => error.code,
      );
    const { status, reason } = /** @type {any} */ (await client.refreshBalance());
    return {
      charge: await code(client.charge(request)),
      runTask: await code(client.runTask(request, async () => 0)),
      flush: (await client.flush()).stopped,
      refresh: `${status} ${reason}`,
      balance: client.balance(),
      shown: client.getSnapshot().balance,
      held: client.getSnapshot().queue.heldPoints,
    };
  });
}

const SIGNED_OUT = {
  charge: "closed",
  runTask: "closed",
  flush: "unauthorized",
  refresh: "unavailable unauthorized",
  balance: null,
  shown: null,
};

/**
 * Waits until the page's client has heard of the sign-out.
 *
 * @param {Page} page
 */
async function hasHeard(page) {
  await page.waitForFunction(() => globalThis.client.getSnapshot().balance === null);
}

/**
 * Everything in localStorage that the account's cached balance is, in any form.
 *
 * @param {Page} page
 * @param {string} account
 */
async function cachedFor(page, account) {
  const stem = stemOf(stage.server, account);
  return page.evaluate(
    ({ stem, where }) => ({
      entry: localStorage.getItem(`${stem}:balance`),
      shown: globalThis.tollbox.cachedBalance(where),
    }),
    { stem, where: { baseUrl: stage.server.billing, account } },
  );
}

for (const storage of /** @type {const} */ (["indexeddb", "localstorage", "memory"])) {
  test(`one of four tabs with ${storage} signs out, and none sends anything for the next user`, async () => {
    const { context, page, account, ...given } = await stage.bare("alice");
    const options = { ...patient(given.options), queue: { storage } };
    const next = freshAccount("bob");
    const pages = [page];
    while (pages.length < 4) pages.push(await context.newPage());
    for (const page of pages) {
      await stage.site.visit(page);
      await signIn(page, options);
    }
    await context.setOffline(true);
    for (const [index, page] of pages.entries()) {
      await knowsOffline(page);
      const [outcome] = await chargeAll(page, [`film-${index}`]);
      // Without a durable journal another tab may have sent it.
      assert.ok(["queued", "unknown"].includes(`${outcome?.status}`), JSON.stringify(outcome));
    }
    const [first, ...others] = /** @type {[Page, ...Page[]]} */ (pages);
    const open = await signOut(first);
    const all = ["film-0", "film-1", "film-2", "film-3"];
    assert.deepEqual(open, storage === "memory" ? ["film-0"] : all);
    await giveToken(pages, await stage.server.token(next));
    const requests = requestsOf(context);
    await context.setOffline(false);
    for (const page of pages) {
      const { held, ...says } = await saysIt(page);
      assert.deepEqual(says, SIGNED_OUT, `${held}`);
      await page.evaluate(() => dispatchEvent(new Event("online")));
    }
    // Meanwhile Bob works in the same browser.
    const bob = await stage.options(next);
    await signIn(first, bob);
    await chargeAll(first, ["song"]);
    await seesCharged(first, ["song"]);
    for (const page of others) await saysIt(page);
    chargedOnce(await stage.server.ledger(next), ["song"]);
    assert.deepEqual((await stage.server.ledger(account)).charges, []);
    const strangers = requests.filter((request) => request.includes("film"));
    assert.deepEqual(strangers, []);
    assert.deepEqual(await cachedFor(first, account), { entry: null, shown: null });

    if (storage === "memory") return;
    await signIn(first, options);
    await seesCharged(first, all);
    chargedOnce(await stage.server.ledger(account), all);
    for (const page of others) {
      const { held: _, ...says } = await saysIt(page);
      assert.deepEqual(says, SIGNED_OUT, "until it is opened again");
    }
    const [second] = /** @type {[Page]} */ (others);
    await signIn(second, options);
    await chargeAll(second, ["again"]);
    await seesCharged(first, ["again"]);
  });
}

test("a tab that gets neither messages nor storage events sends nothing after another's sign-out", async () => {
  const { context, page, account, options } = await stage.bare("deaf");
  const deaf = await context.newPage();
  await deaf.addInitScript(() => {
    Reflect.deleteProperty(globalThis, "BroadcastChannel");
    addEventListener("storage", (event) => event.stopImmediatePropagation(), true);
  });
  await stage.site.visit(deaf);
  for (const tab of [page, deaf]) await signIn(tab, patient(options));
  const requests = requestsOf(context);
  await signOut(page);
  await giveToken([deaf], await stage.server.token(freshAccount("bob")));
  assert.notEqual(await deaf.evaluate(() => globalThis.client.balance()), null, "it is deaf");
  const [charge] = await deaf.evaluate(async () => {
    const request = { taskId: "film", amount: 1, feature: "asr" };
    const { client } = globalThis;
    return Promise.all([client.charge(request).catch((error) => error.code), client.flush()]);
  });
  assert.equal(charge, "closed");
  const { held: _, ...says } = await saysIt(deaf);
  assert.deepEqual(says, SIGNED_OUT);
  assert.deepEqual(requests, []);
  assert.deepEqual(await cachedFor(page, account), { entry: null, shown: null });
  assert.deepEqual((await stage.server.ledger(account)).charges, []);
});

test("a request that waits for its token when another tab signs out does not leave", async () => {
  const { context, page, account, options } = await stage.bare("token");
  const other = await context.newPage();
  await stage.site.visit(other);
  for (const tab of [page, other]) await signIn(tab, patient(options));
  const { token: _, ...rest } = options;
  await other.evaluate(
    async (options) => {
      await globalThis.client.close();
      /** @type {Promise<string>} */
      const later = new Promise((resolve) => {
        globalThis.kept.giveToken = resolve;
      });
      globalThis.client = await globalThis.tollbox.openBilling({
        ...options,
        getToken: () => {
          globalThis.kept.asked = true;
          return later;
        },
      });
      globalThis.kept.said = globalThis.client.charge({
        taskId: "film",
        amount: 1,
        feature: "asr",
      });
    },
    patient({ ...rest, retry: { requestTimeoutMs: 60_000 } }),
  );
  await other.waitForFunction(() => globalThis.kept.asked);
  const requests = requestsOf(context);
  await signOut(page);
  await hasHeard(other);
  const bobs = await stage.server.token(freshAccount("bob"));
  const said = await other.evaluate(async (token) => {
    /** @type {(token: string) => void} */ (globalThis.kept.giveToken)(token);
    const outcome = /** @type {Promise<import("tollbox").ChargeOutcome>} */ (globalThis.kept.said);
    return (await outcome).status;
  }, bobs);
  assert.ok(["queued", "unknown"].includes(said), said);
  const asked = await other.evaluate(() => globalThis.client.charges());
  assert.deepEqual(
    asked.map(({ taskId }) => taskId),
    ["film"],
  );
  assert.deepEqual(requests, []);
  await signIn(page, options);
  await seesCharged(page, ["film"]);
  chargedOnce(await stage.server.ledger(account), ["film"]);
});

test("a frozen tab is signed out when it resumes, and signOut does not wait long for it", async () => {
  const { context, page, account, options } = await stage.bare("frozen");
  const frozen = await context.newPage();
  await stage.site.visit(frozen);
  for (const tab of [page, frozen]) await signIn(tab, patient(options));
  await context.setOffline(true);
  await queueAll(frozen, ["film"]);
  const devtools = await context.newCDPSession(frozen);
  await devtools.send("Page.setWebLifecycleState", { state: "frozen" });
  const open = await signOut(page);
  assert.deepEqual(open, ["film"]);
  await context.setOffline(false);
  const next = freshAccount("bob");
  const requests = requestsOf(context);
  await giveToken([frozen], await stage.server.token(next));
  await devtools.send("Page.setWebLifecycleState", { state: "active" });
  await hasHeard(frozen);
  const { held: _, ...says } = await saysIt(frozen);
  assert.deepEqual(says, SIGNED_OUT);
  assert.deepEqual(requests, []);
  assert.deepEqual(await cachedFor(page, account), { entry: null, shown: null });
  await signIn(page, options);
  await seesCharged(page, ["film"]);
  chargedOnce(await stage.server.ledger(account), ["film"]);
});

test("a balance that a tab caches after the sign-out is not shown to the next user", async () => {
  const { context, page, account, options } = await stage.bare("late");
  await signIn(page, options);
  const stem = stemOf(stage.server, account);
  const before = await page.evaluate((stem) => localStorage.getItem(`${stem}:balance`), stem);
  assert.ok(before);
  await signOut(page);
  // A tab that has not heard yet, and whose localStorage lags behind, does this.
  await page.evaluate(({ stem, before }) => localStorage.setItem(`${stem}:balance`, before), {
    stem,
    before,
  });
  assert.equal((await cachedFor(page, account)).shown, null);
  await context.setOffline(true);
  const shown = await page.evaluate(async (options) => {
    globalThis.client = await globalThis.openClient(options);
    return globalThis.client.balance();
  }, options);
  assert.equal(shown, null);
});

test("two clients of one page are signed out together, and one opened afterwards is not", async () => {
  const { page, options } = await stage.bare("together");
  const seen = await page.evaluate(async (options) => {
    const one = await globalThis.openClient(options);
    const two = await globalThis.openClient(options);
    await two.refreshBalance();
    await one.signOut();
    const request = { taskId: "film", amount: 1, feature: "asr" };
    const refused = await two.charge(request).catch((error) => error.code);
    /** @type {string[]} */
    const words = [];
    for (const client of [one, two]) {
      await client.charge(request).catch((error) => words.push(error.message));
      await client.runTask(request, async () => 0).catch((error) => words.push(error.message));
    }
    const balance = two.balance();
    const three = await globalThis.openClient(options);
    // It has signed out already, and does not sign out the third client.
    const again = await two.signOut();
    const charged = (await three.charge(request)).status;
    return { refused, words, balance, again, charged };
  }, patient(options));
  const words = Array(4).fill("the client has signed out");
  assert.deepEqual(seen, {
    refused: "closed",
    words,
    balance: null,
    again: [],
    charged: "charged",
  });
});

test("signOut resolves in time although another tab blocks the database", async () => {
  const { page, options } = await stage.bare("held-up");
  await signIn(page, { ...options, retry: { ...options.retry, respondWithinMs: 500 } });
  const name = await page.evaluate(async () => (await indexedDB.databases())[0]?.name ?? "");
  const took = await page.evaluate(async (name) => {
    const database = await new Promise((/** @type {(it: IDBDatabase) => void} */ resolve) => {
      const opening = indexedDB.open(name);
      opening.onsuccess = () => resolve(opening.result);
    });
    const transaction = database.transaction("charges", "readwrite");
    const occupied = { on: true };
    const occupy = () => {
      if (occupied.on) transaction.objectStore("charges").get("id").onsuccess = occupy;
    };
    occupy();
    const start = performance.now();
    await globalThis.client.signOut();
    const took = performance.now() - start;
    occupied.on = false;
    return took;
  }, name);
  assert.ok(took < 5_000, `${took} ms`);
});
