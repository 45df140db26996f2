import assert from "node:assert/strict";
import { test } from "node:test";
import { allowDeaths, deathsLogged, MORTAL, openLogged } from "./support/deaths.mjs";
import { PATIENT, Stage } from "./support/stage.mjs";

const stage = new Stage({ folder: MORTAL });
const REQUEST = { taskId: "film", amount: 4, feature: "cloud_trans" };

/** A page with a client whose module can be made to die. */
async function mortal() {
  const bare = await stage.bare();
  const options = { ...bare.options, retry: { ...bare.options.retry, ...PATIENT } };
  await allowDeaths(bare.page);
  await openLogged(bare.page, options);
  await bare.page.evaluate(() => globalThis.client.refreshBalance());
  return bare;
}

for (const [moment, dieIn] of /** @type {const} */ ([
  ["at the end of the work", "timer"],
  ["at the charge", "call"],
])) {
  test(`runTask: the module's death ${moment} never shows the task's points as available`, async () => {
    const { page } = await mortal();
    const { task, available } = await page.evaluate(
      async ({ request, dieIn }) => {
        /** @type {(number | undefined)[]} */
        const available = [];
        const task = await globalThis.client.runTask(request, async () => {
          globalThis.client.subscribe(() => {
            available.push(globalThis.client.balance()?.available);
          });
          const dead = new Promise((resolve) => {
            globalThis.log.push = (...lines) => {
              resolve(0);
              return Array.prototype.push.apply(globalThis.log, lines);
            };
          });
          globalThis.die(dieIn, "panic");
          if (dieIn === "timer") {
            await dead;
          }
          return "译文";
        });
        await globalThis.client.charge(request);
        return { task, available };
      },
      { request: REQUEST, dieIn },
    );
    assert.equal(task.task, "completed");
    assert.equal(await deathsLogged(page), 1);
    assert.ok(available.length > 0);
    // The next core does not know that the server holds them too, until it has asked.
    assert.deepEqual(
      available.filter((points) => points === undefined || points > 116),
      [],
    );
  });
}

test("a dead module leaves no listener on the caller's signal", async () => {
  const { page, account } = await mortal();
  await stage.server.breakFor(account, { kind: "hang_after" }, { on: "charge" });
  await page.evaluate((request) => {
    const { signal } = new AbortController();
    const { addEventListener, removeEventListener } = signal;
    /** @type {Set<unknown>} */
    const listeners = new Set();
    signal.addEventListener = (/** @type {any[]} */ ...args) => {
      listeners.add(args[1]);
      Reflect.apply(addEventListener, signal, args);
    };
    signal.removeEventListener = (/** @type {any[]} */ ...args) => {
      listeners.delete(args[1]);
      Reflect.apply(removeEventListener, signal, args);
    };
    globalThis.kept.left = () => listeners.size;
    globalThis.kept.charged = globalThis.client.charge(request, { signal });
  }, REQUEST);
  await page.waitForFunction(() => globalThis.client.getSnapshot().queue.retrying === 1);
  await page.evaluate(() => globalThis.die("timer", "panic"));
  await page.evaluate(() => globalThis.kept.charged);
  await stage.server.repair();
  const settled = await page.evaluate((request) => globalThis.client.charge(request), REQUEST);
  assert.equal(settled.status, "charged");
  assert.equal(await deathsLogged(page), 1);
  await page.waitForFunction(() => /** @type {() => number} */ (globalThis.kept.left)() === 0);
});

test("a dead module's listeners cause no errors in a browser without BroadcastChannel", async () => {
  const { context, options } = await stage.bare();
  const page = await context.newPage();
  /** @type {string[]} */
  const uncaught = [];
  page.on("pageerror", (error) => uncaught.push(error.message));
  await page.addInitScript(() => {
    Reflect.deleteProperty(globalThis, "BroadcastChannel");
  });
  await stage.site.visit(page);
  await allowDeaths(page);
  await openLogged(page, options);
  await page.evaluate(() => {
    globalThis.die("timer", "panic");
    return globalThis.client.refreshBalance();
  });
  await page.evaluate(() => {
    dispatchEvent(new Event("online"));
    return globalThis.client.charges();
  });
  assert.equal(await deathsLogged(page), 1);
  // The panic itself is thrown where nobody could catch it.
  assert.deepEqual(
    uncaught.filter((message) => /BroadcastChannel/.test(message)),
    [],
  );
});
