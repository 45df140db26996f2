import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import { chromium } from "playwright-core";
import { freshAccount } from "./support/accounts.mjs";
import { CHROMIUM, FLAGS } from "./support/browser.mjs";
import { DemoPage } from "./support/demo.mjs";
import { Stage } from "./support/stage.mjs";

const stage = new Stage();

test("the demo is in the visitor's language, and switches without losing anything", async () => {
  const account = freshAccount();
  const demo = await stage.demo("zh-CN");
  await demo.signIn(account);
  assert.equal(await demo.page.locator("html").getAttribute("lang"), "zh-CN");
  const line = await demo.submit("Good morning");
  await line.paid("charged");
  await demo.at("balance").getByText("可用算力").waitFor();
  await demo.at("task-text").fill("Good night");

  await demo.at("language").click();
  await demo.at("balance").getByText("available points").waitFor();
  assert.equal(await demo.page.locator("html").getAttribute("lang"), "en");
  assert.equal(await demo.at("task-text").inputValue(), "Good night");
  await line.paid("charged");
  await line.translated("done");
  await demo.at("task-submit").click();
  await demo.row("Good night").paid("charged");
  assert.equal((await stage.server.ledger(account)).charges.length, 2);
  await demo.page.reload();
  await demo.at("balance").getByText("available points").waitFor();
});

test("a task during which the language changes is charged once", async () => {
  const account = freshAccount();
  const demo = await stage.demo();
  await demo.signIn(account);
  await demo.says("balance-confirmed", "120");
  let finish = () => {};
  const gate = new Promise((resolve) => {
    finish = () => resolve(undefined);
  });
  await demo.page.route("**/demo/translate", async (route) => {
    await gate;
    await route.continue();
  });
  const line = await demo.submit("Good morning");
  await line.translated("running");
  await line.paid("held");
  await demo.at("language").click();
  await demo.at("balance").getByText("可用算力").waitFor();
  finish();
  await line.translated("done");
  await line.paid("charged");
  const ledger = await stage.server.ledger(account);
  assert.equal(ledger.balance, 119);
  assert.equal(ledger.charges.length, 1);
});

test("signing out leaves nothing of the account on the demo page", async () => {
  const account = freshAccount();
  const demo = await stage.demo();
  await demo.signIn(account);
  await (await demo.submit("Good morning")).paid("charged");
  await demo.at("sign-out").click();
  await demo.at("sign-in-form").waitFor();
  await demo.page.reload();
  await demo.at("sign-in-form").waitFor();
  await demo.signIn(account);
  await demo.says("balance-confirmed", "119");
  assert.equal(await demo.at("task-row").count(), 0);
});

test("a sign-out while the module still loads forgets the account's charges, too", async () => {
  const account = freshAccount();
  const demo = await stage.demo();
  await demo.signIn(account);
  await (await demo.submit("Good morning")).paid("charged");
  let load = () => {};
  /** @type {Promise<void>} */
  const gate = new Promise((resolve) => {
    load = resolve;
  });
  await demo.page.route("**/*.wasm", async (route) => {
    await gate;
    await route.continue();
  });
  await demo.page.reload();
  await demo.at("sign-out").click();
  load();
  await demo.at("sign-in-form").waitFor();
  await demo.signIn(account);
  await demo.says("balance-confirmed", "119");
  assert.equal(await demo.at("task-row").count(), 0);
});

test("where the browser keeps nothing for the site, a visitor signs in and pays all the same", async () => {
  const profile = mkdtempSync(path.join(tmpdir(), "tollbox-blocked-"));
  mkdirSync(path.join(profile, "Default"));
  const blocked = { profile: { default_content_setting_values: { cookies: 2 } } };
  writeFileSync(path.join(profile, "Default", "Preferences"), JSON.stringify(blocked));
  const options = { executablePath: CHROMIUM, args: FLAGS, locale: "en-GB" };
  const context = await chromium.launchPersistentContext(profile, options);
  try {
    const account = freshAccount();
    const demo = new DemoPage(await context.newPage(), stage.server.url);
    await demo.signIn(account);
    assert.ok(
      await demo.page.evaluate(() => {
        try {
          return sessionStorage.length < 0;
        } catch {
          return true;
        }
      }),
      "the storage is refused",
    );
    await (await demo.submit("Good morning")).paid("charged");
    assert.equal((await stage.server.ledger(account)).charges.length, 1);
    await demo.weather("cut");
    await demo.at("sign-out").click();
    await demo.at("sign-in-form").waitFor();
  } finally {
    await context.close();
    rmSync(profile, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 });
  }
});

test("a proxy's page in answer to the sign-in is told by its status", async () => {
  const demo = await stage.demo();
  await demo.page.route("**/demo/session", (route) =>
    route.fulfill({ status: 502, contentType: "text/html", body: "<h1>nginx</h1>" }),
  );
  await demo.page.goto(demo.url);
  await demo.at("sign-in").click();
  await demo.says("sign-in-refusal", "Could not sign in: HTTP 502");
});

test("a translation that fails costs nothing, and can be tried again", async () => {
  const account = freshAccount();
  const demo = await stage.demo();
  await demo.signIn(account);
  await demo.page.route("**/demo/translate", (route) => route.abort());
  const line = await demo.submit("Good morning");
  await line.translated("failed");
  await line.paid("none");
  await demo.says("balance-held", "0");
  assert.deepEqual((await stage.server.ledger(account)).charges, []);

  await demo.page.unroute("**/demo/translate");
  await line.click("translateAgain");
  await line.paid("charged");
  assert.equal((await stage.server.ledger(account)).charges.length, 1);
});

test("where the desk's own script does not come, the page says so and can be tried again", async () => {
  const demo = await stage.demo();
  const script = "**/assets/SignedIn-*.js";
  await demo.page.route(script, (route) => route.abort());
  await demo.page.goto(demo.url);
  await demo.at("sign-in").click();
  await demo.at("open-failed").waitFor();
  await demo.page.unroute(script);
  await demo.at("open-again").click();
  await demo.at("desk").waitFor();
});

test("where the devtools' script does not come, the page says so, and their button is not pressed", async () => {
  const demo = await stage.demo();
  await demo.page.route("**/assets/devtools-*.js", (route) => route.abort());
  await demo.signIn(freshAccount());
  await demo.at("devtools").click();
  await demo.at("notice").filter({ hasText: "That did not work" }).waitFor();
  await demo.page.locator('[data-testid="devtools"][aria-pressed="false"]').waitFor();
});
