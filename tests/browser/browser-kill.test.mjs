import assert from "node:assert/strict";
import { test } from "node:test";
import { freshAccount } from "./support/accounts.mjs";
import { DemoPage } from "./support/demo.mjs";
import { ProfiledBrowser } from "./support/profile.mjs";
import { Stage } from "./support/stage.mjs";

const stage = new Stage();

test("a charge queued right before the browser is killed is made once after its restart", async (t) => {
  const account = freshAccount();
  const browser = new ProfiledBrowser();
  t.after(() => browser.remove());

  const before = new DemoPage(await browser.start(), stage.server.url);
  await before.signIn(account);
  await before.says("balance-confirmed", "120");
  await before.at("go-offline").click();
  await before.network("offline");
  const line = await before.submit("Good night");
  await line.paid("queued");
  await browser.kill();
  assert.deepEqual((await stage.server.ledger(account)).charges, []);

  const after = new DemoPage(await browser.start(), stage.server.url);
  await after.signIn(account);
  await after.row("Good night").paid("charged");
  await after.says("balance-confirmed", "119");
  const ledger = await stage.server.ledger(account);
  assert.equal(ledger.balance, 119);
  assert.equal(ledger.charges.length, 1);
  await after.agreement("agree");
});

test("a charge whose answer was lost before the browser was killed is not made again after its restart", async (t) => {
  const { account, options } = await stage.bare();
  const browser = new ProfiledBrowser();
  t.after(() => browser.remove());

  const request = { taskId: "film", amount: 7, feature: "cloud_trans" };
  const page = await browser.start();
  await stage.site.visit(page);
  await stage.server.breakFor(account, { kind: "drop_after" }, { on: "charge" });
  const outcome = await page.evaluate(
    async ({ options, request }) => (await globalThis.openClient(options)).charge(request),
    { options, request },
  );
  assert.equal(outcome.status, "unknown");
  await browser.kill();
  await stage.server.repair();

  const restarted = await browser.start();
  await stage.site.visit(restarted);
  const settled = await restarted.evaluate(
    async ({ options, key }) => (await globalThis.openClient(options)).settled(key),
    { options, key: outcome.key },
  );
  assert.equal(settled.status, "charged");
  const ledger = await stage.server.ledger(account);
  assert.equal(ledger.balance, 113);
  assert.equal(ledger.charges.length, 1);
});
