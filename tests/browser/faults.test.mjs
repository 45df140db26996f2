import assert from "node:assert/strict";
import { test } from "node:test";
import { patient, Stage } from "./support/stage.mjs";
import { chargedOnce, openIn, seesCharged, settledIn, tasks } from "./support/tabs.mjs";

const stage = new Stage();

/**
 * The outcomes that a charge may have under each fault of the server, according to docs/server.md.
 *
 * @type {{ name: string, fault: import("./support/server.mjs").Fault, may: string[],
 *   taken: boolean }[]}
 */
const FAULTS = [
  // Certainly no points have been taken.
  {
    name: "503 with Retry-After",
    fault: { kind: "status", status: 503, retry_after: "1" },
    may: ["queued"],
    taken: false,
  },
  { name: "429", fault: { kind: "status", status: 429 }, may: ["queued"], taken: false },
  { name: "401", fault: { kind: "status", status: 401 }, may: ["queued"], taken: false },
  // The points may have been taken.
  { name: "500", fault: { kind: "status", status: 500 }, may: ["unknown"], taken: false },
  { name: "502", fault: { kind: "status", status: 502 }, may: ["unknown"], taken: false },
  {
    name: "a proxy's page with 404",
    fault: { kind: "status", status: 404, body: "<html>" },
    may: ["unknown"],
    taken: false,
  },
  { name: "garbage", fault: { kind: "garbage" }, may: ["unknown"], taken: false },
  { name: "hang", fault: { kind: "hang" }, may: ["unknown"], taken: false },
  { name: "hang_after", fault: { kind: "hang_after" }, may: ["unknown"], taken: true },
  { name: "drop_before", fault: { kind: "drop_before" }, may: ["unknown"], taken: false },
  { name: "drop_after", fault: { kind: "drop_after" }, may: ["unknown"], taken: true },
  // Late, but an answer.
  { name: "latency", fault: { kind: "latency", ms: 200 }, may: ["charged"], taken: true },
];

for (const { name, fault, may, taken } of FAULTS) {
  test(`a charge during the fault ${name} has a true outcome, and settles once when the fault is over`, async () => {
    const { page, account, options } = await stage.bare();
    // Patient only where the charge is sure to be made.
    await openIn(page, may.includes("charged") ? patient(options) : options);
    await stage.server.breakFor(account, fault);

    const outcome = await page.evaluate(() =>
      globalThis.client.charge({ taskId: "film", amount: 4, feature: "cloud_trans" }),
    );
    const during = await stage.server.ledger(account);
    assert.ok(may.includes(outcome.status), `${outcome.status}: ${JSON.stringify(outcome)}`);
    assert.equal(during.charges.length, taken ? 1 : 0);
    const { record, balance } = await page.evaluate(async (key) => {
      const record = await globalThis.client.getCharge(key);
      return { record, balance: globalThis.client.balance() };
    }, outcome.key);
    if (outcome.status !== "charged") {
      assert.ok(record && ["pending", "retrying"].includes(record.status), record?.status);
      assert.equal(balance?.confirmed, 120, "only the server's word changes it");
      assert.equal(balance?.held, 4);
    }

    await stage.server.repair();
    const [settled] = await settledIn(page, [outcome.key]);
    assert.equal(settled?.status, "charged");
    const ledger = await stage.server.ledger(account);
    assert.equal(ledger.balance, 116);
    assert.deepEqual(
      ledger.charges.map(({ idempotency_key, amount }) => [idempotency_key, amount]),
      [["cloud_trans:film", 4]],
    );
    const after = await page.evaluate(() => globalThis.client.getSnapshot());
    assert.equal(after.balance?.confirmed, 116);
    assert.equal(after.balance?.held, 0);
    const { enqueued, charged, declined, failed, unknown, open } = after.stats;
    assert.equal(enqueued, 1);
    assert.deepEqual(
      { charged, declined, failed, unknown, open },
      {
        charged: 1,
        declined: 0,
        failed: 0,
        unknown: 0,
        open: 0,
      },
    );
  });
}

test("each of many charges through an unreliable server is made once, and the sum is right", async () => {
  const { page, account, options } = await stage.bare();
  await openIn(page, options);
  const troubles = [
    { kind: "drop_after" },
    { kind: "status", status: 500 },
    { kind: "drop_before" },
    { kind: "garbage" },
    { kind: "status", status: 503 },
  ];
  for (const [round, fault] of troubles.entries()) {
    await stage.server.breakFor(account, fault, { times: 3 });
    await page.evaluate(
      (taskIds) =>
        Promise.all(
          taskIds.map((taskId) => globalThis.client.charge({ taskId, amount: 2, feature: "asr" })),
        ),
      tasks(`${round}`, 4),
    );
  }
  await stage.server.repair();
  const taskIds = troubles.flatMap((_, round) => tasks(`${round}`, 4));
  await seesCharged(page, taskIds);
  chargedOnce(await stage.server.ledger(account), taskIds, { amount: 2 });
});
