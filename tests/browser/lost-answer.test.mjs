import assert from "node:assert/strict";
import { test } from "node:test";
import { freshAccount } from "./support/accounts.mjs";
import { Stage } from "./support/stage.mjs";
import { until } from "./support/until.mjs";

const stage = new Stage();

test("a charge whose answer is lost is unknown until the server has been asked, and charged once", async () => {
  const account = freshAccount();
  const demo = await stage.demo();
  await demo.signIn(account);
  await demo.says("balance-confirmed", "120");

  // Every answer to a charge gets lost until the repair: a browser repeats a POST by itself on a
  // reused connection, so a single loss may never show.
  await stage.server.breakFor(account, { kind: "drop_after" }, { on: "any" });
  const line = await demo.submit("Thank you");
  await line.translated("done");
  await line.paid("unknown");
  const meanwhile = await stage.server.ledger(account);
  assert.equal(meanwhile.charges.length, 1, "the server has charged what the page can't know");
  await demo.says("balance-confirmed", "120");
  await demo.says("balance-held", "1");
  await demo.agreement("behind");

  await stage.server.repair();
  await line.paid("charged");
  await demo.says("balance-confirmed", "119");
  await demo.says("balance-held", "0");
  const ledger = await stage.server.ledger(account);
  assert.equal(ledger.balance, 119);
  assert.equal(ledger.charges.length, 1);
  assert.equal(ledger.charges[0]?.idempotency_key, await line.key());
  await demo.agreement("agree");
});

test("the demo's fault switch does not end a fault that it has not set", async () => {
  const account = freshAccount();
  const demo = await stage.demo();
  // These two have the same effect on the page's charges as the demo's own rule, but are others.
  const fault = { kind: "drop_after" };
  await stage.server.breakBy(account, [
    { on: "batch", fault, times: 10_000 },
    { on: "charge", fault, times: 10_000 },
  ]);
  const read = demo.page.waitForResponse((response) => response.url().endsWith("/faults"));
  await demo.signIn(account);
  await read;

  const line = await demo.submit("Thank you");
  await line.paid("unknown");
  const before = await stage.server.faultsLeft();
  await until("more requests meet the fault", async () => {
    const left = await stage.server.faultsLeft();
    return left > 0 && left <= before - 4;
  });
  await line.paid("unknown");
});

for (const [locale, words] of /** @type {const} */ ([
  ["en-GB", "the next answer is lost on its way"],
  ["zh-CN", "下一个应答在路上丢失"],
])) {
  test(`a charge whose answer the demo's switch loses is looked up by itself, told in ${locale}`, async () => {
    const account = freshAccount();
    const demo = await stage.demo(locale);
    await demo.signIn(account);
    await demo.weather("lose_answers");
    await demo.at("weather-effect").filter({ hasText: words }).waitFor();
    const line = await demo.submit("Thank you");
    await demo.hasWeather("none");
    await line.paid("charged");
    const ledger = await stage.server.ledger(account);
    assert.equal(ledger.balance, 119);
    assert.equal(ledger.charges.length, 1);
    assert.ok((ledger.charges[0]?.requests ?? 0) > 1, "it was sent again under the same key");
    await demo.agreement("agree");
  });
}

test("a charge made while the demo's switch cuts off the server stays open, and is paid once afterwards", async () => {
  const account = freshAccount();
  const demo = await stage.demo();
  await demo.signIn(account);
  await demo.says("balance-confirmed", "120");
  await demo.weather("cut");
  const line = await demo.submit("Good night");
  await line.translated("done");
  await line.paid("unknown");
  await demo.network("unreachable");
  assert.deepEqual((await stage.server.ledger(account)).charges, []);

  await demo.weather("none");
  await line.paid("charged");
  await demo.network("online");
  const ledger = await stage.server.ledger(account);
  assert.equal(ledger.balance, 119);
  assert.equal(ledger.charges.length, 1);
});
