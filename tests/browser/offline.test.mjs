import assert from "node:assert/strict";
import { test } from "node:test";
import { freshAccount } from "./support/accounts.mjs";
import { Stage } from "./support/stage.mjs";

const stage = new Stage();

test("a charge is queued when the network goes after the translation, and made once when it is back", async () => {
  const account = freshAccount();
  const demo = await stage.demo();
  await demo.signIn(account);
  await demo.says("balance-confirmed", "120");

  await demo.page.route("**/demo/translate", async (route) => {
    const response = await route.fetch();
    await demo.page.context().setOffline(true);
    await route.fulfill({ response });
  });
  const line = await demo.submit("See you tomorrow");
  await line.translated("done");
  assert.equal(await line.paid("queued"), "offline");
  await demo.network("offline");
  await demo.says("balance-held", "1");
  await demo.says("balance-available", "119");
  await demo.says("balance-confirmed", "120");
  assert.deepEqual((await stage.server.ledger(account)).charges, [], "nothing has been sent");

  await demo.page.context().setOffline(false);
  await line.paid("charged");
  await demo.network("online");
  await demo.says("balance-confirmed", "119");
  await demo.says("balance-held", "0");
  const ledger = await stage.server.ledger(account);
  assert.equal(ledger.balance, 119);
  assert.equal(ledger.charges.length, 1);
  await demo.agreement("agree");
});

test("tasks made while the demo's switch has the tab offline are paid once after it is back", async () => {
  const account = freshAccount();
  const demo = await stage.demo();
  await demo.signIn(account);
  await demo.says("balance-confirmed", "120");
  await demo.at("go-offline").click();
  await demo.network("offline");

  const lines = [await demo.submit("Hello"), await demo.submit("Goodbye")];
  for (const line of lines) {
    await line.translated("done");
    assert.equal(await line.paid("queued"), "offline");
  }
  assert.deepEqual((await stage.server.ledger(account)).charges, []);

  await demo.at("come-online").click();
  for (const line of lines) await line.paid("charged");
  const ledger = await stage.server.ledger(account);
  assert.equal(ledger.balance, 118);
  assert.equal(ledger.charges.length, 2);
  await demo.agreement("agree");
});

test("a charge cancelled offline is never sent", async () => {
  const account = freshAccount();
  const demo = await stage.demo();
  await demo.signIn(account);
  await demo.says("balance-confirmed", "120");
  await demo.at("go-offline").click();
  await demo.network("offline");
  const line = await demo.submit("Hello");
  await line.paid("queued");

  await line.click("cancel");
  assert.equal(await line.paid("failed"), "cancelled");
  await demo.says("balance-held", "0");
  await demo.at("come-online").click();
  await demo.network("online");
  const other = await demo.submit("Goodbye");
  await other.paid("charged");
  const keys = (await stage.server.ledger(account)).charges.map((charge) => charge.idempotency_key);
  assert.deepEqual(keys, [await other.key()]);
});
