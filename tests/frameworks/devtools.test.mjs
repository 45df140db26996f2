/** The panel of tollbox/devtools, loaded as it is in the package, beside a client of the real server. */

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { test } from "node:test";
import { freshAccount } from "../browser/support/accounts.mjs";
import { BareSite } from "../browser/support/bare.mjs";
import { PATIENT, Stage } from "../browser/support/stage.mjs";
import { until } from "../browser/support/until.mjs";
import { DevtoolsPage } from "./support/devtools-page.mjs";

const stage = new Stage();
const AXE = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const TABS = ["Overview", "Charges", "Alerts", "Log"];

test("the overview shows balance, holds and connection as they change", async () => {
  const { body, devtools } = await opened();
  await body.getByText("fresh").waitFor();
  const figures = body.locator(".balance");
  assert.deepEqual(await figures.locator("dd").allTextContents(), ["120", "120", "0"]);
  await body.getByText("IndexedDB").waitFor();
  await body.getByText("online").waitFor();
  await devtools.setOffline(true);
  await devtools.charge("one", 4);
  await body.getByText("offline").waitFor();
  await body.getByText("film:one").waitFor();
  await until(
    "the hold",
    async () => (await figures.locator("dd").allTextContents()).join() === "116,120,4",
  );
  await devtools.setOffline(false);
  await body.getByText("Nothing is held.").waitFor();
  await until(
    "the charge",
    async () => (await figures.locator("dd").allTextContents()).join() === "116,116,0",
  );
});

test("a running task is among the holds", async () => {
  const { body, page } = await opened();
  await page.evaluate(() => {
    void globalThis.client.runTask(
      { taskId: "long", amount: 9, feature: "film" },
      () => new Promise(() => {}),
    );
  });
  await body.getByText("running tasks").waitFor();
  await body.getByText("9 pt").waitFor();
});

test("a charge is shown with its history, cancelled and tried again", async () => {
  const { devtools, body, panel } = await opened();
  await devtools.choose("Charges");
  await devtools.setOffline(true);
  await devtools.charge("one");
  const line = devtools.line("film:one");
  await line.getByText("pending").first().waitFor();
  await line.locator("summary").click();
  assert.equal(await line.getByRole("list").getByText("pending").count(), 1);
  await line.getByRole("button", { name: "Cancel" }).click();
  await line.getByText("failed: cancelled", { exact: false }).waitFor();
  await line.locator("summary").getByText("failed").waitFor();
  assert.ok(await line.getByRole("button", { name: "Cancel" }).isDisabled());
  await devtools.setOffline(false);
  await line.getByRole("button", { name: "Retry" }).click();
  await line.getByText("charged", { exact: false }).first().waitFor();
  await panel.getByRole("status").getByText("film:one: charged").waitFor();
  assert.ok(await line.locator("details").evaluate((details) => details.hasAttribute("open")));
  await body.getByLabel("Status").selectOption({ label: "failed" });
  await body.getByText("No such charges.").waitFor();
  const { charges } = await stage.server.ledger(devtools.account);
  assert.equal(charges.length, 1);
});

test("what waits is sent from the panel", async () => {
  const hourMs = 3_600_000;
  const { devtools, panel } = await opened({}, { baseDelayMs: hourMs, maxDelayMs: hourMs });
  await stage.server.breakFor(devtools.account, { kind: "status", status: 500 });
  await devtools.charge("one");
  await panel.getByRole("tab", { name: "Charges" }).getByText("1").waitFor();
  await stage.server.repair();
  await panel.getByRole("button", { name: "Send now" }).click();
  await panel.getByRole("status").getByText("Charged 1").waitFor();
  assert.equal((await stage.server.ledger(devtools.account)).balance, 116);
});

test("log and alerts are shown", async () => {
  const { devtools, body, panel } = await opened();
  await stage.server.kill();
  await devtools.charge("one");
  await devtools.choose("Alerts");
  await body.getByText("network_lost").first().waitFor();
  await panel.getByRole("tab", { name: "Alerts" }).getByText("1").waitFor();
  await devtools.choose("Log");
  await body.getByRole("listitem").first().waitFor();
  const all = await body.getByRole("listitem").count();
  await body.getByLabel("Level").selectOption("error");
  await until("fewer lines", async () => (await body.getByRole("listitem").count()) < all);
  await stage.server.start();
});

