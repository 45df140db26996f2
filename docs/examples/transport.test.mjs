// The modules of docs/transport.md against APIs of their kind, over HTTP.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { openBilling } from "tollbox";
import { startCardApi } from "./card-api.mjs";
import { cardTransport } from "./card-transport.js";
import { startCreditsApi } from "./credits-api.mjs";
import { creditsTransport, release, reserve } from "./credits-transport.js";

const REQUEST = { taskId: "film 7", amount: 12, feature: "cloud_trans" };
const KEY = "cloud_trans:film 7";

async function open(t, transport, options) {
  const billing = await openBilling({
    baseUrl: "https://adapter.test/",
    account: "alice",
    getToken: () => "secret",
    transport,
    queue: { storage: "memory" },
    retry: { baseDelayMs: 1, maxDelayMs: 5, requestTimeoutMs: 2_000 },
    log: "silent",
    ...options,
  });
  t.after(() => billing.close());
  return billing;
}

async function withCards(t) {
  const api = await startCardApi();
  t.after(api.close);
  return { api, billing: await open(t, cardTransport(api.address, "cus_1")) };
}

async function withCredits(t, credits) {
  const api = await startCreditsApi(credits);
  t.after(api.close);
  return { api, billing: await open(t, creditsTransport(api.address)) };
}

test("the page shows the modules as they are", async () => {
  const page = await readFile(new URL("../transport.md", import.meta.url), "utf8");
  for (const name of ["card-transport.js", "credits-transport.js"]) {
    const module = await readFile(new URL(name, import.meta.url), "utf8");
    assert.ok(page.includes(`\`\`\`js\n${module}\`\`\``), name);
  }
});

test("a card is charged in cents, and the receipt is in points", async (t) => {
  const { api, billing } = await withCards(t);
  const outcome = await billing.charge(REQUEST);
  assert.equal(outcome.status, "charged", JSON.stringify(outcome));
  assert.equal(outcome.chargeId, "ch_1");
  assert.deepEqual(
    api.charges.map(({ amount, transfer_group }) => ({ amount, transfer_group })),
    [{ amount: 60, transfer_group: KEY }],
  );
});

test("a card whose charge's answer is lost is charged once", async (t) => {
  const { api, billing } = await withCards(t);
  api.faults.push("lost");
  await billing.charge(REQUEST);
  assert.equal((await billing.settled(KEY)).status, "charged");
  assert.equal(api.charges.length, 1);
});

test("a declined card is declined, and a key of its own charges another one", async (t) => {
  const { api, billing } = await withCards(t);
  api.faults.push("declined");
  const declined = await billing.charge(REQUEST);
  assert.equal(declined.status, "declined");
  assert.equal(declined.reason, "rejected");
  assert.equal(declined.detail, "Your card was declined.");
  // The API has saved that answer for this key.
  assert.equal((await billing.charge(REQUEST)).status, "declined");
  const again = await billing.charge({ ...REQUEST, key: `${KEY}:2` });
  assert.equal(again.status, "charged");
});

test("a key that is in use is asked for again, and one of another charge is a conflict", async (t) => {
  const { api, billing } = await withCards(t);
  api.faults.push("in use");
  await billing.charge(REQUEST);
  assert.equal((await billing.settled(KEY)).status, "charged");

  const other = await open(t, cardTransport(api.address, "cus_1"), { account: "bob" });
  const conflict = await other.charge({ ...REQUEST, amount: 13 });
  assert.equal(conflict.status, "failed");
  assert.equal(conflict.reason, "conflict");
});

test("a saved failure ends by a look-up", async (t) => {
  const { api } = await withCards(t);
  const billing = await open(t, cardTransport(api.address, "cus_1"), {
    account: "bob",
    retry: { baseDelayMs: 1, maxDelayMs: 5, requestTimeoutMs: 100, maxTotalAttempts: 3 },
  });
  api.faults.push("failing");
  const outcome = await billing.charge(REQUEST);
  const end = outcome.status === "unknown" ? await billing.settled(KEY) : outcome;
  assert.equal(end.status, "charged", JSON.stringify(end));
  assert.ok(api.requests.includes("GET /charges"));
  assert.equal(api.charges.length, 1);
});

test("a token that the API does not take leaves the charge queued", async (t) => {
  const { api } = await withCards(t);
  const billing = await open(t, cardTransport(api.address, "cus_1"), { getToken: () => "old" });
  const outcome = await billing.charge(REQUEST);
  assert.equal(outcome.status, "queued");
  assert.equal(outcome.reason, "unauthorized");
  assert.equal(api.charges.length, 0);
});

test("work reserves the most, and settles what it has cost", async (t) => {
  const { api, billing } = await withCredits(t, 100);
  await billing.refreshBalance();
  const outcome = await billing.runTask({ ...REQUEST, amount: 40 }, async (task) => {
    await reserve(api.address, "secret", KEY, 40);
    assert.equal(api.account.credits, 60);
    task.setAmount(25);
    return "translated";
  });
  assert.equal(outcome.task, "completed");
  assert.equal(outcome.billing.status, "charged", JSON.stringify(outcome.billing));
  assert.equal(outcome.billing.balance, 75);
  assert.equal(api.account.credits, 75);
});

test("work that fails releases what it reserved", async (t) => {
  const { api, billing } = await withCredits(t, 100);
  await billing.refreshBalance();
  const outcome = await billing.runTask(REQUEST, async () => {
    await reserve(api.address, "secret", KEY, 12);
    try {
      throw new Error("no such language");
    } catch (error) {
      await release(api.address, "secret", KEY);
      throw error;
    }
  });
  assert.equal(outcome.task, "failed");
  assert.equal(api.account.credits, 100);
});

test("a charge without a reservation makes one, and costs once though every answer is lost", async (t) => {
  const { api, billing } = await withCredits(t, 100);
  // Settle finds none; the reservation's answer is lost, and then the settlement's.
  api.faults.push("", "lost", "lost");
  await billing.charge(REQUEST);
  const end = await billing.settled(KEY);
  assert.equal(end.status, "charged", JSON.stringify(end));
  assert.equal(end.balance, 88);
  assert.equal(api.reservations.size, 1);
});

test("too few credits are declined with the balance", async (t) => {
  const { billing } = await withCredits(t, 10);
  const outcome = await billing.charge(REQUEST);
  assert.equal(outcome.status, "declined");
  assert.equal(outcome.reason, "insufficient_balance");
  assert.equal(outcome.balance, 10);
});
