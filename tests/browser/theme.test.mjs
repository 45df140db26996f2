/** The demo in light and dark: as the system has it, or as the visitor chose. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { freshAccount } from "./support/accounts.mjs";
import { DemoPage } from "./support/demo.mjs";
import { Stage } from "./support/stage.mjs";
import { until } from "./support/until.mjs";

const stage = new Stage();

/**
 * Waits until the page is painted on this ground.
 *
 * @param {DemoPage} demo
 * @param {"light" | "dark"} theme
 */
async function is(demo, theme) {
  await demo.page.waitForFunction((theme) => {
    const [red = 0] =
      getComputedStyle(document.body).backgroundColor.match(/\d+/g)?.map(Number) ?? [];
    return red > 0 && red > 128 === (theme === "light");
  }, theme);
}

for (const [locale, words] of /** @type {const} */ ([
  ["en-GB", { label: "Light or dark", choices: ["System", "Light", "Dark"] }],
  ["zh-CN", { label: "浅色或深色", choices: ["跟随系统", "浅色", "深色"] }],
])) {
  test(`light or dark is chosen by keyboard, and kept, in ${locale}`, async () => {
    const context = await stage.context({ locale, colorScheme: "light" });
    const demo = new DemoPage(await context.newPage(), stage.server.url);
    await demo.page.goto(demo.url);
    const choice = demo.page.getByRole("combobox", { name: words.label });
    await choice.waitFor();
    assert.deepEqual(await choice.locator("option").allTextContents(), words.choices);
    await is(demo, "light");
    await choice.focus();
    await demo.page.keyboard.press("End");
    await is(demo, "dark");

    // The page's own script would come too late: what was painted before it would flash.
    const scripts = "**/assets/*.js";
    await demo.page.route(scripts, (route) => route.abort());
    await demo.page.reload();
    await is(demo, "dark");
    await demo.page.unroute(scripts);
    await demo.page.reload();
    assert.equal(await choice.inputValue(), "dark");

    await choice.selectOption({ label: words.choices[0] });
    await is(demo, "light");
    await demo.page.emulateMedia({ colorScheme: "dark" });
    await is(demo, "dark");
    await choice.selectOption({ label: words.choices[1] });
    await is(demo, "light");
  });
}

test("the devtools are as light or dark as the page", async () => {
  const context = await stage.context({ locale: "en-GB", colorScheme: "light" });
  const demo = new DemoPage(await context.newPage(), stage.server.url);
  await demo.signIn(freshAccount());
  await demo.at("theme").selectOption("dark");
  await demo.at("devtools").click();
  const panel = demo.page.locator("tollbox-devtools");
  const isIn = (/** @type {string} */ scheme) =>
    until(`the panel is ${scheme}`, () =>
      panel.evaluate((element, scheme) => getComputedStyle(element).colorScheme === scheme, scheme),
    );
  await isIn("dark");
  await demo.at("theme").selectOption("light");
  await isIn("light");
  await demo.at("theme").selectOption("system");
  await isIn("light dark");
});
