import assert from "node:assert/strict";
import { test } from "node:test";
import { freshAccount } from "./support/accounts.mjs";
import { Stage } from "./support/stage.mjs";

const stage = new Stage();

test("open charges survive a reload, and each is made once", async () => {
  const account = freshAccount();
  const demo = await stage.demo();
  await demo.signIn(account);
  await demo.says("balance-confirmed", "120");
  await demo.weather("cut");
  const attempted = await demo.submit("Good morning");
  await attempted.paid("unknown");
  // One attempt finds out whether the server is back; what comes after it waits for that.
  const untried = await demo.submit("Good night");
  await untried.paid("queued");
  const lines = [attempted, untried];
  await demo.says("balance-held", "2");

  await demo.page.reload();
  await demo.at("desk").waitFor();
  assert.equal(await demo.at("account").textContent(), account);
  assert.equal(await demo.at("task-row").count(), 2);
  for (const line of lines) await line.translated("done");
  await demo.says("balance-held", "2");
  assert.deepEqual((await stage.server.ledger(account)).charges, []);
  await demo.hasWeather("cut");

  await demo.weather("none");
  for (const line of lines) await line.paid("charged");
  await demo.says("balance-confirmed", "118");
  const ledger = await stage.server.ledger(account);
  assert.equal(ledger.balance, 118);
  assert.equal(ledger.charges.length, 2);
  await demo.agreement("agree");
});

test("a charge that is on its way during a reload is made once", async () => {
  const account = freshAccount();
  const demo = await stage.demo();
  await demo.signIn(account);
  await demo.says("balance-confirmed", "120");
  await stage.server.breakFor(account, { kind: "hang" }, { on: "charge" });
  const line = await demo.submit("Good morning");
  await line.translated("done");
  await demo.page.reload();
  await stage.server.repair();
  await line.paid("charged");
  const ledger = await stage.server.ledger(account);
  assert.equal(ledger.balance, 119);
  assert.equal(ledger.charges.length, 1);
});

test("a paid translation that the tab could not keep is had again for nothing", async () => {
  const account = freshAccount();
  const demo = await stage.demo();
  await demo.signIn(account);
  await demo.says("balance-confirmed", "120");
  await demo.page.evaluate(() => {
    const { setItem } = Storage.prototype;
    Storage.prototype.setItem = function (name, value) {
      if (value.includes('"state":"done"')) throw new DOMException("full", "QuotaExceededError");
      setItem.call(this, name, value);
    };
  });
  const line = await demo.submit("Good morning");
  await line.paid("charged");
  await demo.page.reload();
  await line.translated("unseen");
  await line.click("translateAgain");
  await line.translated("done");
  await demo.at("notice").filter({ hasText: "was paid before" }).waitFor();
  const ledger = await stage.server.ledger(account);
  assert.deepEqual([ledger.charges.length, ledger.balance], [1, 119]);
});

test("a translation that a reload cuts off is told as interrupted, and not as failed", async () => {
  const demo = await stage.demo();
  await demo.signIn(freshAccount());
  /** @type {Promise<void>} */
  const asked = new Promise((resolve) =>
    demo.page.route("**/demo/translate", () => resolve(undefined), { times: 1 }),
  );
  const line = await demo.submit("Good morning");
  await asked;
  await line.paid("held");
  await demo.page.reload();
  await line.translated("interrupted");
  await line.paid("none");
  await line.click("translateAgain");
  await line.paid("charged");
});

test("a page that unloads with a request on its way does not delay the next page", async () => {
  const { page, account, options } = await stage.bare();
  await stage.server.breakFor(account, { kind: "hang" }, { on: "charge" });
  // A claim of the first page would last a minute.
  const patient = { ...options, retry: { requestTimeoutMs: 60_000 } };
  const key = await page.evaluate(async (options) => {
    const client = await globalThis.openClient(options);
    await client.refreshBalance();
    const charge = client.charge({ taskId: "film", amount: 7, feature: "cloud_trans" });
    void charge.catch(() => {});
    const sent = () => client.getSnapshot().stats.attempts === 1;
    await new Promise((resolve) => {
      const stop = client.subscribe(() => sent() && resolve(stop()));
    });
    return "cloud_trans:film";
  }, patient);
  await stage.site.visit(page);
  await stage.server.repair();
  const settled = await page.evaluate(
    async ({ options, key }) => (await globalThis.openClient(options)).settled(key),
    { options: patient, key },
  );
  assert.equal(settled.status, "charged");
  const ledger = await stage.server.ledger(account);
  assert.equal(ledger.balance, 113);
  assert.equal(ledger.charges.length, 1);
});
