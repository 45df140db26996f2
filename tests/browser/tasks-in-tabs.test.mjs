import assert from "node:assert/strict";
import { test } from "node:test";
import { BillingServer } from "./support/server.mjs";
import { PATIENT, Stage } from "./support/stage.mjs";
import { openIn } from "./support/tabs.mjs";

const stage = new Stage();

/** @typedef {import("playwright-core").Page} Page */

/**
 * Two tabs of one account. A task of 100 points runs in the first until `finish` is called.
 */
async function taskInOneOfTwo(server = stage.server) {
  const { context, page: first, account, options } = await stage.bare();
  const at = { baseUrl: server.billing, token: await server.token(account) };
  const patient = { ...options, ...at, retry: { ...options.retry, ...PATIENT } };
  const second = await context.newPage();
  await stage.site.visit(second);
  await openIn(first, patient);
  await openIn(second, patient);
  await first.evaluate(() => {
    const finished = new Promise((resolve) => Reflect.set(globalThis, "finish", resolve));
    const request = { taskId: "film", amount: 100, feature: "asr" };
    const outcome = globalThis.client.runTask(request, () => finished);
    Reflect.set(globalThis, "outcome", outcome);
  });
  await holds(second, 100);
  return { context, first, second, account, patient };
}

/**
 * Waits until the page's client holds so many points.
 *
 * @param {Page} page
 * @param {number} points
 */
async function holds(page, points) {
  // A tab that died silently is missed within half a minute.
  await page.waitForFunction((points) => globalThis.client.balance()?.held === points, points, {
    timeout: 60_000,
  });
}

test("points held by a task in one tab can't be spent in another", async () => {
  const { context, first, second, account, patient } = await taskInOneOfTwo();
  const refused = await second.evaluate(() =>
    globalThis.client.runTask({ taskId: "book", amount: 50, feature: "asr" }, async () => "done"),
  );
  assert.equal(refused.task, "not_started");
  assert.ok(refused.billing?.status === "declined");
  const third = await context.newPage();
  await stage.site.visit(third);
  await openIn(third, patient);
  await holds(third, 100);
  // No tab shows more than there is: of 120 points 100 are held, then paid.
  await second.evaluate(() => {
    const most = { available: 0 };
    Reflect.set(globalThis, "most", most);
    globalThis.client.on("balance", ({ available }) => {
      most.available = Math.max(most.available, available);
    });
  });
  const paid = await first.evaluate(async () => {
    Reflect.get(globalThis, "finish")("translated");
    return Reflect.get(globalThis, "outcome");
  });
  assert.equal(paid.billing.status, "charged");
  for (const page of [second, third]) await holds(page, 0);
  const seen = await second.evaluate(() => ({
    most: Reflect.get(globalThis, "most").available,
    balance: globalThis.client.balance(),
  }));
  assert.equal(seen.balance?.available, 20);
  assert.ok(seen.most <= 20, `${seen.most} points were shown`);
  assert.equal((await stage.server.ledger(account)).balance, 20);
});

test("points held by a task in a tab that closes can be spent in another", async () => {
  const { first, second } = await taskInOneOfTwo();
  await first.close();
  await holds(second, 0);
});

test("points held by a task in a tab that navigates away can be spent in another", async () => {
  const { first, second } = await taskInOneOfTwo();
  await first.goto("about:blank");
  await holds(second, 0);
});

test("points held by a task in a tab that crashes can be spent in another", async () => {
  const { context, first, second } = await taskInOneOfTwo();
  const devtools = await context.newCDPSession(first);
  // A crashed page gives no answer.
  devtools.send("Page.crash").catch(() => {});
  await holds(second, 0);
});

test("a task run again under the same key at another price is a conflict", async () => {
  const { page, options } = await stage.bare();
  const { same, other, runs } = await page.evaluate(
    async (options) => {
      const client = await globalThis.openClient(options);
      let runs = 0;
      /** @type {(value: unknown) => void} */
      let finish = () => {};
      const finished = new Promise((resolve) => {
        finish = resolve;
      });
      const work = () => {
        runs += 1;
        return finished;
      };
      const request = { taskId: "film", amount: 5, feature: "asr" };
      const calls = [client.runTask(request, work), client.runTask(request, work)];
      const other = await client.runTask({ ...request, amount: 6 }, work);
      finish("done");
      const same = (await Promise.all(calls)).map(({ billing }) => billing?.status);
      return { same, other, runs };
    },
    { ...options, retry: { ...options.retry, ...PATIENT } },
  );
  assert.deepEqual(same, ["charged", "charged"]);
  assert.equal(runs, 1);
  assert.equal(other.task, "not_started");
  assert.ok(other.billing?.status === "failed" && other.billing.reason === "conflict");
});

test("only one of several tasks under one key that wait for another's start runs", async () => {
  const { page, account, options } = await stage.bare();
  const { first, others, runs } = await page.evaluate(
    async (options) => {
      const client = await globalThis.openClient(options);
      let runs = 0;
      const work = async () => {
        runs += 1;
      };
      const request = { taskId: "film", amount: 20, feature: "asr" };
      const [first, ...others] = await Promise.all([
        client.runTask({ ...request, amount: 500 }, work),
        client.runTask(request, work),
        client.runTask(request, work),
      ]);
      return { first, others: others.map(({ billing }) => billing?.status), runs };
    },
    { ...options, retry: { ...options.retry, ...PATIENT } },
  );
  assert.equal(first?.task, "not_started");
  assert.deepEqual([others, runs], [["charged", "charged"], 1]);
  assert.equal((await stage.server.ledger(account)).balance, 100);
});

test("points held by a task at the sign-out can be spent after the next sign-in", async (t) => {
  // Nothing is sent after a sign-out: a hold at the server would have to expire.
  const server = await BillingServer.start("--no-holds");
  t.after(() => server.stop());
  const { first, second, patient } = await taskInOneOfTwo(server);
  await first.evaluate(() => globalThis.client.signOut());
  await second.waitForFunction(() => globalThis.client.getSnapshot().queue.heldPoints === 0);
  await openIn(second, patient);
  await holds(second, 0);
  // The work goes on in the first client, which will not charge it.
  const outcome = await first.evaluate(async () => {
    Reflect.get(globalThis, "finish")("translated");
    return Reflect.get(globalThis, "outcome");
  });
  assert.equal(outcome.value, "translated");
  assert.equal(outcome.billing.status, "unknown");
});
