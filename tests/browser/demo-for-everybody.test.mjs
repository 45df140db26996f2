/** The demo for every visitor: by keyboard and screen reader, on any screen, under a strict policy. */

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { test } from "node:test";
import { freshAccount } from "./support/accounts.mjs";
import { DemoPage } from "./support/demo.mjs";
import { Stage } from "./support/stage.mjs";

const stage = new Stage();
const AXE = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
/** Common screens, and the narrowest of each layout. */
const WIDTHS = [320, 360, 410, 545, 641, 768, 810, 1_280, 1_440, 1_600, 2_560, 3_840];

/** @param {import("playwright-core").BrowserContextOptions} [options] */
async function visitor(options) {
  const context = await stage.context({ locale: "en-GB", ...options });
  return new DemoPage(await context.newPage(), stage.server.url);
}

/**
 * A desk with a task of every kind: paid, declined, waiting, cancelled, and one that is shown.
 *
 * @param {DemoPage} demo
 */
async function busyDesk(demo) {
  await demo.signIn(freshAccount());
  await demo.says("balance-confirmed", "120");
  const paid = await demo.submit("Good morning");
  await paid.paid("charged");
  await paid.click("open-text");
  await (await demo.submit("Thank you. ".repeat(1_100))).paid("declined");
  await demo.at("go-offline").click();
  await demo.network("offline");
  const cancelled = await demo.submit("Hello");
  await cancelled.paid("queued");
  await cancelled.click("cancel");
  await cancelled.paid("failed");
  await (await demo.submit("Goodbye")).paid("queued");
  await demo.at("agreement").waitFor();
}

/** @param {import("playwright-core").Page} page */
async function faultsIn(page) {
  await page.evaluate(AXE);
  return page.evaluate(async () => {
    const { axe } = /** @type {any} */ (globalThis);
    const { violations } = await axe.run();
    return violations.map(
      (/** @type {any} */ { id, nodes }) =>
        `${id}: ${nodes.map((/** @type {any} */ node) => node.html).join("\n")}`,
    );
  });
}

for (const colorScheme of /** @type {const} */ (["light", "dark"])) {
  for (const locale of ["en-GB", "zh-CN"]) {
    test(`the demo has no accessibility faults that axe finds: ${colorScheme}, ${locale}`, async () => {
      const demo = await visitor({ colorScheme, locale });
      await demo.page.goto(demo.url);
      await demo.at("sign-in-form").waitFor();
      assert.deepEqual(await faultsIn(demo.page), [], "signing in");
      await busyDesk(demo);
      assert.deepEqual(await faultsIn(demo.page), [], "the desk");
      await demo.at("tour-begin").click();
      assert.deepEqual(await faultsIn(demo.page), [], "the tour");
      await demo.at("tour-end").click();
      await demo.page.setViewportSize({ width: 360, height: 780 });
      assert.deepEqual(await faultsIn(demo.page), [], "the desk on a telephone");
    });
  }
}

test("the demo fits every screen from a telephone to 4K", async () => {
  const demo = await visitor();
  await busyDesk(demo);
  // A long number takes its place, too.
  await demo.at("topup-points").fill("9007199254740000");
  await demo.at("topup").click();
  await demo.at("notice").filter({ hasText: "9007199254740000" }).waitFor();
  await demo.at("come-online").click();
  await demo.at("balance-confirmed").filter({ hasText: "9,007,199" }).waitFor();
  for (const language of ["English", "Chinese"]) {
    for (const width of WIDTHS) {
      await demo.page.setViewportSize({ width, height: 900 });
      const wider = await demo.page.evaluate(() => {
        const { scrollWidth, clientWidth } = document.documentElement;
        return scrollWidth - clientWidth;
      });
      assert.equal(wider, 0, `${language}, ${width} px`);
      assert.ok(await demo.at("purse-available").isVisible(), `the purse at ${width} px`);
      const cut = await demo.page
        .locator(".conditions b")
        .evaluateAll((names) =>
          names
            .filter((name) => name.scrollWidth > (name.parentElement?.clientWidth ?? 0))
            .map((name) => name.textContent),
        );
      assert.deepEqual(cut, [], `names that need more than their place, ${width} px`);
    }
    await demo.at("language").click();
  }
});