test("everything is exported as JSON", async () => {
  const { devtools, page, panel } = await opened({}, PATIENT);
  await devtools.charge("one");
  const coming = page.waitForEvent("download");
  await panel.getByRole("button", { name: "Export JSON" }).click();
  const download = await coming;
  const report = JSON.parse(await readFile(await download.path(), "utf8"));
  assert.equal(report.account, devtools.account);
  assert.equal(report.charges[0].outcome.status, "charged");
  assert.equal(report.snapshot.balance.confirmed, 116);
  assert.ok(report.changes["film:one"].length > 0);
  assert.ok(report.log.length > 0);
  assert.deepEqual(report.quarantined, []);
  assert.match(download.suggestedFilename(), /^tollbox-.*\.json$/);
});

test("the panel keeps to a strict Content Security Policy", async () => {
  const policy = [
    "default-src 'none'",
    "script-src 'self' 'wasm-unsafe-eval'",
    `connect-src 'self' ${stage.server.url}`,
    "img-src data:",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
  ].join("; ");
  const script = `import { openBilling } from "/dist/index.js";
    import { mountDevtools } from "/devtools.js";
    globalThis.violations = [];
    document.addEventListener("securitypolicyviolation", (event) =>
      globalThis.violations.push(event.violatedDirective));
    globalThis.openWith = async ({ token, ...options }) => {
      globalThis.client = await openBilling({ ...options, getToken: () => token });
      await globalThis.client.charge({ taskId: "one", amount: 4, feature: "film" });
      globalThis.devtools = mountDevtools(globalThis.client, { open: true });
    };`;
  const site = await BareSite.start({
    answer: async (request, response) => {
      const made = { "/": "text/html", "/strict.js": "text/javascript" }[request.url ?? ""];
      if (!made) return false;
      response.writeHead(200, { "content-type": made, "content-security-policy": policy });
      response.end(
        made === "text/html"
          ? '<!doctype html><html lang="en"><link rel="icon" href="data:,"><script type="module" src="/strict.js"></script></html>'
          : script,
      );
      return true;
    },
  });
  try {
    const context = await stage.context();
    const page = await context.newPage();
    await page.goto(site.url);
    const options = await stage.options("strict");
    await page.waitForFunction(() => "openWith" in globalThis);
    await page.evaluate((options) => /** @type {any} */ (globalThis).openWith(options), options);
    const devtools = new DevtoolsPage(page, "strict");
    for (const tab of TABS) await devtools.choose(tab);
    await devtools.choose("Charges");
    await devtools.line("film:one").locator("summary").click();
    assert.equal((await devtools.panel.boundingBox())?.width, 440, "styled");
    assert.deepEqual(await page.evaluate(() => /** @type {any} */ (globalThis).violations), []);
  } finally {
    await site.stop();
  }
});

for (const theme of /** @type {const} */ (["light", "dark"])) {
  test(`the panel has no accessibility faults that axe finds, ${theme}`, async () => {
    const { devtools, page } = await opened({ theme });
    await devtools.charge("one");
    await devtools.setOffline(true);
    await devtools.charge("two");
    await page.evaluate(AXE);
    for (const tab of TABS) {
      await devtools.choose(tab);
      if (tab === "Charges") await devtools.line("film:one").locator("summary").click();
      assert.deepEqual(await faultsIn(page), [], tab);
    }
    await page.keyboard.press("Escape");
    assert.deepEqual(await faultsIn(page), [], "the button");
  });
}

test("the panel fits a screen of 320 pixels", async () => {
  const { devtools, page, panel } = await opened();
  await page.setViewportSize({ width: 320, height: 480 });
  await devtools.setOffline(true);
  await devtools.charge("a-task-with-a-name-that-is-long-and-longer-than-this-screen-is-wide");
  for (const tab of TABS) {
    await devtools.choose(tab);
    const wide = await panel.evaluate((panel) =>
      [panel, ...panel.querySelectorAll("[role=tablist], [role=tabpanel]")]
        .filter(({ scrollWidth, clientWidth }) => scrollWidth > clientWidth)
        .map(({ outerHTML }) => outerHTML.slice(0, 80)),
    );
    assert.deepEqual(wide, [], tab);
  }
});

test("the panel is worked by keyboard alone", async () => {
  const { page, panel } = await opened({ open: false });
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  const focused = () =>
    page.evaluate(() => document.activeElement?.shadowRoot?.activeElement?.textContent);
  await panel.waitFor();
  assert.equal(await focused(), "Overview");
  await page.keyboard.press("ArrowRight");
  assert.match((await focused()) ?? "", /^Charges/);
  await page.keyboard.press("End");
  assert.equal(await focused(), "Log");
  await page.keyboard.press("ArrowRight");
  assert.equal(await focused(), "Overview");
  await page.keyboard.press("Escape");
  await panel.waitFor({ state: "hidden" });
  const button = page.getByRole("button", { name: "Open Tollbox devtools" });
  assert.ok(await button.evaluate((button) => button.matches(":focus")));
});

