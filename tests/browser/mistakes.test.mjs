import assert from "node:assert/strict";
import { test } from "node:test";
import { patient, Stage } from "./support/stage.mjs";

const stage = new Stage();

test("a caller's mistake rejects with invalid_argument, and nothing is sent or stored", async () => {
  const { page, account, options } = await stage.bare();
  /** @type {string[]} */
  const sent = [];
  page.on("request", (request) => {
    if (request.method() === "POST") sent.push(request.url());
  });
  const { answers, charges, stats } = await page.evaluate(async (options) => {
    const client = await globalThis.openClient(options);
    const good = { taskId: "film", amount: 3, feature: "cloud_trans" };
    // All others are in tests/facade.
    /** @type {Record<string, unknown>} */
    const mistakes = {
      "no request": undefined,
      "amount fractional": { ...good, amount: 1.5 },
      "feature missing": { taskId: "film", amount: 3 },
      "key a number": { ...good, key: 7 },
      "metadata not strings": { ...good, metadata: { pages: 7 } },
      "taskId not well formed": { ...good, taskId: "film\ud800" },
    };
    const { BillingError } = globalThis.tollbox;
    /** @type {Record<string, string>} */
    const answers = {};
    for (const [name, mistake] of Object.entries(mistakes)) {
      const request = /** @type {import("tollbox").ChargeRequest} */ (mistake);
      const calls = {
        charge: () => client.charge(request),
        runTask: () => client.runTask(request, async () => "done"),
      };
      for (const [call, make] of Object.entries(calls)) {
        try {
          const outcome = await make();
          answers[`${call}: ${name}`] = `answered ${JSON.stringify(outcome)}`;
        } catch (error) {
          const ours = error instanceof BillingError;
          answers[`${call}: ${name}`] = ours ? error.code : `not ours: ${error}`;
        }
      }
    }
    return { answers, charges: await client.charges(), stats: client.getSnapshot().stats };
  }, options);

  const wrong = Object.entries(answers).filter(([, answer]) => answer !== "invalid_argument");
  assert.deepEqual(wrong, []);
  assert.deepEqual(charges, []);
  assert.equal(stats.enqueued, 0);
  assert.deepEqual(sent, []);
  const ledger = await stage.server.ledger(account);
  assert.equal(ledger.balance, 120);
  assert.deepEqual(ledger.charges, []);
});

test("a client can't be opened without an account or an address", async () => {
  const { page, options } = await stage.bare();
  const answers = await page.evaluate(async ({ baseUrl, account }) => {
    const attempts = [{ baseUrl }, { account }];
    const codes = [];
    for (const attempt of attempts) {
      const wrong = /** @type {any} */ (attempt);
      codes.push(
        await globalThis.tollbox.openBilling(wrong).then(
          () => "opened",
          (error) =>
            error instanceof globalThis.tollbox.BillingError ? error.code : String(error),
        ),
      );
    }
    return codes;
  }, options);
  assert.deepEqual(answers, ["invalid_argument", "invalid_argument"]);
});

test("calls for an unknown key reject with not_found", async () => {
  const { page, options } = await stage.bare();
  const answers = await page.evaluate(async (options) => {
    const client = await globalThis.openClient(options);
    const calls = [client.retry("none"), client.cancel("none"), client.settled("none")];
    const answers = await Promise.allSettled(calls);
    return {
      codes: answers.map((answer) => answer.status === "rejected" && answer.reason.code),
      record: await client.getCharge("none"),
    };
  }, options);
  assert.deepEqual(answers, { codes: ["not_found", "not_found", "not_found"], record: null });
});

test("a wrong listener, filter or signal fails with invalid_argument", async () => {
  const { page, options } = await stage.bare();
  const answers = await page.evaluate(async (options) => {
    const client = /** @type {any} */ (await globalThis.openClient(options));
    const good = { taskId: "film", amount: 3, feature: "cloud_trans" };
    const nothing = () => {};
    /** @type {Record<string, () => unknown>} */
    const mistakes = {
      "no such event": () => client.on("nonsense", nothing),
      "no subscriber": () => client.subscribe(null),
      "no such status": () => client.charges({ status: "charged" }),
      "a controller for a signal": () => client.charge(good, { signal: new AbortController() }),
    };
    /** @type {Record<string, string>} */
    const answers = {};
    for (const [name, make] of Object.entries(mistakes)) {
      try {
        answers[name] = `answered ${await make()}`;
      } catch (error) {
        const ours = error instanceof globalThis.tollbox.BillingError;
        answers[name] = ours ? error.code : `not ours: ${error}`;
      }
    }
    const listed = await client.charges({ status: ["success"], limit: 3 });
    return { answers, charges: [...listed, ...(await client.charges(undefined))] };
  }, options);
  const wrong = Object.entries(answers.answers).filter(([, code]) => code !== "invalid_argument");
  assert.deepEqual(wrong, []);
  assert.deepEqual(answers.charges, []);
});

