import assert from "node:assert/strict";
import { test } from "node:test";
import { DEADLINE_MS } from "./support/browser.mjs";
import { Stage } from "./support/stage.mjs";
import { openIn, settledIn } from "./support/tabs.mjs";

const stage = new Stage();

test("a retry that becomes due while a slow machine is busy is not lost", async () => {
  const { page, account, options } = await stage.bare();
  // Milliseconds pass between any two reads of the clock, as on a busy processor.
  await page.evaluate(() => {
    const now = performance.now.bind(performance);
    performance.now = () => {
      const until = now() + 5;
      while (now() < until);
      return now();
    };
  });
  const retry = { ...options.retry, maxAttempts: 1, baseDelayMs: 10, maxDelayMs: 40 };
  await openIn(page, { ...options, retry });
  await stage.server.breakFor(
    account,
    { kind: "status", status: 500 },
    { on: "charge", times: 12 },
  );

  const { key } = await page.evaluate(() =>
    globalThis.client.charge({ taskId: "film", amount: 4, feature: "asr" }),
  );
  // A lost retry would be found only by the check that runs twice a minute.
  const [outcome] = await settledIn(page, [key], DEADLINE_MS);
  assert.equal(outcome?.status, "charged");
  assert.equal(await stage.server.faultIsUsedUp(), true);
});
