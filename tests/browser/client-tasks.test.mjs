import assert from "node:assert/strict";
import { test } from "node:test";
import { patient, Stage } from "./support/stage.mjs";
import { knowsOffline } from "./support/tabs.mjs";

const stage = new Stage();
const REQUEST = { taskId: "film", amount: 4, feature: "cloud_trans" };

test("runTask: the points are held while the work is done, and charged afterwards", async () => {
  const { page, account, options } = await stage.bare();
  const { during, task, after } = await page.evaluate(
    async ({ options, request }) => {
      const client = await globalThis.openClient(options);
      await client.refreshBalance();
      /** @type {import("tollbox").Balance | null} */
      let during = null;
      const task = await client.runTask(request, async () => {
        during = client.balance();
        return "译文";
      });
      return { during, task, after: client.balance() };
    },
    { options: patient(options), request: REQUEST },
  );
  const held = /** @type {import("tollbox").Balance | null} */ (during);
  assert.deepEqual([held?.confirmed, held?.held, held?.available], [120, 4, 116]);
  assert.ok(task.task === "completed");
  assert.equal(task.value, "译文");
  assert.equal(task.billing.status, "charged");
  assert.deepEqual([after?.confirmed, after?.held, after?.available], [116, 0, 116]);
  assert.equal((await stage.server.ledger(account)).charges.length, 1);
});

test("runTask: work that fails costs nothing, and its error comes back", async () => {
  const { page, account, options } = await stage.bare();
  const { task, same, balance, charges } = await page.evaluate(
    async ({ options, request }) => {
      const client = await globalThis.openClient(options);
      await client.refreshBalance();
      const broken = new Error("no translator");
      const task = await client.runTask(request, () => Promise.reject(broken));
      const same = task.task === "failed" && task.error === broken;
      // The server, too, is to hold nothing any more.
      await new Promise((released) => {
        const look = () => client.balance()?.held === 0 && released(undefined);
        client.on("balance", look);
        look();
      });
      return { task: task.task, same, balance: client.balance(), charges: await client.charges() };
    },
    { options: patient(options), request: REQUEST },
  );
  assert.equal(task, "failed");
  assert.ok(same, "the very error that the work threw");
  assert.equal(balance?.held, 0);
  assert.deepEqual(charges, []);
  assert.deepEqual((await stage.server.ledger(account)).charges, []);
});

test("runTask: the charge of a task that outlives its client is `unknown`: another tab may make it", async () => {
  const { page, account, options } = await stage.bare();
  const task = await page.evaluate(
    async ({ options, request }) => {
      const client = await globalThis.openClient(options);
      await client.refreshBalance();
      return client.runTask(request, async () => {
        const other = await globalThis.openClient(options);
        await client.close();
        await other.charge(request);
        return "译文";
      });
    },
    { options: patient(options), request: REQUEST },
  );
  assert.ok(task.task === "completed");
  assert.equal(task.value, "译文");
  assert.ok(task.billing.status === "unknown", JSON.stringify(task.billing));
  assert.deepEqual([task.billing.resolving, task.billing.durable], [false, false]);
  assert.equal((await stage.server.ledger(account)).charges.length, 1);
});

test("runTask: the work does not begin without the points for it", async () => {
  const { page, account, options } = await stage.bare();
  const { task, begun } = await page.evaluate(
    async ({ options, request }) => {
      const client = await globalThis.openClient(options);
      await client.refreshBalance();
      let begun = false;
      const task = await client.runTask({ ...request, amount: 500 }, async () => {
        begun = true;
      });
      return { task, begun };
    },
    { options: patient(options), request: REQUEST },
  );
  assert.equal(begun, false);
  assert.ok(task.task === "not_started");
  assert.ok(task.billing.status === "declined");
  assert.equal(task.billing.reason, "insufficient_balance");
  assert.equal((await stage.server.ledger(account)).balance, 120);
});

test("runTask: running tasks' holds count against each other", async () => {
  const { page, account, options } = await stage.bare();
  const tasks = await page.evaluate(
    async ({ options, request }) => {
      const client = await globalThis.openClient(options);
      await client.refreshBalance();
      /** @type {(value: unknown) => void} */
      let finish = () => {};
      const gate = new Promise((resolve) => {
        finish = resolve;
      });
      const first = client.runTask({ ...request, amount: 100 }, () => gate);
      const second = await client.runTask({ ...request, taskId: "b", amount: 100 }, async () => 0);
      finish(0);
      return [(await first).task, second.task];
    },
    { options: patient(options), request: REQUEST },
  );
  assert.deepEqual(tasks, ["completed", "not_started"]);
  const ledger = await stage.server.ledger(account);
  assert.equal(ledger.balance, 20);
  assert.equal(ledger.charges.length, 1);
});

