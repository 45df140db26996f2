import assert from "node:assert/strict";
import { test } from "node:test";
import { freshAccount } from "./support/accounts.mjs";
import { patient, Stage } from "./support/stage.mjs";
import { knowsOffline, openIn } from "./support/tabs.mjs";

const stage = new Stage();
const REQUEST = { taskId: "film", amount: 4, feature: "cloud_trans" };

test("close: later calls reject with `closed`, and open charges stay in storage", async () => {
  const { context, page, account, options } = await stage.bare();
  await openIn(page, options);
  await context.setOffline(true);
  await knowsOffline(page);
  const codes = await page.evaluate(async (request) => {
    const { client } = globalThis;
    const { key } = await client.charge(request);
    await client.close();
    await client.close();
    /** @type {Record<string, () => Promise<unknown>>} */
    const calls = {
      charge: () => client.charge(request),
      runTask: () => client.runTask(request, async () => 0),
      settled: () => client.settled(key),
      flush: () => client.flush(),
      retry: () => client.retry(key),
      cancel: () => client.cancel(key),
      refreshBalance: () => client.refreshBalance(),
      getCharge: () => client.getCharge(key),
      charges: () => client.charges(),
      signOut: () => client.signOut(),
    };
    /** @type {Record<string, unknown>} */
    const codes = {};
    for (const [name, call] of Object.entries(calls)) {
      try {
        await call();
        codes[name] = "answered";
      } catch (error) {
        const ours = error instanceof globalThis.tollbox.BillingError;
        codes[name] = ours ? error.code : String(error);
      }
    }
    return codes;
  }, REQUEST);
  assert.deepEqual(new Set(Object.values(codes)), new Set(["closed"]), JSON.stringify(codes));

  await context.setOffline(false);
  assert.deepEqual(
    (await stage.server.ledger(account)).charges,
    [],
    "a closed client sends nothing",
  );
  const settled = await page.evaluate(async (options) => {
    const client = await globalThis.openClient(options);
    return client.settled("cloud_trans:film");
  }, options);
  assert.equal(settled.status, "charged");
  assert.equal((await stage.server.ledger(account)).charges.length, 1);
});

test("signOut: forgets balance and settled charges; open ones are returned and stay", async () => {
  const { context, page, account, options } = await stage.bare();
  const paid = await page.evaluate(
    async ({ options, request }) => {
      globalThis.client = await globalThis.openClient(options);
      return globalThis.client.charge({ ...request, taskId: "paid" });
    },
    { options: patient(options), request: REQUEST },
  );
  assert.equal(paid.status, "charged");
  await context.setOffline(true);
  await knowsOffline(page);
  const { left, next } = await page.evaluate(
    async ({ options, request }) => {
      await globalThis.client.charge(request);
      const left = await globalThis.client.signOut();
      const client = await globalThis.openClient(options);
      globalThis.client = client;
      return { left, next: { balance: client.balance(), charges: await client.charges() } };
    },
    { options, request: REQUEST },
  );
  assert.deepEqual(
    left.map((record) => record.taskId),
    ["film"],
  );
  assert.equal(next.balance, null);
  assert.deepEqual(
    next.charges.map((record) => record.taskId),
    ["film"],
  );

  await context.setOffline(false);
  const settled = await page.evaluate(() => globalThis.client.settled("cloud_trans:film"));
  assert.equal(settled.status, "charged");
  const ledger = await stage.server.ledger(account);
  assert.equal(ledger.balance, 112);
  assert.equal(ledger.charges.length, 2);
});

test("an account sees nothing of another's balance or charges", async () => {
  const { context, page, account, options } = await stage.bare();
  const other = freshAccount("other");
  const otherOptions = await stage.options(other);
  await stage.server.topUp(other, 7);
  await openIn(page, options);
  await context.setOffline(true);
  await knowsOffline(page);
  const seen = await page.evaluate(
    async ({ options, request }) => {
      await globalThis.client.charge(request);
      globalThis.client = await globalThis.openClient(options);
      const { client } = globalThis;
      return { balance: client.balance(), charges: await client.charges() };
    },
    { options: otherOptions, request: REQUEST },
  );
  assert.deepEqual(seen, { balance: null, charges: [] });
  await context.setOffline(false);
  await stage.server.ledgerWhen(account, "its charge", ({ charges }) => charges.length === 1);
  const theirs = await stage.server.ledger(other);
  assert.equal(theirs.balance, 127);
  assert.deepEqual(theirs.charges, []);
});
