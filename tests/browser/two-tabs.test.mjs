import assert from "node:assert/strict";
import { test } from "node:test";
import { freshAccount } from "./support/accounts.mjs";
import { DemoPage } from "./support/demo.mjs";
import { Stage } from "./support/stage.mjs";
import { chargedOnce } from "./support/tabs.mjs";
import { comeOnlineTogether } from "./support/together.mjs";

const stage = new Stage();

test("two tabs that come back online together make each of their open charges once", async () => {
  const { ledger, taskIds, start } = await comeOnlineTogether(stage, { count: 2, each: 20 });
  chargedOnce(ledger, taskIds, { start });
});

test("two tabs of the demo show each other's payments, and agree with the ledger", async () => {
  const account = freshAccount();
  const first = await stage.demo();
  const second = new DemoPage(await first.page.context().newPage(), first.url);
  const tabs = [first, second];
  for (const tab of tabs) {
    await tab.signIn(account);
    await tab.says("balance-confirmed", "120");
    await tab.at("go-offline").click();
    await tab.network("offline");
  }
  await (await first.submit("Good morning")).paid("queued");
  await (await second.submit("Good night")).paid("queued");
  await first.row("Good night").paid("queued");

  await Promise.all(tabs.map((tab) => tab.at("come-online").click()));
  for (const tab of tabs) {
    await tab.row("Good morning").paid("charged");
    await tab.row("Good night").paid("charged");
    await tab.says("balance-confirmed", "118");
    await tab.agreement("agree");
  }
  const ledger = await stage.server.ledger(account);
  assert.equal(ledger.balance, 118);
  assert.equal(ledger.charges.length, 2);
});