test("offlineSpend: limits the charges taken on while the server can't be reached", async () => {
  const { context, page, account, options } = await stage.bare();
  await page.evaluate(async (options) => {
    /** @type {[string, NonNullable<import("tollbox").BillingOptions["queue"]>["offlineSpend"]][]} */
    const policies = [
      ["within_balance", "within_balance"],
      ["deny", "deny"],
      ["points", { points: 5 }],
      ["unlimited", "unlimited"],
    ];
    /** @type {Record<string, import("tollbox").BillingClient>} */
    const clients = {};
    for (const [name, offlineSpend] of policies) {
      // Each on a journal of its own, so that their holds don't add up.
      const queue = { offlineSpend, storage: /** @type {const} */ ("memory") };
      const client = await globalThis.openClient({ ...options, queue });
      await client.refreshBalance();
      clients[name] = client;
    }
    globalThis.kept = { clients };
  }, options);
  await context.setOffline(true);
  await page.waitForFunction(() => {
    const { clients } =
      /** @type {{ clients: Record<string, import("tollbox").BillingClient> }} */ (globalThis.kept);
    const all = Object.values(clients);
    return all.every((client) => client.getSnapshot().network === "offline");
  });
  const answers = await page.evaluate(async () => {
    const { clients } =
      /** @type {{ clients: Record<string, import("tollbox").BillingClient> }} */ (globalThis.kept);
    /** @type {Record<string, string[]>} */
    const answers = {};
    for (const [name, client] of Object.entries(clients)) {
      answers[name] = [];
      for (const amount of [4, 4, 500]) {
        const taskId = `${name}-${answers[name].length}`;
        const outcome = await client.charge({ taskId, amount, feature: "cloud_trans" });
        const reason = "reason" in outcome ? outcome.reason : "";
        answers[name].push(`${outcome.status}: ${reason}`);
      }
    }
    for (const client of Object.values(clients)) await client.close();
    return answers;
  });
  const queued = "queued: offline";
  const denied = "failed: offline_spend_denied";
  assert.deepEqual(answers.within_balance, [queued, queued, denied]);
  assert.deepEqual(answers.deny, [denied, denied, denied]);
  assert.deepEqual(answers.unlimited, [queued, queued, queued]);
  assert.deepEqual(answers.points, [queued, denied, denied]);
  assert.deepEqual((await stage.server.ledger(account)).charges, []);
});

test("a full queue refuses a charge with `queue_full`", async () => {
  const { context, page, account, options } = await stage.bare();
  await page.evaluate(async (options) => {
    globalThis.client = await globalThis.openClient({ ...options, queue: { maxEntries: 1 } });
    await globalThis.client.refreshBalance();
  }, options);
  await context.setOffline(true);
  await knowsOffline(page);
  const [first, second] = await page.evaluate(async (request) => {
    const first = await globalThis.client.charge(request);
    return [first, await globalThis.client.charge({ ...request, taskId: "other" })];
  }, REQUEST);
  assert.equal(first?.status, "queued");
  assert.ok(second?.status === "failed" && second.reason === "queue_full");
  assert.deepEqual((await stage.server.ledger(account)).charges, []);
  await context.setOffline(false);
  await page.evaluate((key) => globalThis.client.settled(key), first?.key ?? "");
  const { charges } = await stage.server.ledger(account);
  const firsts = charges.filter((charge) => charge.idempotency_key === first?.key);
  assert.equal(firsts.length, 1);
});

test("runTask: right after opening, the balance is read before the work begins", async () => {
  const { page, account, options } = await stage.bare();
  const { done, begun } = await page.evaluate(async (options) => {
    const client = await globalThis.openClient(options);
    let begun = false;
    const done = await client.runTask({ taskId: "film", amount: 500, feature: "asr" }, async () => {
      begun = true;
    });
    return { done, begun };
  }, options);
  assert.equal(begun, false);
  assert.equal(done.task, "not_started");
  assert.equal(done.billing?.status, "declined");
  assert.equal((await stage.server.ledger(account)).charges.length, 0);
});

