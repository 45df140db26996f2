// Pages of `tollbox dev`, in headless Chromium: its panel, and one of a user's.

import assert from "node:assert/strict";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";
import { launch } from "../browser/support/browser.mjs";
import { until } from "../browser/support/until.mjs";
import { ask, dev, TOLLBOX } from "./support/servers.mjs";

/** @type {Awaited<ReturnType<typeof launch>>} */
let browser;

before(async () => {
  browser = await launch();
});
after(() => browser.close());

/** @param {string} base @param {string} key */
const charge = (base, key) => asked(base, "charges", key);
/** @param {string} base @param {string} key */
const hold = (base, key) => asked(base, "holds", key);

/** @param {string} base @param {string} path @param {string} key */
async function asked(base, path, key) {
  const headers = {
    "content-type": "application/json",
    authorization: "Bearer alice",
    "idempotency-key": `"${key}"`,
  };
  const body = JSON.stringify({ task_id: key, feature: "f", amount: 5, expires_in_s: 60 });
  const question = { method: "POST", path: `/billing/v1/${path}`, headers, body };
  return (await ask(base, question)).status;
}

test("the panel sets faults, shows the ledger and adds points, within its policy", async (t) => {
  const base = await dev(t);
  await charge(base, "k1");
  const page = await (await browser.newContext()).newPage();
  /** @type {string[]} */
  const complaints = [];
  page.on("console", (message) => message.type() === "error" && complaints.push(message.text()));
  page.on("pageerror", (error) => complaints.push(String(error)));
  const response = await page.goto(base);
  assert.match(response?.headers()["content-security-policy"] ?? "", /^default-src 'none'/);
  assert.equal(await page.getByText(`${base}/billing/v1`).count(), 1);

  const charges = page.getByRole("table", { name: "Charges, newest first" });
  await charges.getByRole("cell", { name: "k1", exact: true }).first().waitFor();
  await page.getByLabel("Points", { exact: true }).fill("30");
  await page.getByRole("button", { name: "Top up" }).click();
  await page.getByText("145", { exact: true }).waitFor();

  assert.equal(await hold(base, "k3"), 201);
  await page.getByText("145, of which 5 are held").waitFor();

  await page.getByLabel("Fault", { exact: true }).selectOption("503, again after 5 s");
  await page.getByLabel("Requests", { exact: true }).selectOption("charges");
  await page.getByLabel("How many", { exact: true }).fill("1");
  await page.getByRole("button", { name: "Add" }).click();
  const remove = page.getByRole("button", { name: "Remove: 503, again after 5 s" });
  await remove.waitFor();
  assert.deepEqual([await charge(base, "k2"), await charge(base, "k2")], [503, 201]);
  await charges.getByRole("cell", { name: "k2", exact: true }).first().waitFor();

  await remove.click();
  await page.getByRole("status").getByText("Removed.").waitFor();
  assert.equal(await remove.count(), 0);
  assert.deepEqual(complaints, []);
});

test("removing a rule leaves the others what they have left", async (t) => {
  const base = await dev(t);
  const drop = { on: "charge", account: null, fault: { kind: "status", status: 503 }, times: 3 };
  const slow = { ...drop, fault: { kind: "latency", ms: 3_000 }, times: 0 };
  const headers = { "content-type": "application/json" };
  const body = JSON.stringify({ rules: [slow, drop] });
  await ask(base, { method: "PUT", path: "/faults", headers, body });
  const page = await (await browser.newContext()).newPage();
  // It does not look by itself: what it shows is of before the charge.
  await page.addInitScript(() => {
    window.setInterval = /** @type {any} */ (() => 0);
  });
  await page.goto(base);
  const remove = page.getByRole("button", { name: "Remove: answered 3 s later" });
  await remove.waitFor();
  await charge(base, "k1");
  await remove.click();
  await page.getByRole("status").getByText("Removed.").waitFor();
  const { rules } = JSON.parse((await ask(base, { method: "GET", path: "/faults" })).body);
  assert.deepEqual(rules, [{ ...drop, times: 2 }]);
});

test("the panel shows what there is after the server was away, and says so no longer", async (t) => {
  const base = await dev(t);
  const page = await (await browser.newContext()).newPage();
  await page.goto(base);
  const charges = page.getByRole("table", { name: "Charges, newest first" });
  await page.route("**/faults", (route) => route.abort());
  const status = page.getByRole("status");
  await status.getByText("Failed to fetch").waitFor();
  await page.unroute("**/faults");
  await charge(base, "k1");
  await charges.getByRole("cell", { name: "k1", exact: true }).first().waitFor();
  await until("it says nothing", async () => (await status.textContent()) === "");
});

test("why something could not be done is there until something else is done", async (t) => {
  const base = await dev(t);
  const page = await (await browser.newContext()).newPage();
  await page.goto(base);
  await page.route("**/demo/top-up", (route) =>
    route.fulfill({ status: 400, json: { detail: "Too many points." } }),
  );
  await page.getByLabel("Points", { exact: true }).fill("30");
  await page.getByRole("button", { name: "Top up" }).click();
  const status = page.getByRole("status");
  await status.getByText("Too many points.").waitFor();
  // The panel looks at the server meanwhile, twice.
  const charges = page.getByRole("table", { name: "Charges, newest first" });
  for (const key of ["k1", "k2"]) {
    await charge(base, key);
    await charges.getByRole("cell", { name: key, exact: true }).first().waitFor();
  }
  assert.equal(await status.textContent(), "Too many points.");
});

test("the example of docs/testing.md charges from a page beside the server", async (t) => {
  const folder = mkdtempSync(path.join(tmpdir(), "tollbox-page-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  for (const part of ["dist", "wasm"]) {
    cpSync(path.join(TOLLBOX, "../..", part), path.join(folder, part), { recursive: true });
  }
  const base = await dev(t, ["--static", folder]);
  const docs = readFileSync(new URL("../../docs/testing.md", import.meta.url), "utf8");
  const [, code] = /^```js\n\/\/ main\.js\n(.*?)^```$/ms.exec(docs) ?? [];
  assert.ok(code?.includes("http://127.0.0.1:8787"));
  writeFileSync(path.join(folder, "main.js"), code.replace("http://127.0.0.1:8787", base));
  writeFileSync(
    path.join(folder, "index.html"),
    `<!doctype html>
    <script type="importmap">{ "imports": { "tollbox": "./dist/index.js" } }</script>
    <script type="module" src="main.js"></script>`,
  );
  const page = await (await browser.newContext()).newPage();
  const printed = page.waitForEvent("console", (message) => message.type() === "log");
  await page.goto(base);
  const outcome = await (await printed).args()[0]?.jsonValue();
  assert.deepEqual([outcome.status, outcome.balance], ["charged", 108]);
});
