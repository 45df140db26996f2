import assert from "node:assert/strict";
import { test } from "node:test";
import { stemOf } from "./support/accounts.mjs";
import { Stage } from "./support/stage.mjs";
import { chargedOnce, openIn, queueAll, seesCharged } from "./support/tabs.mjs";

const stage = new Stage();

/** Pairs of namespace and account whose concatenations are equal. */
const PAIRS = [
  ["a:b", "c"],
  ["a", "b:c"],
  ["a%3Ab", "c"],
  ["a", "b:balance"],
  ["a", "b"],
  ["A", "b"],
  ["a'(!)*", "b"],
  ["a", "b'(!)*"],
  ["服务器/一", "用户 🧾"],
  ["服务器", "一:用户 🧾"],
];

/**
 * Routes another address of the same origin to the reference server.
 *
 * @param {import("playwright-core").BrowserContext} context
 */
async function twoAddresses(context) {
  const other = stage.server.billing.replace("/billing/v1", "/staging/billing/v1");
  await context.route(`${other}/**`, (route) =>
    route.continue({ url: route.request().url().replace("/staging", "") }),
  );
  return other;
}

test("two servers on one origin see nothing of each other's queue, balance and locks", async () => {
  const { context, page, account, options } = await stage.bare("staging");
  const baseUrl = await twoAddresses(context);
  await openIn(page, options);
  await context.setOffline(true);
  await queueAll(page, ["production"]);
  const apart = await page.evaluate(
    async (options) => {
      const client = await globalThis.openClient(options);
      globalThis.kept.staging = client;
      return {
        charges: await client.charges(),
        balance: client.balance(),
        key: await client.getCharge("asr:production"),
      };
    },
    { ...options, baseUrl },
  );
  assert.deepEqual(apart, { charges: [], balance: null, key: null });
  // Each has its own lock of the living, database and cache.
  const names = await page.evaluate(async () => {
    const { held = [] } = await navigator.locks.query();
    const databases = await indexedDB.databases();
    return {
      locks: held.map(({ name }) => name?.split(":").slice(0, 3).join(":")).sort(),
      databases: databases.map(({ name }) => name).sort(),
    };
  });
  const stems = [stemOf(stage.server, account), stemOf({ billing: baseUrl }, account)].sort();
  assert.deepEqual(names, { locks: stems, databases: stems });

  await page.evaluate(() => globalThis.client.close());
  await context.setOffline(false);
  const flushed = await page.evaluate(async () => {
    const client = /** @type {import("tollbox").BillingClient} */ (globalThis.kept.staging);
    await client.refreshBalance();
    return client.flush();
  });
  assert.equal(flushed.remaining, 0);
  assert.deepEqual((await stage.server.ledger(account)).charges, [], "nobody else's queue is sent");
  await openIn(page, options);
  await seesCharged(page, ["production"]);
  chargedOnce(await stage.server.ledger(account), ["production"]);
});

test("a namespace keeps the queue and the balance through a change of address", async () => {
  const { context, page, account, options } = await stage.bare("moved");
  const baseUrl = await twoAddresses(context);
  await openIn(page, { ...options, namespace: "production" });
  await context.setOffline(true);
  await queueAll(page, ["film"]);
  await page.evaluate(() => globalThis.client.close());
  const next = await page.evaluate(
    async (options) => {
      globalThis.client = await globalThis.openClient(options);
      const charges = await globalThis.client.charges();
      return { tasks: charges.map(({ taskId }) => taskId), balance: globalThis.client.balance() };
    },
    { ...options, baseUrl, namespace: "production" },
  );
  assert.deepEqual(next.tasks, ["film"]);
  assert.equal(next.balance?.confirmed, 120);
  await context.setOffline(false);
  await seesCharged(page, ["film"]);
  chargedOnce(await stage.server.ledger(account), ["film"]);
});

test("the default namespace is the full address, however it is written", async () => {
  const { page, account, options } = await stage.bare("address");
  await openIn(page, options);
  const seen = await page.evaluate(
    ({ baseUrl, account }) => {
      const { cachedBalance } = globalThis.tollbox;
      const { host, pathname } = new URL(baseUrl);
      const given = [
        baseUrl,
        `${baseUrl}/`,
        `${baseUrl}//`,
        `${baseUrl}?one=1#two`,
        new URL(baseUrl),
        `http://name:word@${host}${pathname}`,
        `HTTP://${host}/billing/../billing/v1`,
      ];
      return {
        same: given.map((baseUrl) => cachedBalance({ baseUrl, account })?.confirmed),
        named: cachedBalance({ baseUrl: "/elsewhere", namespace: baseUrl, account })?.confirmed,
        others: ["/billing/v1", `${baseUrl}/v1`, new URL(baseUrl).origin].map((baseUrl) =>
          cachedBalance({ baseUrl, account }),
        ),
      };
    },
    { baseUrl: options.baseUrl, account },
  );
  assert.deepEqual(seen.same, Array(7).fill(120));
  assert.equal(seen.named, 120);
  assert.deepEqual(seen.others, [null, null, null]);
});

