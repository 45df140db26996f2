import assert from "node:assert/strict";
import { test } from "node:test";
import { freshAccount } from "./support/accounts.mjs";
import { DemoPage } from "./support/demo.mjs";
import { Stage } from "./support/stage.mjs";
import { until } from "./support/until.mjs";

const stage = new Stage();

test("the demo draws the success rate and the latency of the charges so far", async () => {
  const demo = await stage.demo();
  await demo.signIn(freshAccount());
  assert.equal(await demo.at("plot-success-rate").count(), 0);
  for (const text of ["Good morning", "Good night"]) {
    const line = await demo.submit(text);
    await line.paid("charged");
  }
  await demo.says("stat-success-rate", "100%");
  for (const plot of ["plot-success-rate", "plot-latency"]) {
    await demo.page.locator(`[data-testid="${plot}"][data-points="2"]`).waitFor();
    const canvas = demo.at(plot).locator("canvas");
    await until(`lines on ${plot}`, () =>
      canvas.evaluate((element) => {
        const { width, height } = /** @type {HTMLCanvasElement} */ (element);
        const brush = /** @type {HTMLCanvasElement} */ (element).getContext("2d");
        return new Set(brush?.getImageData(0, 0, width, height).data).size > 2;
      }),
    );
  }
  assert.match((await demo.at("plot-success-rate").getAttribute("aria-label")) ?? "", /now 100%/);

  const drawn = () =>
    demo
      .at("plot-success-rate")
      .locator("canvas")
      .evaluate((element) => /** @type {HTMLCanvasElement} */ (element).toDataURL());
  const light = await drawn();
  await demo.at("theme").selectOption("dark");
  await until("the lines in the colours of the dark", async () => (await drawn()) !== light);
});

test("where nothing is paid yet, no time to answer is drawn", async () => {
  const demo = await stage.demo();
  await demo.signIn(freshAccount());
  await demo.says("balance-confirmed", "120");
  await demo.at("go-offline").click();
  await demo.network("offline");
  for (const text of ["Good morning", "Good night"]) {
    const line = await demo.submit(text);
    await line.paid("queued");
    await line.click("cancel");
    await line.paid("failed");
  }
  await demo.page.locator('[data-testid="plot-success-rate"][data-points="2"]').waitFor();
  assert.equal(await demo.at("plot-latency").count(), 0);
  assert.ok(await demo.at("flush").isDisabled(), "cancelled charges are not retried together");
});

test("the charts' letters are as large as the page's on a dense screen", async () => {
  // At this width the page's letters are no whole number of pixels high.
  const viewport = { width: 1920, height: 1080 };
  const context = await stage.context({ locale: "en-GB", viewport, deviceScaleFactor: 2 });
  const demo = new DemoPage(await context.newPage(), stage.server.url);
  await demo.page.addInitScript(() => {
    const { fillText } = CanvasRenderingContext2D.prototype;
    CanvasRenderingContext2D.prototype.fillText = function (...given) {
      this.canvas.setAttribute("data-letters", String(Number.parseFloat(this.font)));
      fillText.apply(this, given);
    };
  });
  await demo.signIn(freshAccount());
  for (const text of ["Good morning", "Good night"]) {
    const line = await demo.submit(text);
    await line.paid("charged");
  }
  const chart = demo.at("plot-success-rate");
  const letters = await chart.locator("canvas[data-letters]").getAttribute("data-letters");
  const page = await chart.evaluate((element) =>
    Number.parseFloat(getComputedStyle(element).fontSize),
  );
  assert.ok(Math.abs(Number(letters) - 2 * page) <= 1, `${letters} of ${2 * page}`);
});

test("where the charts' script does not come, the page says so", async () => {
  const demo = await stage.demo();
  await demo.page.route("**/assets/Chart-*.js", (route) => route.abort());
  await demo.signIn(freshAccount());
  for (const text of ["Good morning", "Good night"]) {
    const line = await demo.submit(text);
    await line.paid("charged");
  }
  await demo.at("stats").getByText("The lines could not be loaded.").waitFor();
});

test("the demo shows an alert as ongoing until its cause is over", async () => {
  const demo = await stage.demo();
  const account = freshAccount();
  await demo.signIn(account);
  await stage.server.breakFor(account, { kind: "drop_before" });
  await demo.at("balance-refresh").click();
  const lost = demo.page.locator('[data-testid="alert"][data-kind="network_lost"]');
  await lost.and(demo.page.locator("[data-goes-on]")).waitFor();
  await stage.server.repair();
  await until(
    () => "the alert is over",
    async () => (await lost.getAttribute("data-goes-on")) === null,
  );
});

test("the demo's counts add up, and the cache spares it balance requests", async () => {
  const demo = await stage.demo();
  await demo.signIn(freshAccount());
  await demo.says("balance-confirmed", "120");
  for (const text of ["Good morning", "Good night"])
    await (await demo.submit(text)).paid("charged");
  await demo.says("stat-spared", "2 of 2");
  await demo.at("go-offline").click();
  await demo.network("offline");
  const cancelled = await demo.submit("Hello");
  await cancelled.paid("queued");
  await cancelled.click("cancel");
  await cancelled.paid("failed");
  await (await demo.submit("Goodbye")).paid("queued");
  const figures = { charged: "2", open: "1", unknown: "0", declined: "0", failed: "1" };
  for (const [name, count] of Object.entries(figures)) await demo.says(`stat-${name}`, count);
  await demo.says("stat-enqueued", "4");
});
