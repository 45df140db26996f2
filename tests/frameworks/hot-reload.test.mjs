/** Modules replaced by Vite's dev server while the page runs. */

import assert from "node:assert/strict";
import { cp, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { after, before, test } from "node:test";
import { createServer } from "vite";
import { Stage } from "../browser/support/stage.mjs";
import { FrameworkPage } from "./support/framework-page.mjs";
import { BUILT, configurationFor, FRAMEWORKS } from "./support/frameworks.mjs";

const stage = new Stage();
const COMPONENT = { react: "jsx", vue: "vue", svelte: "svelte" };

for (const framework of FRAMEWORKS.filter(({ name }) => name !== "react-18")) {
  const { name } = framework;
  const ending = COMPONENT[/** @type {keyof typeof COMPONENT} */ (name.split("-")[0])];
  const folder = path.join(BUILT, "hot", name);
  /** @type {import("vite").ViteDevServer} */
  let vite;

  before(async () => {
    await rm(folder, { recursive: true, force: true });
    await mkdir(folder, { recursive: true });
    await cp(framework.folder, folder, { recursive: true });
    await writeFile(path.join(folder, "index.html"), page(framework.entry));
    vite = await createServer({
      ...configurationFor({ ...framework, folder }),
      cacheDir: path.join(folder, ".vite"),
      server: { host: "127.0.0.1", port: 0 },
    });
    await vite.listen();
  });
  after(() => vite?.close());

  /**
   * @param {string} component
   * @param {RegExp} was
   * @param {string} is
   */
  const change = async (component, was, is) => {
    const file = path.join(folder, `${component}.${ending}`);
    const text = await readFile(file, "utf8");
    assert.match(text, was);
    await writeFile(file, text.replace(was, is));
  };

  test(`${name}: modules are replaced, and one client goes on`, async () => {
    const address = /** @type {import("node:net").AddressInfo} */ (vite.httpServer?.address());
    const page = await FrameworkPage.open(stage, `http://127.0.0.1:${address.port}/`);
    await page.mountAndOpen();
    await page.page.evaluate(() => {
      globalThis.kept = { page: "the same" };
      globalThis.work = () =>
        new Promise((resolve) => {
          globalThis.finish = resolve;
        });
    });
    await page.click("charge-make");
    await page.says("charge", "success");
    // The module that uses the client, then the one that provides it.
    await change("Billing", /reopen/, "changed");
    await page.at("changed").waitFor();
    await page.says("balance", "116");
    await change("App", /<Billing.*?\/>/, "$&<i>changed too</i>");
    await page.page.getByText("changed too").waitFor();
    await page.says("billing", "open");
    await page.says("balance", "116");
    await page.says("charge", "success");
    assert.deepEqual(await page.page.evaluate(() => globalThis.kept), { page: "the same" });
    await page.page.evaluate(async () => {
      await globalThis.watched.comesTo(
        ({ channel, database }) => channel?.length === 1 && database?.length === 1,
      );
    });
    await page.unmount();
    await page.page.evaluate(async () => {
      await globalThis.watched.comesTo(
        ({ channel, database, lock }) => !channel && !database && !lock,
      );
    });
  });
}

/** @param {string} entry */
function page(entry) {
  return `<!doctype html><html lang="en"><title>hot</title><link rel="icon" href="data:,">
<body><div id="app"></div><script type="module" src="/${entry}"></script></body></html>`;
}
