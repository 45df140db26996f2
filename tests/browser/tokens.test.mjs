import assert from "node:assert/strict";
import { test } from "node:test";
import { patient, Stage } from "./support/stage.mjs";
import { until } from "./support/until.mjs";

const stage = new Stage();

const REQUEST = { taskId: "film", amount: 3, feature: "cloud_trans" };

/**
 * Opens a client whose `getToken` is `source`, called with the token, the context and the calls so far.
 *
 * @param {import("playwright-core").Page} page
 * @param {Awaited<ReturnType<Stage["options"]>>} options
 * @param {(token: string, refresh: boolean, calls: boolean[]) => any} source
 */
async function openWith(page, options, source) {
  await page.evaluate(
    async ({ options: { token, ...options }, source }) => {
      /** @type {boolean[]} */
      const calls = [];
      globalThis.kept.calls = calls;
      const give = new Function(`return ${source}`)();
      globalThis.client = await globalThis.tollbox.openBilling({
        ...options,
        log: "silent",
        getToken({ refresh }) {
          calls.push(refresh);
          return give(token, refresh, calls);
        },
      });
    },
    { options: { ...options, token: String(options.token) }, source: String(source) },
  );
}

/**
 * The final outcome of a charge.
 *
 * @param {import("playwright-core").Page} page
 */
const charge = (page) =>
  page.evaluate(async (request) => {
    const { key } = await globalThis.client.charge(request);
    return globalThis.client.settled(key, { signal: AbortSignal.timeout(15_000) });
  }, REQUEST);

/** @param {import("playwright-core").Page} page @returns {Promise<boolean[]>} */
const callsOf = (page) => page.evaluate(() => /** @type {boolean[]} */ (globalThis.kept.calls));

test("a token that took most of a request's time is used by the next request if its own was lost", async () => {
  const { page, account, options } = await stage.bare();
  // getToken leaves each request 0.3 s of its 1.5 s, and the answer takes 0.7 s.
  await stage.server.breakFor(account, { kind: "latency", ms: 700 });
  await openWith(
    page,
    patient({ ...options, balance: { syncEveryMs: 0 } }),
    (token) => new Promise((resolve) => setTimeout(resolve, 1_200, token)),
  );
  const outcome = await charge(page);
  assert.equal(outcome.status, "charged", JSON.stringify(outcome));
  assert.equal((await stage.server.ledger(account)).charges.length, 1);
});

test("a token that comes after its request's time limit is used by the next request", async () => {
  const { page, account, options } = await stage.bare();
  await openWith(
    page,
    patient(options, { requestTimeoutMs: 400 }),
    (token) => new Promise((resolve) => setTimeout(resolve, 700, token)),
  );
  const outcome = await charge(page);
  assert.equal(outcome.status, "charged", JSON.stringify(outcome));
  assert.equal((await stage.server.ledger(account)).charges.length, 1);
});

test("a getToken that hangs once does not delay charges for long", async () => {
  const { page, options } = await stage.bare();
  await openWith(page, patient(options, { requestTimeoutMs: 400 }), (token, _, calls) =>
    calls.length === 1 ? new Promise(() => {}) : token,
  );
  const outcome = await charge(page);
  assert.equal(outcome.status, "charged", JSON.stringify(outcome));
});

/**
 * Four clients, in tabs or in one page, whose tokens have expired: the refresh token may be used
 * once, and two refreshes at the same time sign the user out.
 *
 * @param {{ pages: number, locks?: boolean, hangs?: boolean }} set
 */
async function refreshInFour({ pages, locks = true, hangs = false }) {
  const { context, account, options } = await stage.bare();
  /** @type {{ refreshes: number, atOnce: number, most: number }} */
  const source = { refreshes: 0, atOnce: 0, most: 0 };
  let current = "an-old-token";
  await context.exposeFunction("current", () => current);
  await context.exposeFunction("refresh", async () => {
    source.refreshes += 1;
    source.atOnce += 1;
    source.most = Math.max(source.most, source.atOnce);
    if (hangs && source.refreshes === 1) return new Promise(() => {});
    await new Promise((resolve) => setTimeout(resolve, 300));
    source.atOnce -= 1;
    current = String(options.token);
    return current;
  });
  const all = await Promise.all(
    Array.from({ length: pages }, async () => {
      const page = await context.newPage();
      if (!locks) {
        await page.addInitScript(() => {
          Object.defineProperty(navigator, "locks", { value: undefined });
        });
      }
      await stage.site.visit(page);
      return page;
    }),
  );
  const { token: _, ...rest } = patient(options, hangs ? {} : { requestTimeoutMs: 60_000 });
  const outcomes = await Promise.all(
    all.map((page, at) =>
      page.evaluate(
        async ({ options, at, clients }) => {
          const { current, refresh } = /** @type {any} */ (globalThis);
          const opened = Array.from({ length: clients }, () =>
            globalThis.tollbox.openBilling({
              ...options,
              log: "silent",
              getToken: (context) => (context.refresh ? refresh() : current()),
            }),
          );
          const clientsOf = await Promise.all(opened);
          const charges = clientsOf.map((client, nth) =>
            client
              .charge({ taskId: `film ${at} ${nth}`, amount: 1, feature: "f" })
              .then(({ key }) => client.settled(key)),
          );
          return (await Promise.all(charges)).map(({ status }) => status);
        },
        { options: rest, at, clients: 4 / pages },
      ),
    ),
  );
  await until("four charges", async () => {
    const { charges } = await stage.server.ledger(account);
    return charges.length === 4;
  });
  return { source, outcomes: outcomes.flat() };
}

