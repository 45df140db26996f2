import assert from "node:assert/strict";
import { test } from "node:test";
import { freshAccount } from "./support/accounts.mjs";
import { patient, Stage } from "./support/stage.mjs";

const stage = new Stage();

test("a task is charged online: the points go down once, and page and ledger agree", async () => {
  const account = freshAccount();
  const demo = await stage.demo();
  await demo.signIn(account);
  await demo.says("balance-confirmed", "120");

  await demo.at("task-text").fill("Good morning. ".repeat(15));
  assert.match((await demo.at("task-price").textContent()) ?? "", /^3 points for 210 characters$/);
  await demo.at("task-submit").click();
  const line = demo.row("Good morning.");
  await line.translated("done");
  await line.paid("charged");

  await demo.says("balance-confirmed", "117");
  await demo.says("balance-held", "0");
  const ledger = await stage.server.ledger(account);
  assert.equal(ledger.balance, 117);
  assert.deepEqual(
    ledger.charges.map(({ idempotency_key, amount }) => [idempotency_key, amount]),
    [[await line.key(), 3]],
  );
  await demo.agreement("agree");
});

test("a task that is paid for again is charged once", async () => {
  const account = freshAccount();
  const demo = await stage.demo();
  await demo.signIn(account);
  const line = await demo.submit("Good evening");
  await line.paid("charged");
  const [first] = (await stage.server.ledger(account)).charges;

  await line.click("payAgain");
  await demo.at("notice").filter({ hasText: "not charged again" }).waitFor();
  await line.paid("charged");
  await demo.says("balance-confirmed", "119");

  // A second browser knows nothing of the first one's journal: the server's word decides.
  const { page, options } = await stage.bare();
  const token = await stage.server.token(account);
  const again = await page.evaluate(
    async ({ options, taskId }) => {
      const client = await globalThis.openClient(options);
      return client.charge({ taskId, amount: 1, feature: "cloud_trans" });
    },
    { options: { ...patient(options), account, token }, taskId: first?.task_id ?? "" },
  );
  assert.ok(again.status === "charged" && again.replayed, "charged before");
  assert.equal(again.chargeId, first?.charge_id);

  const ledger = await stage.server.ledger(account);
  assert.equal(ledger.balance, 119);
  assert.equal(ledger.charges.length, 1);
});

test("a task beyond the balance is not translated or charged until a top-up and a retry", async () => {
  const account = freshAccount();
  const demo = await stage.demo();
  await demo.signIn(account);
  await demo.says("balance-confirmed", "120");

  const line = await demo.submit("Thank you. ".repeat(1_100));
  assert.equal(await line.paid("declined"), "insufficient_balance");
  await line.translated("not_started");
  const before = await stage.server.ledger(account);
  assert.equal(before.balance, 120);
  assert.equal(before.charges.length, 0);

  await demo.at("topup-points").fill("200");
  await demo.at("topup").click();
  await demo.says("balance-confirmed", "320");
  await line.click("translateAgain");
  await line.paid("charged");
  await line.translated("done");
  const ledger = await stage.server.ledger(account);
  assert.equal(ledger.balance, 320 - 121);
  assert.equal(ledger.charges.length, 1);
  await demo.says("balance-confirmed", "199");
});

test("a declined charge takes no points, and after a top-up retry charges the same key", async () => {
  const { page, account, options } = await stage.bare();
  const request = { taskId: "film", amount: 500, feature: "cloud_trans" };
  const declined = await page.evaluate(
    async ({ options, request }) => {
      globalThis.client = await globalThis.openClient(options);
      return globalThis.client.charge(request);
    },
    { options: patient(options), request },
  );
  assert.equal(declined.status, "declined");
  assert.ok(declined.status === "declined" && declined.reason === "insufficient_balance");
  assert.equal(declined.balance, 120);
  assert.deepEqual((await stage.server.ledger(account)).charges, []);

  await stage.server.topUp(account, 400);
  const { paid, record, balance } = await page.evaluate(async (key) => {
    const paid = await globalThis.client.retry(key);
    const record = await globalThis.client.getCharge(key);
    return { paid, record, balance: globalThis.client.balance() };
  }, declined.key);
  assert.equal(paid.status, "charged");
  assert.equal(paid.key, "cloud_trans:film");
  assert.equal(record?.status, "success");
  assert.equal(balance?.confirmed, 20);
  const ledger = await stage.server.ledger(account);
  assert.equal(ledger.balance, 20);
  assert.equal(ledger.charges.length, 1);
});