test("a task is handed in, looked at and paid for by keyboard alone", async () => {
  const demo = await visitor();
  await demo.signIn(freshAccount());
  const { keyboard } = demo.page;
  const focused = () =>
    demo.page.evaluate(() => document.activeElement?.getAttribute("data-testid"));
  const tabTo = async (/** @type {string} */ testId) => {
    for (let steps = 0; (await focused()) !== testId; steps += 1) {
      assert.ok(steps < 100, `${testId} is reached`);
      await keyboard.press("Tab");
    }
  };
  await tabTo("task-text");
  await keyboard.type("Good morning");
  await tabTo("task-submit");
  await keyboard.press("Enter");
  const line = demo.row("Good morning");
  await line.paid("charged");
  await tabTo("open-text");
  await keyboard.press("Space");
  await demo.at("translated-text").filter({ hasText: "早上好" }).waitFor();
  await tabTo("weather-none");
  await keyboard.press("ArrowRight");
  await demo.hasWeather("cut");
});

test("where a pressed button goes away, the keyboard stays near it", async () => {
  const demo = await visitor();
  await demo.signIn(freshAccount());
  await demo.says("balance-confirmed", "120");
  await demo.at("go-offline").click();
  await demo.network("offline");
  for (const text of ["Hello", "Goodbye"]) await (await demo.submit(text)).paid("queued");
  const place = () =>
    demo.page.evaluate(() =>
      document.activeElement?.closest("[data-testid]")?.getAttribute("data-testid"),
    );
  await demo.row("Hello").locator.getByTestId("cancel").press("Enter");
  await demo.row("Hello").paid("failed");
  assert.equal(await place(), "task-row");
  await demo.at("outbox-cancel").press("Enter");
  await demo.row("Goodbye").paid("failed");
  // It is listed among the settled ones now.
  assert.equal(await place(), "outbox-line");
});

test("what is said again every second is no status", async () => {
  const demo = await visitor();
  await demo.signIn(freshAccount());
  const ledger = demo.at("ledger");
  await ledger.getByText(/Read (?:now|\d)/).waitFor();
  const said = await ledger.getByRole("status").allTextContents();
  assert.ok(said.length > 1 && !said.some((text) => text.includes("Read")), `${said}`);
});

test("the desk comes without taking the keyboard from the switches beside it", async () => {
  const demo = await visitor();
  await demo.signIn(freshAccount());
  const script = "**/assets/SignedIn-*.js";
  /** @type {Promise<import("playwright-core").Route>} */
  const asked = new Promise((resolve) => demo.page.route(script, resolve));
  await demo.page.reload({ waitUntil: "domcontentloaded" });
  await demo.at("theme").focus();
  await (await asked).continue();
  await demo.at("desk").waitFor();
  const focused = await demo.page.evaluate(() =>
    document.activeElement?.getAttribute("data-testid"),
  );
  assert.equal(focused, "theme");
});

test("the demo keeps to its policy, and puts no error of its own on the console", async () => {
  const demo = await visitor();
  /** @type {string[]} */
  const complaints = [];
  demo.page.on("pageerror", (error) => complaints.push(error.message));
  demo.page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) complaints.push(message.text());
  });
  await demo.page.addInitScript(() => {
    document.addEventListener("securitypolicyviolation", ({ violatedDirective, blockedURI }) =>
      console.error(`${violatedDirective}: ${blockedURI}`),
    );
  });
  await busyDesk(demo);
  await demo.at("devtools").click();
  await demo.page.locator("tollbox-devtools").waitFor({ state: "attached" });
  const coming = demo.page.waitForEvent("download");
  await demo.row("Good morning").click("download");
  await coming;
  const policy = await demo.page
    .locator('meta[http-equiv="Content-Security-Policy"]')
    .getAttribute("content");
  for (const part of ["default-src 'self'", "'wasm-unsafe-eval'", "require-trusted-types-for"]) {
    assert.ok(policy?.includes(part), part);
  }
  assert.deepEqual(complaints, []);
});