test("a charge request may have other members, and be a proxy", async () => {
  const { page, account, options } = await stage.bare();
  const { statuses, metadata } = await page.evaluate(async (options) => {
    const client = await globalThis.openClient(options);
    const proxied = (/** @type {string} */ taskId) =>
      new Proxy(
        {
          taskId,
          amount: 3,
          feature: "cloud_trans",
          metadata: new Proxy({ title: "片名" }, {}),
          onPaid: () => {},
        },
        {},
      );
    const outcome = await client.charge(proxied("film"));
    const task = await client.runTask(proxied("song"), async () => "done");
    const record = await client.getCharge(outcome.key);
    return { statuses: [outcome.status, task.billing?.status], metadata: record?.metadata };
  }, patient(options));
  assert.deepEqual(statuses, ["charged", "charged"]);
  assert.deepEqual(metadata, { title: "片名" });
  assert.equal((await stage.server.ledger(account)).charges.length, 2);
});

test("a time limit longer than any timer does not expire at once", async () => {
  const { page, account, options } = await stage.bare();
  await stage.server.breakFor(account, { kind: "latency", ms: 200 }, { on: "charge" });
  const outcome = await page.evaluate(async (options) => {
    const retry = { respondWithinMs: 2 ** 31 };
    const client = await globalThis.openClient({ ...options, retry });
    await client.refreshBalance();
    return client.charge({ taskId: "film", amount: 3, feature: "cloud_trans" });
  }, options);
  assert.equal(outcome.status, "charged", JSON.stringify(outcome));
});

test("a charge with an ill-formed key is not taken for one whose key has the replacement character", async () => {
  const { page, account, options } = await stage.bare();
  const { outcome, code, record } = await page.evaluate(async (options) => {
    const client = await globalThis.openClient(options);
    const request = { taskId: "film 🎬 \ufffd", amount: 3, feature: "cloud_trans" };
    const outcome = await client.charge(request);
    const code = await client.getCharge("cloud_trans:film 🎬 \ud800").catch((it) => it.code);
    return { outcome, code, record: await client.getCharge(outcome.key) };
  }, patient(options));
  assert.equal(outcome.status, "charged", JSON.stringify(outcome));
  assert.equal(code, "invalid_argument");
  assert.equal(record?.taskId, "film 🎬 \ufffd");
  assert.equal((await stage.server.ledger(account)).charges.length, 1);
});

test("an argument of a wrong type fails with invalid_argument, and does not kill the module", async () => {
  const { page, account, options } = await stage.bare();
  /** @type {string[]} */
  const logged = [];
  page.on("console", (message) => logged.push(message.text()));
  const { answers, outcome } = await page.evaluate(async (options) => {
    const client = /** @type {any} */ (await globalThis.openClient(options));
    const open = (/** @type {object} */ more) => {
      const wrong = /** @type {typeof options} */ ({ ...options, ...more });
      return globalThis.openClient(wrong);
    };
    const throwing = {
      get maxAgeMs() {
        throw new Error("the caller's own");
      },
    };
    /** @type {Record<string, () => Promise<unknown>>} */
    const mistakes = {
      "maxAgeMs a getter that throws": () => client.refreshBalance(throwing),
      "a proxy around a signal": () =>
        client.settled("none", { signal: new Proxy(new AbortController().signal, {}) }),
      "maxAgeMs a BigInt": () => client.refreshBalance({ maxAgeMs: 5n }),
      "no such storage": () => open({ queue: { storage: "disk" } }),
      "an option a symbol": () => open({ retry: { maxAttempts: Symbol("3") } }),
      "a limit of NaN": () => open({ retry: { respondWithinMs: Number.NaN } }),
      "a baseUrl of ftp": () => open({ baseUrl: "ftp://127.0.0.1/billing/v1" }),
      "a group no object": () => open({ retry: [5] }),
      "a key a number": () => client.retry(7),
    };
    /** @type {Record<string, string>} */
    const answers = {};
    for (const [name, make] of Object.entries(mistakes)) {
      try {
        answers[name] = `answered ${await make()}`;
      } catch (error) {
        const ours = error instanceof globalThis.tollbox.BillingError;
        answers[name] = ours ? error.code : `not ours: ${String(error)}`;
      }
    }
    const outcome = await client.charge({ taskId: "film", amount: 3, feature: "cloud_trans" });
    return { answers, outcome };
  }, options);
  const wrong = Object.entries(answers).filter(([, code]) => code !== "invalid_argument");
  assert.deepEqual(wrong, []);
  const deaths = logged.filter((line) => /has died/.test(line));
  assert.deepEqual(deaths, []);
  assert.equal(outcome.key, "cloud_trans:film");
  const { charges } = await stage.server.ledger(account);
  assert.ok(charges.length <= 1, JSON.stringify(charges));
});
