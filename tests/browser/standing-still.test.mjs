import assert from "node:assert/strict";
import { test } from "node:test";
import { patient, Stage } from "./support/stage.mjs";
import { openIn } from "./support/tabs.mjs";

const stage = new Stage();

const REQUEST = { taskId: "film", amount: 3, feature: "cloud_trans" };

/** Longer than a page may stand still unnoticed. */
const STANDSTILL_MS = 2_000;

test("a frozen tab that resumes knows at once of charges that another tab made", async () => {
  const { context, page: still, account, options } = await stage.bare();
  const given = {
    ...patient(options, { maxAttempts: 1 }),
    queue: { storage: /** @type {const} */ ("localstorage") },
  };
  const other = await context.newPage();
  await stage.site.visit(other);
  await openIn(still, given);
  await openIn(other, given);
  const lost = await still.evaluate(() => {
    Reflect.set(globalThis, "fetch", async () => Promise.reject(new TypeError("lost")));
    return globalThis.client.charge({ taskId: "book", amount: 3, feature: "cloud_trans" });
  });
  assert.equal(lost.status, "unknown");
  const standing = still.evaluate(
    ({ request, ms, baseUrl, token }) => {
      const isCharged = () => {
        const asked = new XMLHttpRequest();
        asked.open("GET", `${baseUrl}/charges?key=${request.feature}:${request.taskId}`, false);
        asked.setRequestHeader("authorization", `Bearer ${token}`);
        asked.send();
        return asked.status === 200;
      };
      while (!isCharged());
      const goesOnAt = performance.now() + ms;
      while (performance.now() < goesOnAt);
      return globalThis.client.charge(request);
    },
    { request: REQUEST, ms: STANDSTILL_MS, baseUrl: stage.server.billing, token: options.token },
  );
  const charged = await other.evaluate((request) => globalThis.client.charge(request), REQUEST);
  assert.equal(charged.status, "charged");
  const said = await standing;
  assert.notEqual(said.status, "queued", JSON.stringify(said));
  const { charges } = await stage.server.ledger(account);
  assert.equal(charges.filter(({ task_id }) => task_id === "film").length, 1);
});

test("a request does not leave with a token that comes after its time limit", async () => {
  const { page, account, options } = await stage.bare();
  const { outcome, alerts, calls } = await page.evaluate(
    async ({ options, request, ms }) => {
      const { token, ...rest } = options;
      let calls = 0;
      const client = await globalThis.tollbox.openBilling({
        ...rest,
        retry: { requestTimeoutMs: ms / 2 },
        balance: { syncEveryMs: 0 },
        log: "silent",
        getToken() {
          calls += 1;
          if (calls === 2) {
            // The page stands still: all timers fire after the token.
            const goesOnAt = performance.now() + ms;
            while (performance.now() < goesOnAt);
          }
          return String(token);
        },
      });
      await client.refreshBalance();
      calls = 1;
      /** @type {string[]} */
      const alerts = [];
      client.on("alert", ({ kind }) => alerts.push(kind));
      await client.charge(request);
      const outcome = await client.settled("cloud_trans:film");
      return { outcome, alerts, calls };
    },
    { options, request: REQUEST, ms: 3 * STANDSTILL_MS },
  );
  assert.equal(calls, 2);
  assert.ok(outcome.status === "charged" && !outcome.replayed, JSON.stringify(outcome));
  assert.equal(outcome.attempts, 1);
  assert.deepEqual(alerts, []);
  assert.equal((await stage.server.ledger(account)).charges.length, 1);
});

test("a library's own signal aborts a wait, even if removing its listener throws", async () => {
  const { page, account, options } = await stage.bare();
  const { outcome, stopped } = await page.evaluate(
    async ({ options, request }) => {
      const client = await globalThis.openClient(options);
      /** @type {Set<() => void>} */
      const listeners = new Set();
      const signal = /** @type {any} */ ({
        aborted: false,
        reason: "enough",
        throwIfAborted() {},
        addEventListener: (/** @type {string} */ _, /** @type {() => void} */ listener) =>
          listeners.add(listener),
        removeEventListener() {
          throw new Error("a library's own");
        },
      });
      const outcome = await client.charge(request, { signal });
      const waiting = client.settled("cloud_trans:book", { signal });
      for (const listener of listeners) listener();
      const stopped = await waiting.catch((reason) => reason);
      return { outcome, stopped: String(stopped) };
    },
    { options: patient(options), request: REQUEST },
  );
  assert.equal(outcome.status, "charged");
  assert.ok(stopped === "enough" || /not_found|no charge/.test(stopped), stopped);
  assert.equal((await stage.server.ledger(account)).charges.length, 1);
});
