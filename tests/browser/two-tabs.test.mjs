import assert from "node:assert/strict";
import { test } from "node:test";
import { freshAccount } from "./support/accounts.mjs";
import { DemoPage } from "./support/demo.mjs";
import { Stage } from "./support/stage.mjs";
import { chargedOnce, openIn } from "./support/tabs.mjs";
import { comeOnlineTogether } from "./support/together.mjs";
import { until } from "./support/until.mjs";

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

test("a tab that another has opened shows its running translation as another tab's, until that one is done", async () => {
  const account = freshAccount();
  const first = await stage.demo();
  await first.signIn(account);
  await first.says("balance-confirmed", "120");
  let finish = () => {};
  /** @type {Promise<void>} */
  const gate = new Promise((resolve) => {
    finish = resolve;
  });
  await first.page.route("**/demo/translate", async (route) => {
    await gate;
    await route.continue();
  });
  await (await first.submit("Good morning")).paid("held");
  const opened = first.page.context().waitForEvent("page");
  await first.page.evaluate(() => {
    window.open(location.href);
  });
  const second = new DemoPage(await opened, first.url);
  const line = second.row("Good morning");
  await line.paid("held");
  await line.translated("elsewhere");
  finish();
  await line.paid("charged");
  await line.translated("unseen");
  await line.click("translateAgain");
  await line.translated("done");
  assert.equal((await stage.server.ledger(account)).charges.length, 1);
});

test("the weather of one tab is shown in the other tabs of its account, and takes nothing from other accounts", async () => {
  const demo = await stage.demo();
  const same = new DemoPage(await demo.page.context().newPage(), demo.url);
  const other = new DemoPage(await demo.page.context().newPage(), demo.url);
  const account = freshAccount();
  for (const tab of [demo, same]) await tab.signIn(account);
  await other.signIn(freshAccount());
  let finish = () => {};
  /** @type {Promise<void>} */
  const gate = new Promise((resolve) => {
    finish = resolve;
  });
  /** @type {Promise<void>} */
  const written = new Promise((resolve) => {
    demo.page.route("**/faults", async (route) => {
      if (route.request().method() === "PUT") {
        resolve();
        await gate;
      }
      await route.continue();
    });
  });
  await demo.at("weather-cut").click();
  await written;
  await other.at("weather-broken").click();
  // The other account's tab waits for its turn, or has overtaken this one.
  await until("the second writer", async () => {
    const { pending } = await other.page.evaluate(() => navigator.locks.query());
    const waits = pending?.some(({ name }) => name === "tollbox-demo:faults");
    return waits || (await other.at("weather-broken").isChecked());
  });
  finish();
  await same.hasWeather("cut");
  await other.hasWeather("broken");
  for (const tab of [demo, other]) await tab.page.reload();
  await demo.hasWeather("cut");
  await other.hasWeather("broken");
});

test("a sign-out in one tab is one in the other tabs of the demo", async () => {
  const account = freshAccount();
  const first = await stage.demo();
  const second = new DemoPage(await first.page.context().newPage(), first.url);
  for (const tab of [first, second]) {
    await tab.signIn(account);
    await tab.says("balance-confirmed", "120");
  }
  await first.weather("cut");
  await (await first.submit("Good morning")).translated("done");
  await first.says("queue-open", "1");
  await first.at("sign-out").click();
  await first.at("left-open").filter({ hasText: "1 charge is still open" }).waitFor();
  await second.at("sign-in-form").waitFor();
  await second.page.reload();
  await second.at("sign-in-form").waitFor();
});

test("a tab that was alone tells another that it has heard once, however long ago", async () => {
  const { context, page: first, account, options } = await stage.bare();
  await openIn(first, options);
  const second = await context.newPage();
  await stage.site.visit(second);
  await openIn(second, options);
  await first.evaluate(() => {
    const now = performance.now.bind(performance);
    performance.now = () => now() + 120_000;
  });
  await stage.server.breakFor(account, { kind: "drop_before" }, { on: "any" });
  const { status } = await first.evaluate(() =>
    globalThis.client.charge({ taskId: "film", amount: 3, feature: "asr" }),
  );
  assert.ok(["queued", "unknown"].includes(status), status);
  await until("the other shows it", () =>
    second.evaluate(() => globalThis.client.getSnapshot().queue.heldPoints === 3),
  );
});
