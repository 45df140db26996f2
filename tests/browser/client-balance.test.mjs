import assert from "node:assert/strict";
import { test } from "node:test";
import { Stage } from "./support/stage.mjs";
import { until } from "./support/until.mjs";

const stage = new Stage();

test("refreshBalance: fresh from the server, top-ups included", async () => {
  const { page, account, options } = await stage.bare();
  const first = await page.evaluate(async (options) => {
    globalThis.client = await globalThis.openClient(options);
    return globalThis.client.refreshBalance();
  }, options);
  assert.ok(first.status === "fresh");
  assert.deepEqual(
    [first.balance.confirmed, first.balance.held, first.balance.available, first.balance.stale],
    [120, 0, 120, false],
  );
  await stage.server.topUp(account, 30);
  const second = await page.evaluate(() => globalThis.client.refreshBalance());
  assert.ok(second.status === "fresh");
  assert.equal(second.balance.confirmed, 150);
  assert.ok(second.balance.version > first.balance.version);
  assert.ok(second.balance.asOf >= first.balance.asOf);
});

test("refreshBalance: a young enough balance is answered without a request", async () => {
  const { page, account, options } = await stage.bare();
  await page.evaluate(async (options) => {
    const quiet = { ...options, balance: { syncEveryMs: 0 } };
    globalThis.client = await globalThis.openClient(quiet);
    await globalThis.client.refreshBalance();
  }, options);
  await stage.server.topUp(account, 30);
  const young = await page.evaluate(() =>
    globalThis.client.refreshBalance({ maxAgeMs: 3_600_000 }),
  );
  assert.ok(young.status === "fresh" && young.balance.confirmed === 120);
  const asked = await page.evaluate(() => globalThis.client.refreshBalance({ maxAgeMs: 0 }));
  assert.ok(asked.status === "fresh" && asked.balance.confirmed === 150);
});

test("refreshBalance: `unavailable` gives the reason and the last known balance, and invents nothing", async () => {
  const { page, account, options } = await stage.bare();
  /** @type {[import("./support/server.mjs").Fault, string[]][]} */
  const troubles = [
    [{ kind: "drop_before" }, ["unreachable"]],
    [{ kind: "hang" }, ["timeout", "unreachable"]],
    [{ kind: "status", status: 500 }, ["server_error"]],
    [{ kind: "status", status: 503 }, ["busy"]],
    [{ kind: "status", status: 401 }, ["unauthorized"]],
    [{ kind: "garbage" }, ["server_error"]],
  ];
  await stage.server.breakFor(account, { kind: "drop_before" });
  const never = await page.evaluate(async (options) => {
    const retry = { ...options.retry, requestTimeoutMs: 300 };
    globalThis.client = await globalThis.openClient({ ...options, retry });
    const answer = await globalThis.client.refreshBalance();
    return { answer, balance: globalThis.client.balance() };
  }, options);
  assert.ok(never.answer.status === "unavailable");
  assert.equal(never.answer.cached, null);
  assert.equal(never.balance, null);

  await stage.server.repair();
  await until("a balance", async () => {
    const { status } = await page.evaluate(() => globalThis.client.refreshBalance());
    return status === "fresh";
  });
  for (const [fault, reasons] of troubles) {
    await stage.server.breakFor(account, fault);
    // The client may first wait for the `Retry-After` of an earlier 503.
    await until(`${JSON.stringify(fault)} is named`, async () => {
      const answer = await page.evaluate(() => globalThis.client.refreshBalance());
      assert.ok(answer.status === "unavailable", JSON.stringify(answer));
      assert.equal(answer.cached?.confirmed, 120);
      return reasons.includes(answer.reason);
    });
  }
});

test("the cached balance is shown at once in the next page, with its age", async () => {
  const { context, page, account, options } = await stage.bare();
  await page.evaluate(async (options) => {
    const client = await globalThis.openClient(options);
    await client.refreshBalance();
    await client.close();
  }, options);
  await stage.server.breakFor(account, { kind: "drop_before" });
  const next = await context.newPage();
  await stage.site.visit(next);
  const balance = await next.evaluate(async (options) => {
    const client = await globalThis.openClient({ ...options, balance: { staleAfterMs: 1 } });
    return client.balance();
  }, options);
  assert.equal(balance?.confirmed, 120);
  assert.equal(balance?.stale, true);
});

test("a transport of the caller's own carries every request", async () => {
  const { page, options } = await stage.bare();
  const { outcome, requests, balance } = await page.evaluate(async ({ account }) => {
    /** @type {{ method: string, path: string, key: string | undefined, body: string | null }[]} */
    const requests = [];
    const client = await globalThis.tollbox.openBilling({
      baseUrl: "/nowhere",
      account,
      getToken: () => "mine",
      transport: async ({ method, path, headers, body }) => {
        const names = Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]);
        const { "idempotency-key": key, authorization } = Object.fromEntries(names);
        if (authorization !== "Bearer mine") throw new Error(`authorization: ${authorization}`);
        requests.push({ method, path, key, body });
        const charged = {
          charge_id: "c1",
          idempotency_key: "cloud_trans:film",
          amount: 4,
          charged_at: "2026-01-01T00:00:00Z",
        };
        const answer = { balance: 6, version: 2, ...(path === "charges" ? charged : {}) };
        return {
          status: path === "charges" ? 201 : 200,
          headers: { "content-type": "application/json" },
          body: JSON.stringify(answer),
        };
      },
    });
    const outcome = await client.charge({ taskId: "film", amount: 4, feature: "cloud_trans" });
    return { outcome, requests, balance: client.balance() };
  }, options);
  assert.ok(outcome.status === "charged" && outcome.chargeId === "c1", JSON.stringify(outcome));
  assert.equal(balance?.confirmed, 6);
  const charge = requests.find((request) => request.path === "charges");
  assert.equal(charge?.method, "POST");
  assert.equal(charge?.key, '"cloud_trans:film"');
  const body = JSON.parse(charge?.body ?? "null");
  assert.deepEqual([body.task_id, body.feature, body.amount], ["film", "cloud_trans", 4]);
});

test("a transport's header names are case-insensitive: a refused token is understood", async () => {
  const { page, account } = await stage.bare();
  const outcomes = await page.evaluate(async (account) => {
    const { openBilling } = globalThis.tollbox;
    const body = JSON.stringify({
      type: "https://docs.example.com/problems/insufficient-balance",
      title: "Insufficient balance",
      balance: 3,
      version: 7,
    });
    const outcomes = [];
    for (const name of ["content-type", "Content-Type", "CONTENT-TYPE"]) {
      const client = await openBilling({
        baseUrl: "/nowhere",
        account: `${account} ${name}`,
        transport: async ({ path }) =>
          path === "charges"
            ? { status: 402, headers: { [name]: "application/problem+json" }, body }
            : { status: 200, headers: {}, body: JSON.stringify({ balance: 3, version: 7 }) },
      });
      outcomes.push(await client.charge({ taskId: "film", amount: 4, feature: "cloud_trans" }));
      await client.close();
    }
    return outcomes;
  }, account);
  for (const outcome of outcomes) {
    assert.ok(outcome.status === "declined", JSON.stringify(outcome));
    assert.equal(outcome.reason, "insufficient_balance");
  }
});
