import assert from "node:assert/strict";
import { test } from "node:test";
import { patient, Stage } from "./support/stage.mjs";

const stage = new Stage();

/**
 * Opens a client and calls back into it from this place of user code. Gives the outcomes of the
 * calls, and the deaths in the log.
 *
 * @param {"getToken" | "on" | "subscribe" | "log" | "transport" | "signal" | "request's signal"} place
 */
async function callBackFrom(place) {
  const { page, account, options } = await stage.bare();
  const seen = await page.evaluate(
    async ({ options: { token, ...options }, place }) => {
      /** @type {string[]} */
      const deaths = [];
      /** @type {Promise<any>[]} */
      const calls = [];
      /** @type {string[]} */
      const threw = [];
      addEventListener("error", ({ message }) => threw.push(message));
      let rounds = 0;
      /** @type {import("tollbox").BillingClient | null} */
      let client = null;
      /** Makes every call there is, for a limited number of rounds. */
      const back = () => {
        if (!client || rounds >= 3) return;
        rounds += 1;
        const controller = new AbortController();
        const request = { taskId: `from ${place} ${rounds}`, amount: 1, feature: "f" };
        calls.push(client.charge(request, { signal: controller.signal }));
        calls.push(client.refreshBalance(), client.flush(), client.charges());
        calls.push(client.getCharge("f:first").catch(() => {}));
        calls.push(
          client.runTask({ ...request, taskId: `task ${place} ${rounds}` }, async () => 7),
        );
        client.getSnapshot();
        client.balance();
        client.subscribe(() => {})();
        controller.abort();
      };
      /** @param {string} here */
      const at = (here) => here === place && back();
      client = await globalThis.tollbox.openBilling({
        ...options,
        // No balance is known yet if the first request hangs.
        queue: { offlineSpend: "unlimited" },
        log({ message }) {
          if (/has died/.test(message)) deaths.push(message);
          at("log");
        },
        getToken() {
          at("getToken");
          return token;
        },
        ...(place === "transport" || place === "request's signal"
          ? {
              transport: async ({ method, path, headers, body, signal }) => {
                at("transport");
                signal.addEventListener("abort", () => at("request's signal"));
                if (place === "request's signal" && rounds === 0) {
                  return new Promise(() => {});
                }
                const url = `${options.baseUrl}/${path}`;
                const answer = await fetch(url, { method, headers, body });
                const names = Object.fromEntries(answer.headers);
                return { status: answer.status, headers: names, body: await answer.text() };
              },
            }
          : {}),
      });
      for (const kind of /** @type {const} */ ([
        "charge",
        "balance",
        "network",
        "flush",
        "alert",
      ])) {
        client.on(kind, () => at("on"));
      }
      client.subscribe(() => at("subscribe"));
      const controller = new AbortController();
      controller.signal.addEventListener("abort", () => at("signal"));
      const first = client.charge(
        { taskId: "first", amount: 1, feature: "f" },
        { signal: controller.signal },
      );
      controller.signal.addEventListener("abort", () => at("signal"));
      if (place === "signal") controller.abort();
      await first;
      const charged = await client.settled("f:first");
      await Promise.all(calls);
      const ends = [];
      for (const { key } of await client.charges()) {
        ends.push((await client.settled(key)).status);
      }
      const { stats } = client.getSnapshot();
      return { deaths, threw, rounds, status: charged.status, ends, stats };
    },
    { options: patient(options, { requestTimeoutMs: 1_000 }), place },
  );
  const { charges } = await stage.server.ledger(account);
  return { ...seen, charges };
}

for (const place of /** @type {const} */ ([
  "getToken",
  "on",
  "subscribe",
  "log",
  "transport",
  "signal",
  "request's signal",
])) {
  test(`user code (${place}) that calls back into the client does no harm`, async () => {
    const { deaths, threw, rounds, status, ends, stats, charges } = await callBackFrom(place);
    assert.deepEqual(deaths, []);
    assert.deepEqual(threw, []);
    assert.ok(rounds > 0, "it was called");
    assert.equal(status, "charged");
    assert.deepEqual(
      ends.filter((end) => end !== "charged"),
      [],
    );
    assert.equal(charges.length, 1 + 2 * rounds);
    assert.ok(charges.every(({ amount }) => amount === 1));
    const { enqueued, charged, declined, failed, unknown, open } = stats;
    assert.equal(enqueued, charged + declined + failed + unknown + open);
  });
}

