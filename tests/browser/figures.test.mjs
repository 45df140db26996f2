import assert from "node:assert/strict";
import { test } from "node:test";
import { freshAccount } from "./support/accounts.mjs";
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
  const points = () => demo.at("plot-success-rate").locator("polyline").getAttribute("points");
  assert.equal((await points())?.split(" ").length, 2);
  await demo.at("plot-latency").waitFor();
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
