import assert from "node:assert/strict";
import { test } from "node:test";
import { patient, Stage } from "./support/stage.mjs";
import { openIn } from "./support/tabs.mjs";
import { until } from "./support/until.mjs";

const stage = new Stage();

/** @typedef {import("playwright-core").Page} Page */

/** Two devices of one account, which share nothing but the server. A new account has 120 points. */
async function twoDevices() {
  const { page: desktop, account, options } = await stage.bare();
  const phone = await (await stage.context()).newPage();
  await stage.site.visit(phone);
  for (const page of [desktop, phone]) {
    await openIn(page, patient(options));
  }
  return { desktop, phone, account };
}

/**
 * Starts work for 100 points, which goes on until `end` is called.
 *
 * @param {Page} page
 */
async function work(page) {
  await page.evaluate(async () => {
    await new Promise((begun) => {
      const outcome = globalThis.client.runTask(
        { taskId: "film", amount: 100, feature: "asr" },
        async (task) => {
          begun(undefined);
          const paid = await new Promise((end) => Reflect.set(globalThis, "end", end));
          task.setAmount(paid);
        },
      );
      Reflect.set(globalThis, "outcome", outcome);
    });
  });
}

/** @param {Page} page */
async function read(page) {
  return page.evaluate(async () => {
    await globalThis.client.refreshBalance();
    const balance = globalThis.client.balance();
    return balance && [balance.confirmed, balance.held, balance.available];
  });
}

test("work on one device holds its points on another, until its charge settles them", async () => {
  const { desktop, phone, account } = await twoDevices();
  await work(desktop);
  assert.deepEqual(await read(desktop), [120, 100, 20]);
  assert.deepEqual(await read(phone), [120, 100, 20]);
  const paid = await desktop.evaluate(() => {
    Reflect.get(globalThis, "end")(60);
    return Reflect.get(globalThis, "outcome");
  });
  assert.equal(paid.billing.status, "charged");
  assert.deepEqual(await read(desktop), [60, 0, 60]);
  assert.deepEqual(await read(phone), [60, 0, 60]);
  assert.equal((await stage.server.ledger(account)).balance, 60);
});

test("work does not begin on points that another device has just held", async () => {
  const { desktop, phone } = await twoDevices();
  assert.deepEqual(await read(phone), [120, 0, 120]);
  await work(desktop);
  const { begun, outcome } = await phone.evaluate(async () => {
    let begun = false;
    const outcome = await globalThis.client.runTask(
      { taskId: "book", amount: 50, feature: "asr" },
      async () => {
        begun = true;
      },
    );
    return { begun, outcome };
  });
  assert.equal(begun, false);
  assert.ok(outcome.task === "not_started" && outcome.billing.status === "declined");
  assert.equal(outcome.billing.reason, "insufficient_balance");
});

test("work that fails frees its points on every device", async () => {
  const { desktop, phone } = await twoDevices();
  await work(desktop);
  // NaN is no number of points: the work fails.
  const outcome = await desktop.evaluate(() => {
    Reflect.get(globalThis, "end")(Number.NaN);
    return Reflect.get(globalThis, "outcome");
  });
  assert.equal(outcome.task, "failed");
  await until("all points are free on the phone", async () => (await read(phone))?.[2] === 120);
});

test("a charge of another device finds held points taken", async () => {
  const { desktop, phone } = await twoDevices();
  await work(desktop);
  const outcome = await phone.evaluate(() =>
    globalThis.client.charge({ taskId: "book", amount: 50, feature: "asr" }),
  );
  assert.ok(outcome.status === "declined" && outcome.reason === "insufficient_balance");
  assert.deepEqual(await read(phone), [120, 100, 20]);
});
