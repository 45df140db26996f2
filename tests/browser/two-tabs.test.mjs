import assert from "node:assert/strict";
import { test } from "node:test";
import { freshAccount } from "./support/accounts.mjs";
import { DemoPage } from "./support/demo.mjs";
import { PATIENT, Stage } from "./support/stage.mjs";
import { knowsOffline } from "./support/tabs.mjs";

const stage = new Stage();
const CHARGES_A_TAB = 20;

test("two tabs with open charges come back online together: each is charged once", async () => {
  const { context, page, account, ...rest } = await stage.bare();
  const options = { ...rest.options, retry: { ...rest.options.retry, ...PATIENT } };
  const other = await context.newPage();
  await stage.site.visit(other);
  const tabs = [page, other];
  for (const tab of tabs) {
    await tab.evaluate(async (options) => {
      globalThis.client = await globalThis.openClient(options);
      await globalThis.client.refreshBalance();
    }, options);
  }

  await context.setOffline(true);
  await Promise.all(tabs.map(knowsOffline));
  const statuses = await Promise.all(
    tabs.map((tab, index) =>
      tab.evaluate(
        async ({ index, count }) => {
          const charges = Array.from({ length: count }, (_, task) =>
            globalThis.client.charge({ taskId: `${index}-${task}`, amount: 1, feature: "asr" }),
          );
          return (await Promise.all(charges)).map((outcome) => outcome.status);
        },
        { index, count: CHARGES_A_TAB },
      ),
    ),
  );
  assert.deepEqual(new Set(statuses.flat()), new Set(["queued"]));
  assert.deepEqual((await stage.server.ledger(account)).charges, []);

  await context.setOffline(false);
  const total = 2 * CHARGES_A_TAB;
  for (const tab of tabs) {
    const settled = await tab.evaluate(async () => {
      const records = await globalThis.client.charges({ limit: 1_000 });
      return Promise.all(
        records.map(async ({ key }) => (await globalThis.client.settled(key)).status),
      );
    });
    assert.equal(settled.length, total, "each tab sees the charges of both");
    assert.deepEqual(new Set(settled), new Set(["charged"]));
  }
  const ledger = await stage.server.ledger(account);
  assert.equal(ledger.balance, 120 - total);
  assert.equal(new Set(ledger.charges.map((charge) => charge.idempotency_key)).size, total);
});

test("two tabs of the demo show each other's payments, and agree with the ledger", async () => {
  const account = freshAccount();
  const first = await stage.demo();
  const second = new DemoPage(await first.page.context().newPage(), first.url);
  const tabs = [first, second];
  for (const tab of tabs) {
    await tab.signIn(account);
    await tab.says("balance-confirmed", "120");
    await tab.at("go-offline").click();
    await tab.network("offline");
  }
  await (await first.submit("Good morning")).paid("queued");
  await (await second.submit("Good night")).paid("queued");
  await first.row("Good night").paid("queued");

  await Promise.all(tabs.map((tab) => tab.at("come-online").click()));
  for (const tab of tabs) {
    await tab.row("Good morning").paid("charged");
    await tab.row("Good night").paid("charged");
    await tab.says("balance-confirmed", "118");
    await tab.agreement("agree");
  }
  const ledger = await stage.server.ledger(account);
  assert.equal(ledger.balance, 118);
  assert.equal(ledger.charges.length, 2);
});
