import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { test } from "node:test";
import { Stage } from "./support/stage.mjs";
import { until } from "./support/until.mjs";

const stage = new Stage();
const FOLDER = process.env.TOLLBOX_PKG ?? path.join(import.meta.dirname, "../../pkg");

// HTML has no U+0000: a script that holds one holds U+FFFD there.
test("a page that has the package's script in its HTML finds its charges again", async () => {
  const { context, account, options } = await stage.bare();
  const script = await readFile(path.join(FOLDER, "dist/index.js"), "utf8");
  const [, opens] = /(\w+) as openBilling/.exec(script) ?? [];
  const body = `<!doctype html><script type="module">${script}
    globalThis.openClient = ({ token, ...options }) =>
      ${opens}({ ...options, getToken: () => token });
    </script>`;
  const url = `${stage.site.url}dist/page.html`;
  await context.route(url, (route) => route.fulfill({ body, contentType: "text/html" }));
  const page = await context.newPage();
  const open = async () => {
    await page.goto(url);
    await page.waitForFunction(() => "openClient" in globalThis);
    await page.evaluate(async (options) => {
      globalThis.client = await globalThis.openClient(options);
    }, options);
  };
  await open();
  await stage.server.breakFor(account, { kind: "drop_before" }, { on: "any" });
  const { status } = await page.evaluate(() =>
    globalThis.client.charge({ taskId: "film", amount: 3, feature: "f" }),
  );
  assert.ok(["queued", "unknown"].includes(status), status);
  await open();
  const held = () => page.evaluate(() => globalThis.client.getSnapshot().queue.heldPoints);
  await until("the charge is shown", async () => (await held()) === 3);
  const listed = await page.evaluate(() => globalThis.client.charges());
  assert.deepEqual(
    listed.map(({ key }) => key),
    ["f:film"],
  );
  await stage.server.repair();
  const outcome = await page.evaluate(() => globalThis.client.settled("f:film"));
  assert.equal(outcome.status, "charged");
});