test("runTask: two simultaneous calls for one task run the work once, and charge it once", async () => {
  const { page, account, options } = await stage.bare();
  const { runs, statuses } = await page.evaluate(async (options) => {
    const client = await globalThis.openClient(options);
    let runs = 0;
    const work = async () => {
      runs += 1;
      return runs;
    };
    const request = { taskId: "film", amount: 5, feature: "asr" };
    const done = await Promise.all([client.runTask(request, work), client.runTask(request, work)]);
    return { runs, statuses: done.map(({ billing }) => billing?.status) };
  }, patient(options));
  assert.equal(runs, 1);
  assert.deepEqual(statuses, ["charged", "charged"]);
  assert.equal((await stage.server.ledger(account)).charges.length, 1);
});

test("runTask: setAmount charges fewer points than were held, and all stay held meanwhile", async () => {
  const { page, account, options } = await stage.bare();
  const seen = await page.evaluate(
    async ({ options, request }) => {
      const client = await globalThis.openClient(options);
      await client.refreshBalance();
      /** @type {(number | undefined)[]} */
      const held = [];
      const task = await client.runTask(request, async ({ setAmount }) => {
        setAmount(1);
        setAmount(3);
        await client.refreshBalance();
        held.push(client.balance()?.held);
        return "译文";
      });
      // The same task again, in another client: it is paid for.
      const other = await globalThis.openClient(options);
      const again = await other.runTask(request, async (task) => task.setAmount(3));
      const whole = await other.runTask(request, async () => "for all of it");
      return { task, again, whole, held, after: client.balance() };
    },
    { options: patient(options), request: REQUEST },
  );
  assert.deepEqual(seen.held, [4]);
  assert.ok(seen.task.task === "completed" && seen.task.billing.status === "charged");
  assert.deepEqual([seen.task.billing.amount, seen.task.billing.key], [3, "cloud_trans:film"]);
  assert.deepEqual([seen.after?.confirmed, seen.after?.held], [117, 0]);
  assert.ok(seen.again.task === "completed" && seen.again.billing.status === "charged");
  assert.ok(seen.again.billing.replayed);
  assert.ok(seen.whole.task === "completed" && seen.whole.billing.status === "failed");
  assert.equal(seen.whole.billing.reason, "conflict");
  const { balance, charges } = await stage.server.ledger(account);
  assert.deepEqual([balance, charges.length, charges[0]?.amount], [117, 1, 3]);
});

test("runTask: setAmount throws for an amount outside of 1 to the points held, and after the work", async () => {
  const { page, account, options } = await stage.bare();
  const { codes, task, failed, late } = await page.evaluate(
    async ({ options, request }) => {
      const client = await globalThis.openClient(options);
      const { BillingError } = globalThis.tollbox;
      /** @param {() => void} call */
      const code = (call) => {
        try {
          call();
          return "taken";
        } catch (error) {
          return error instanceof BillingError ? error.code : String(error);
        }
      };
      /** @type {string[]} */
      const codes = [];
      /** @type {{ setAmount(points: number): void } | undefined} */
      let kept;
      const wrong = /** @type {any[]} */ ([
        0,
        -1,
        5,
        1.5,
        Number.NaN,
        "3",
        3n,
        null,
        undefined,
        {},
      ]);
      const task = await client.runTask(request, async (task) => {
        kept = task;
        for (const points of wrong) codes.push(code(() => task.setAmount(points)));
        return "译文";
      });
      const late = code(() => kept?.setAmount(1));
      const failed = await client.runTask({ ...request, taskId: "other" }, async (task) => {
        task.setAmount(5);
      });
      const outcome =
        failed.task === "failed" ? /** @type {any} */ (failed.error).code : failed.task;
      return { codes, task, late, failed: outcome };
    },
    { options: patient(options), request: REQUEST },
  );
  assert.deepEqual(codes, Array(10).fill("invalid_argument"));
  assert.equal(late, "invalid_argument");
  assert.equal(failed, "invalid_argument", "work that does not catch it has failed");
  assert.ok(task.task === "completed" && task.billing.status === "charged");
  assert.equal(task.billing.amount, 4);
  assert.equal((await stage.server.ledger(account)).charges.length, 1);
});
