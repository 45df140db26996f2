import assert from "node:assert/strict";
import { test } from "node:test";
import { freshAccount } from "./support/accounts.mjs";
import { patient, Stage } from "./support/stage.mjs";

const stage = new Stage();

test("index.js loads as a plain ES module from a static file server, and charges across origins", async () => {
  const { page, account, options } = await stage.bare();
  const { outcome, storage } = await page.evaluate(async (options) => {
    const client = await globalThis.openClient(options);
    const outcome = await client.charge({ taskId: "film", amount: 3, feature: "cloud_trans" });
    const { storage } = client.getSnapshot();
    await client.close();
    return { outcome, storage };
  }, patient(options));
  assert.equal(outcome.status, "charged");
  assert.equal(outcome.key, "cloud_trans:film");
  assert.equal(storage, "indexeddb");
  const ledger = await stage.server.ledger(account);
  assert.equal(ledger.balance, 117);
  assert.deepEqual(
    ledger.charges.map((charge) => charge.idempotency_key),
    ["cloud_trans:film"],
  );
  assert.ok(outcome.status === "charged" && outcome.balance === 117);
});

test("a module that can't be loaded rejects with module_load_failed, and the next call tries again", async () => {
  const context = await stage.context();
  const page = await context.newPage();
  await page.route("**/*.wasm", (route) => route.abort());
  await stage.site.visit(page);
  const account = freshAccount();
  const options = await stage.options(account);

  const refusal = await page.evaluate(async (options) => {
    try {
      await globalThis.openClient(options);
      return null;
    } catch (error) {
      const ours = error instanceof globalThis.tollbox.BillingError;
      return { ours, code: ours ? error.code : String(error) };
    }
  }, options);
  assert.deepEqual(refusal, { ours: true, code: "module_load_failed" });

  await page.unroute("**/*.wasm");
  const outcome = await page.evaluate(async (options) => {
    const client = await globalThis.openClient(options);
    return client.charge({ taskId: "film", amount: 3, feature: "cloud_trans" });
  }, patient(options));
  assert.equal(outcome.status, "charged");
  assert.equal((await stage.server.ledger(account)).charges.length, 1);
});

test("the demo reports that its billing module is missing, and opens when asked again", async () => {
  const demo = await stage.demo();
  await demo.page.route("**/*.wasm", (route) => route.abort());
  await demo.page.goto(demo.url);
  await demo.at("account-input").fill(freshAccount());
  await demo.at("sign-in").click();
  await demo.at("open-failed").waitFor();
  await demo.page.unroute("**/*.wasm");
  await demo.at("open-again").click();
  await demo.at("desk").waitFor();
  await (await demo.submit("Hello")).paid("charged");
});