test("listeners of requests' signals may call back when the client closes", async () => {
  const { page, options } = await stage.bare();
  const seen = await page.evaluate(async ({ token: _, ...options }) => {
    /** @type {string[]} */
    const log = [];
    /** @type {Promise<string>[]} */
    const calls = [];
    let waiting = 0;
    /** @type {import("tollbox").BillingClient | null} */
    let client = null;
    client = await globalThis.tollbox.openBilling({
      ...options,
      log: ({ message }) => log.push(message),
      transport: ({ signal }) => {
        waiting += 1;
        signal.addEventListener("abort", () => {
          const request = { taskId: `late ${waiting}`, amount: 1, feature: "f" };
          const call = client?.charge(request);
          if (call) calls.push(call.then(({ status }) => status, String));
        });
        return new Promise(() => {});
      },
    });
    void client.refreshBalance().catch(() => {});
    while (waiting === 0) await new Promise((resolve) => setTimeout(resolve));
    await client.close();
    return { deaths: log.filter((line) => /has died/.test(line)), calls: await Promise.all(calls) };
  }, options);
  assert.deepEqual(seen.deaths, []);
  assert.ok(seen.calls.length > 0);
});

test("listeners of requests' signals may call back when the page is shown again", async () => {
  const { page, account, options } = await stage.bare();
  const { deaths, status, read } = await page.evaluate(
    async ({ token, ...options }) => {
      /** @type {string[]} */
      const log = [];
      /** @type {Promise<import("tollbox").BalanceResult>[]} */
      const read = [];
      let hangs = true;
      let waiting = 0;
      /** @type {import("tollbox").BillingClient | null} */
      let client = null;
      client = await globalThis.tollbox.openBilling({
        ...options,
        log: ({ message }) => log.push(message),
        getToken: () => token,
        transport: async ({ method, path, headers, body, signal }) => {
          if (hangs && path === "charges") {
            waiting += 1;
            signal.addEventListener("abort", () => {
              hangs = false;
              if (client) read.push(client.refreshBalance());
            });
            return new Promise(() => {});
          }
          const answer = await fetch(`${options.baseUrl}/${path}`, { method, headers, body });
          const names = Object.fromEntries(answer.headers);
          return { status: answer.status, headers: names, body: await answer.text() };
        },
      });
      await client.refreshBalance();
      const call = client.charge({ taskId: "film", amount: 1, feature: "f" });
      while (waiting === 0) await new Promise((resolve) => setTimeout(resolve));
      // The event of a page that is restored from the back/forward cache.
      dispatchEvent(new PageTransitionEvent("pagehide", { persisted: true }));
      dispatchEvent(new PageTransitionEvent("pageshow", { persisted: true }));
      await call;
      const { status } = await client.settled("f:film");
      const deaths = log.filter((line) => /has died/.test(line));
      return { deaths, status, read: (await Promise.all(read)).length };
    },
    patient(options, { requestTimeoutMs: 60_000 }),
  );
  assert.deepEqual(deaths, []);
  assert.equal(status, "charged");
  assert.equal(read, 1, "it was called");
  assert.equal((await stage.server.ledger(account)).charges.length, 1);
});

test("a listener that throws is reported, also where the page's own reportError throws", async () => {
  const { page, options } = await stage.bare();
  /** @type {string[]} */
  const uncaught = [];
  page.on("pageerror", (error) => uncaught.push(error.message));
  const status = await page.evaluate(async (options) => {
    globalThis.reportError = () => {
      throw new Error("the page's own");
    };
    const client = await globalThis.openClient(options);
    client.on("charge", () => {
      throw new Error("the listener's");
    });
    return (await client.charge({ taskId: "film", amount: 3, feature: "f" })).status;
  }, patient(options));
  assert.equal(status, "charged");
  assert.ok(uncaught.length > 0 && uncaught.every((it) => it === "the listener's"), `${uncaught}`);
});
