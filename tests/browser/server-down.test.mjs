import assert from "node:assert/strict";
import { test } from "node:test";
import { freshAccount } from "./support/accounts.mjs";
import { Stage } from "./support/stage.mjs";
import { settledIn } from "./support/tabs.mjs";

const stage = new Stage();

test("a demo page opened while the server is down says so, and sends its charges by itself later", async () => {
  const account = freshAccount();
  const demo = await stage.demo();
  await demo.keepFiles();
  await demo.signIn(account);
  await demo.says("balance-confirmed", "120");
  await stage.server.breakFor(account, { kind: "drop_before" });
  const line = await demo.submit("Good morning");
  await line.translated("done");
  await line.paid("unknown");

  await stage.server.kill();
  await demo.page.reload();
  await demo.at("desk").waitFor();
  await demo.network("unreachable");
  await demo.says("balance-confirmed", "120");
  await line.translated("done");
  await line.paid("unknown");

  // The same port and the same database, with no faults left.
  await stage.server.start();
  await line.paid("charged");
  await demo.network("online");
  await demo.says("balance-confirmed", "119");
  const ledger = await stage.server.ledger(account);
  assert.equal(ledger.balance, 119);
  assert.equal(ledger.charges.length, 1);
  await demo.agreement("agree");
});

test("a client opened while the server is down accepts charges, and each is made once later", async () => {
  const { page, account, options } = await stage.bare();
  await stage.server.kill();
  const outcomes = await page.evaluate(async (options) => {
    globalThis.client = await globalThis.openClient({
      ...options,
      queue: { offlineSpend: "unlimited" },
    });
    const outcomes = [];
    for (const taskId of ["a", "b", "c"]) {
      outcomes.push(await globalThis.client.charge({ taskId, amount: 5, feature: "cloud_trans" }));
    }
    return outcomes;
  }, options);
  for (const outcome of outcomes) {
    assert.ok(["queued", "unknown"].includes(outcome.status), `open, not ${outcome.status}`);
  }
  const network = await page.evaluate(() => globalThis.client.getSnapshot().network);
  assert.equal(network, "unreachable");

  await stage.server.start();
  const settled = await settledIn(
    page,
    outcomes.map(({ key }) => key),
  );
  assert.deepEqual(
    settled.map((outcome) => outcome.status),
    ["charged", "charged", "charged"],
  );
  const ledger = await stage.server.ledger(account);
  assert.equal(ledger.balance, 105);
  assert.deepEqual(ledger.charges.map((charge) => charge.task_id).sort(), ["a", "b", "c"]);
});
