import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { test } from "node:test";
import { BareSite } from "./support/bare.mjs";
import { Stage } from "./support/stage.mjs";
import { until } from "./support/until.mjs";

const stage = new Stage();
const FOLDER = process.env.TOLLBOX_PKG ?? path.join(import.meta.dirname, "../../pkg");

// HTML has no U+0000: a script that holds one holds U+FFFD there.
test("a page that has the package's script in its HTML finds its charges again", async (t) => {
  const { context, account, options } = await stage.bare();
  const script = await readFile(path.join(FOLDER, "dist/index.js"), "utf8");
  const [, opens] = /([\w$]+) as openBilling/.exec(script) ?? [];
  const html = `<!doctype html><meta charset="utf-8"><script type="module">${script}
    globalThis.openClient = ({ token, ...options }) =>
      ${opens}({ ...options, getToken: () => token });
    </script>`;
  const site = await BareSite.start({
    async answer({ url }, response) {
      const isPage = url === "/dist/page.html";
      if (isPage) response.writeHead(200, { "content-type": "text/html" }).end(html);
      return isPage;
    },
  });
  t.after(() => site.stop());
  const page = await context.newPage();
  const open = async () => {
    await page.goto(`${site.url}dist/page.html`);
    await page.waitForFunction(() => "openClient" in globalThis);
    await page.evaluate(async (options) => {
      globalThis.client = await globalThis.openClient(options);
    }, options);
  };
  await open();
  await page.evaluate(() => globalThis.client.refreshBalance());
  await stage.server.breakFor(account, { kind: "drop_before" }, { on: "any" });
  const { status } = await page.evaluate(() =>
    globalThis.client.charge({ taskId: "film", amount: 3, feature: "f" }),
  );
  assert.ok(["queued", "unknown"].includes(status), status);
  await open();
  const listed = () => page.evaluate(() => globalThis.client.charges());
  await until("the charge is listed", async () => (await listed()).length === 1);
  await stage.server.repair();
  const outcome = await page.evaluate(() => globalThis.client.settled("f:film"));
  assert.equal(outcome.status, "charged");
  assert.equal((await stage.server.ledger(account)).charges.length, 1);
});
