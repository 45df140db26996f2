import assert from "node:assert/strict";
import { test } from "node:test";
import { patient, Stage } from "./support/stage.mjs";
import { knowsOffline } from "./support/tabs.mjs";

const stage = new Stage();
const REQUEST = { taskId: "film", amount: 4, feature: "cloud_trans" };

test("setLocale: details, alerts and log change language at once, earlier charges' details included", async () => {
  const { context, page, options } = await stage.bare("languages");
  await page.evaluate(async ({ token, ...options }) => {
    /** @type {string[]} */
    const lines = [];
    globalThis.kept.lines = lines;
    globalThis.client = await globalThis.tollbox.openBilling({
      ...options,
      getToken: () => token,
      log: ({ message }) => lines.push(message),
    });
    await globalThis.client.refreshBalance();
  }, patient(options));
  await context.setOffline(true);
  await knowsOffline(page);
  const seen = await page.evaluate(async (request) => {
    const { client } = globalThis;
    await client.charge({ ...request, taskId: "given-up" });
    await client.cancel("cloud_trans:given-up");
    /** @param {import("tollbox").ChargeOutcome | null | undefined} outcome */
    const detailOf = (outcome) => (outcome && "detail" in outcome ? outcome.detail : "");
    const told = async () => {
      const queued = await client.charge(request);
      const record = await client.getCharge("cloud_trans:given-up");
      const [listed] = await client.charges({ status: "failed" });
      const balance = await client.refreshBalance();
      const alerts = client.getSnapshot().alerts ?? [];
      return [
        detailOf(queued),
        detailOf(record?.outcome),
        detailOf(listed?.outcome),
        "detail" in balance ? balance.detail : "",
        ...alerts.map(({ detail }) => detail),
      ];
    };
    const english = await told();
    client.setLocale("zh-CN");
    const lines = /** @type {string[]} */ (globalThis.kept.lines);
    const before = lines.length;
    const chinese = await told();
    const logged = lines.slice(before);
    client.setLocale("en");
    const again = await told();
    return { english, chinese, again, logged };
  }, REQUEST);
  const isChinese = (/** @type {string} */ text) => /\p{Script=Han}/u.test(text);
  assert.ok(seen.english.length > 4, "an alert goes on, too");
  assert.ok(
    seen.english.every((text) => text !== "" && !isChinese(text)),
    `${seen.english}`,
  );
  assert.ok(seen.chinese.every(isChinese), `${seen.chinese}`);
  assert.ok(seen.logged.length > 0 && seen.logged.every(isChinese), `${seen.logged}`);
  assert.deepEqual(seen.again, seen.english);
});

test("setLocale: rejects an unknown language, and any language once the client is closed", async () => {
  const { page, options } = await stage.bare("mistakes");
  const codes = await page.evaluate(async (options) => {
    const client = await globalThis.openClient(options);
    const codes = [];
    for (const locale of /** @type {any[]} */ (["", "zh", "EN", "de", null, undefined, 7, {}])) {
      try {
        client.setLocale(locale);
        codes.push("taken");
      } catch (error) {
        codes.push(error instanceof globalThis.tollbox.BillingError ? error.code : String(error));
      }
    }
    await client.close();
    client.setLocale("zh-CN");
    return codes;
  }, options);
  assert.deepEqual(codes, Array(8).fill("invalid_argument"));
});