test("four tabs refresh a token once", async () => {
  const { source, outcomes } = await refreshInFour({ pages: 4 });
  assert.deepEqual(outcomes, Array(4).fill("charged"));
  assert.equal(source.refreshes, 1);
});

test("four clients of one page refresh a token once", async () => {
  const { source, outcomes } = await refreshInFour({ pages: 1 });
  assert.deepEqual(outcomes, Array(4).fill("charged"));
  assert.equal(source.refreshes, 1);
});

test("tabs without Web Locks refresh each for itself, and charge", async () => {
  const { source, outcomes } = await refreshInFour({ pages: 4, locks: false });
  assert.deepEqual(outcomes, Array(4).fill("charged"));
  assert.ok(source.refreshes >= 1 && source.refreshes <= 4);
});

test("a tab that hangs in its token refresh delays the others no longer than a request may take", async () => {
  const { source, outcomes } = await refreshInFour({ pages: 4, hangs: true });
  assert.deepEqual(outcomes, Array(4).fill("charged"));
  assert.ok(source.refreshes >= 2);
});

test("a lock that is never released delays a token refresh no longer than a request may take", async () => {
  const { context, page, account, options } = await stage.bare();
  const other = await context.newPage();
  await stage.site.visit(other);
  await openWith(page, patient(options), (token, refresh) => (refresh ? token : "an-old-token"));
  // A frozen tab would keep the lock like this.
  const name = `tollbox:${encodeURIComponent(stage.server.billing)}:${account}:token`;
  await other.evaluate(
    (name) =>
      new Promise((held) => {
        void navigator.locks.request(name, () => {
          held(null);
          return new Promise(() => {});
        });
      }),
    name,
  );
  const outcome = await charge(page);
  assert.equal(outcome.status, "charged", JSON.stringify(outcome));
  const { pending } = await page.evaluate(() => navigator.locks.query());
  assert.ok(!pending?.some((lock) => lock.name === name), "nobody waits for it any more");
});

test("a lone tab asks for a new token at once after a 401", async () => {
  const { page, options } = await stage.bare();
  await openWith(page, patient(options), (token, refresh) => (refresh ? token : "an-old-token"));
  const outcome = await charge(page);
  assert.equal(outcome.status, "charged");
  const calls = await callsOf(page);
  const first = calls.indexOf(true);
  assert.ok(first > 0 && calls.slice(0, first).every((refresh) => !refresh), calls.join());
});

test("a tab that is left while another refreshes the token does not refresh it, too", async () => {
  const { context, page, options } = await stage.bare();
  const other = await context.newPage();
  await stage.site.visit(other);
  for (const [at, tab] of [page, other].entries()) {
    await openWith(tab, patient(options, { requestTimeoutMs: 60_000 }), (_, refresh) => {
      if (!refresh) return "an-old-token";
      localStorage.setItem("refreshes", `${Number(localStorage.getItem("refreshes")) + 1}`);
      return new Promise(() => {});
    });
    await tab.evaluate((request) => void globalThis.client.charge(request), REQUEST);
    await until("a tab that has the lock, and one that waits for it", () =>
      page.evaluate(async (at) => {
        const { held = [], pending = [] } = await navigator.locks.query();
        return (at === 0 ? held : pending).some(({ name }) => name?.endsWith(":token"));
      }, at),
    );
  }
  const refreshes = () => page.evaluate(() => localStorage.getItem("refreshes"));
  await until("the first tab's refresh", refreshes);
  await other.goto("about:blank");
  assert.equal(await refreshes(), "1");
});