test("the panel speaks Chinese", async () => {
  const { page, panel } = await opened({ locale: "zh-CN" });
  await panel.getByText("余额").first().waitFor();
  await page.evaluate(() => {
    globalThis.devtools.element.locale = "en";
  });
  await panel.getByText("Balance").first().waitFor();
});

test("a panel that is gone has left its client, and a client of its own remains", async () => {
  const { devtools, page } = await opened({ open: false });
  const held = await page.evaluate(async () => {
    globalThis.devtools.unmount();
    const before = (await globalThis.watched.held()).listener;
    const { mountDevtools } = await import(String("/devtools.js"));
    for (let round = 0; round < 50; round += 1) {
      const { unmount } = mountDevtools(globalThis.client, { open: true });
      if (round % 5 === 0) await new Promise((resolve) => requestAnimationFrame(resolve));
      unmount();
    }
    return { before, after: (await globalThis.watched.held()).listener };
  });
  const onPage = (/** @type {string[] | undefined} */ names) =>
    names?.filter((name) => /^(Window|HTMLDocument|HTMLBodyElement)/.test(name));
  assert.deepEqual(onPage(held.after), onPage(held.before));
  await devtools.charge("one");
  await page.evaluate(async () => {
    await globalThis.client.close();
    await globalThis.watched.comesTo(({ listener, ...others }) => Object.keys(others).length === 0);
  });
});

test("an element that was in the page before its definition is taken over", async () => {
  const { page, options } = await stage.bare("devtools");
  await page.evaluate(async (options) => {
    const element = document.createElement("tollbox-devtools");
    document.body.append(element);
    element.client = await globalThis.openClient(options);
    element.open = true;
    await import(String("/devtools.js"));
  }, options);
  const panel = page.getByRole("region");
  await panel.getByText(options.account).waitFor();
  await panel.getByRole("button", { name: "Close" }).click();
  await panel.waitFor({ state: "hidden" });
});

test("lines that share a key are shown once each, however often they are shown", async () => {
  const { page } = await stage.bare("devtools");
  const counts = await page.evaluate(async () => {
    const { KeyedChildren } = await import(String("/lib/devtools/dom.js"));
    const list = document.createElement("ul");
    const lines = new KeyedChildren(list, String, () => ({
      element: document.createElement("li"),
      show() {},
    }));
    return [["a", "b"], ["a", "a", "b", "a"], ["a", "a", "b", "a"], ["a"], []].map((items) => {
      lines.show(items);
      return list.children.length;
    });
  });
  assert.deepEqual(counts, [2, 4, 4, 1, 0]);
});

test("the demo loads the devtools when they are wanted", async () => {
  const demo = await stage.demo();
  /** @type {string[]} */
  const loaded = [];
  demo.page.on("request", (request) => loaded.push(new URL(request.url()).pathname));
  const account = freshAccount("demo");
  await demo.signIn(account);
  await (await demo.submit("Good morning")).paid("charged");
  assert.ok(!loaded.some((path) => path.includes("devtools")), loaded.join());
  await demo.at("devtools").click();
  const { panel, body } = new DevtoolsPage(demo.page, account);
  await panel.getByText(account).waitFor();
  assert.ok(
    loaded.some((path) => path.includes("devtools")),
    loaded.join(),
  );
  await panel.getByRole("tab", { name: "Log" }).click();
  await body.getByRole("listitem").first().waitFor();
  await demo.at("language").click();
  await panel.getByRole("tab", { name: "日志" }).waitFor();
  await demo.at("devtools").click();
  await panel.waitFor({ state: "detached" });
});

/**
 * @param {Parameters<typeof DevtoolsPage.open>[1]} [options]
 * @param {Parameters<typeof DevtoolsPage.open>[2]} [retry]
 */
async function opened(options, retry) {
  const devtools = await DevtoolsPage.open(stage, options, retry);
  const { page, panel, body } = devtools;
  return { devtools, page, panel, body };
}

/** @param {import("playwright-core").Page} page */
async function faultsIn(page) {
  return page.evaluate(async () => {
    const { axe } = /** @type {any} */ (globalThis);
    const { violations } = await axe.run({ include: [["tollbox-devtools"]] });
    return violations.map(
      (/** @type {any} */ { id, nodes }) =>
        `${id}: ${nodes.map((/** @type {any} */ node) => node.html).join("\n")}`,
    );
  });
}
