/** The demo's guided tour, and the addresses of its parts. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { freshAccount } from "./support/accounts.mjs";
import { DemoPage } from "./support/demo.mjs";
import { Stage } from "./support/stage.mjs";

const stage = new Stage();

/**
 * Signs in as a visitor does, without the parameters of the other tests.
 *
 * @param {DemoPage} demo
 * @param {string} [hash]
 */
async function visit(demo, hash = "") {
  await demo.page.goto(`${demo.url}/${hash}`);
  await demo.at("account-input").fill(freshAccount());
  await demo.at("sign-in").click();
  await demo.at("desk").waitFor();
}

for (const [locale, headings] of /** @type {const} */ ([
  [
    "en-GB",
    ["Translate something", "Make it stormy", "See what waits", "Check the books", "Now kill it"],
  ],
  ["zh-CN", ["翻译一段", "制造风暴", "看看谁在等待", "核对账本", "现在来破坏它"]],
])) {
  test(`the first visit has a tour of five steps, and the second has none, in ${locale}`, async () => {
    const context = await stage.context({ locale });
    const demo = new DemoPage(await context.newPage(), stage.server.url);
    await visit(demo);
    const tour = demo.at("tour");
    const parts = ["desk", "weather", "outbox", "truth", "experiments"];
    for (const [at, heading] of headings.entries()) {
      await tour.getByRole("heading", { name: heading }).waitFor();
      await demo.page.locator(`#${parts[at]}[data-toured]`).waitFor();
      assert.equal(await demo.page.locator("[data-toured]").count(), 1);
      if (at < 4) await demo.at("tour-next").click();
    }
    await demo.at("tour-back").click();
    await tour.getByRole("heading", { name: headings[3] }).waitFor();
    await demo.at("language").click();
    assert.equal(await tour.getAttribute("data-step"), "4", "the language changes nothing else");
    await demo.page.getByRole("complementary").getByRole("heading").focus();
    await demo.page.keyboard.press("Escape");
    await tour.waitFor({ state: "detached" });
    await demo.page.reload();
    await demo.at("tour-begin").waitFor();
    assert.equal(await tour.count(), 0);
    await demo.at("tour-begin").click();
    await tour.waitFor();
  });
}

test("on a low screen the tour is in sight as a whole, and its end gives the keyboard back", async () => {
  const context = await stage.context({ locale: "en-GB", viewport: { width: 640, height: 240 } });
  const demo = new DemoPage(await context.newPage(), stage.server.url);
  await demo.signIn(freshAccount());
  await demo.at("tour-begin").press("Enter");
  const box = await demo.at("tour").boundingBox();
  assert.ok(box && box.y >= 0 && box.y + box.height <= 240, JSON.stringify(box));
  const focused = () =>
    demo.page.evaluate(() =>
      document.activeElement?.closest("[data-testid]")?.getAttribute("data-testid"),
    );
  assert.equal(await focused(), "tour");
  await demo.page.keyboard.press("Escape");
  await demo.at("tour-begin").waitFor();
  assert.equal(await focused(), "tour-begin");
});

for (const part of ["truth", "weather", "experiment-tabs", "experiment-reload"]) {
  test(`the address #${part} leads to that part, with no tour in its way`, async () => {
    const demo = await stage.demo();
    await visit(demo, `#${part}`);
    await demo.page.waitForFunction((id) => {
      const box = document.getElementById(id)?.getBoundingClientRect();
      return box !== undefined && box.top >= 0 && box.top < innerHeight;
    }, part);
    assert.equal(await demo.at("tour").count(), 0);
  });
}