test("cachedBalance gives at once the balance that the client will show, with nothing held", async () => {
  const { context, page, account, options } = await stage.bare("first-paint");
  const where = { baseUrl: options.baseUrl, account };
  const before = await page.evaluate((where) => globalThis.tollbox.cachedBalance(where), where);
  assert.equal(before, null);
  await openIn(page, options);
  await context.setOffline(true);
  await queueAll(page, ["film"]);
  const { cached, shown } = await page.evaluate(
    (where) => ({
      cached: globalThis.tollbox.cachedBalance(where),
      shown: globalThis.client.balance(),
    }),
    where,
  );
  assert.ok(shown);
  assert.deepEqual(cached, { ...shown, held: 0, available: 120, stale: true });
  const asked = await context.newPage();
  /** @type {string[]} */
  const loaded = [];
  await page.close();
  await context.setOffline(false);
  asked.on("request", (request) => loaded.push(request.url()));
  await stage.site.visit(asked);
  const modules = loaded.filter((url) => url.endsWith(".wasm"));
  assert.deepEqual(modules, [], "the import alone loads no module");
  loaded.length = 0;
  const again = await asked.evaluate((where) => globalThis.tollbox.cachedBalance(where), where);
  assert.deepEqual(again, cached);
  assert.deepEqual(loaded, [], "nothing is loaded for it");
});

test("facade and core use the same cache entry for a balance, one for each namespace and account", async () => {
  const { page, options } = await stage.bare("pairs");
  const { wrong, entries } = await page.evaluate(
    async ({ pairs, options }) => {
      /** @type {unknown[]} */
      const wrong = [];
      for (const [index, [namespace = "", account = ""]] of pairs.entries()) {
        const client = await globalThis.tollbox.openBilling({
          ...options,
          namespace,
          account,
          queue: { storage: "memory" },
          transport: async () => ({
            status: 200,
            headers: {},
            body: JSON.stringify({ balance: 100 + index, version: 1 }),
          }),
        });
        await client.refreshBalance();
        await client.close();
      }
      for (const [index, [namespace = "", account = ""]] of pairs.entries()) {
        const cached = globalThis.tollbox.cachedBalance({ baseUrl: "/", namespace, account });
        if (cached?.confirmed !== 100 + index) wrong.push([namespace, account, cached]);
      }
      return {
        wrong,
        entries: Object.keys(localStorage).filter((name) => name.endsWith(":balance")),
      };
    },
    { pairs: PAIRS, options: { baseUrl: options.baseUrl } },
  );
  assert.deepEqual(wrong, []);
  assert.equal(entries.length, PAIRS.length);
});

test("cachedBalance: null where the storage fails, throws for a caller's mistake", async () => {
  const { page, account, options } = await stage.bare("troubles");
  await openIn(page, options);
  const seen = await page.evaluate(
    ({ baseUrl, account }) => {
      const { cachedBalance, BillingError } = globalThis.tollbox;
      const name = Object.keys(localStorage).find((name) => name.endsWith(":balance")) ?? "";
      const good = localStorage.getItem(name) ?? "";
      /** @type {Record<string, unknown>} */
      const spoilt = {};
      const garbage = ["", "null", "7", "[]", "{}", "not JSON", good.slice(0, -3)];
      garbage.push(JSON.stringify({ ...JSON.parse(good), balance: -1 }));
      garbage.push(JSON.stringify({ ...JSON.parse(good), balance: 1.5 }));
      garbage.push(JSON.stringify({ ...JSON.parse(good), version: "5" }));
      for (const text of garbage) {
        localStorage.setItem(name, text);
        const cached = cachedBalance({ baseUrl, account });
        if (cached !== null) spoilt[text] = cached;
      }
      localStorage.setItem(name, good);
      const { getItem } = Storage.prototype;
      Storage.prototype.getItem = () => {
        throw new Error("no storage");
      };
      const unreadable = cachedBalance({ baseUrl, account });
      Storage.prototype.getItem = getItem;
      const mistakes = /** @type {any[]} */ ([
        undefined,
        null,
        "alice",
        {},
        { baseUrl },
        { account },
        { baseUrl, account: "" },
        { baseUrl, account: 7 },
        { baseUrl, account: "\ud800" },
        { baseUrl: 7, account },
        { baseUrl: "http://", account },
        { baseUrl, account, namespace: "" },
        { baseUrl, account, namespace: null },
        { baseUrl, account, namespace: 7 },
        { baseUrl, account, namespace: "\udc00" },
      ]);
      const codes = mistakes.map((where) => {
        try {
          return JSON.stringify(cachedBalance(where));
        } catch (error) {
          return error instanceof BillingError ? error.code : String(error);
        }
      });
      return { spoilt, unreadable, codes, whole: cachedBalance({ baseUrl, account })?.confirmed };
    },
    { baseUrl: options.baseUrl, account },
  );
  assert.deepEqual(seen.spoilt, {});
  assert.equal(seen.unreadable, null);
  assert.deepEqual(new Set(seen.codes), new Set(["invalid_argument"]), JSON.stringify(seen.codes));
  assert.equal(seen.whole, 120);
});

test("openBilling rejects a namespace that is not a well-formed, non-empty string", async () => {
  const { page, options } = await stage.bare("nobody");
  const codes = await page.evaluate(async (options) => {
    const codes = [];
    for (const namespace of /** @type {any[]} */ (["", null, 7, {}, "\ud800"])) {
      const opened = globalThis.openClient({ ...options, namespace });
      codes.push(await opened.then(() => "opened").catch((error) => error.code));
    }
    return codes;
  }, options);
  assert.deepEqual(codes, Array(5).fill("invalid_argument"));
});
