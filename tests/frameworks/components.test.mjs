/** Hooks, composables and stores, each in its real framework, built by Vite, with the real server. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { freshAccount } from "../browser/support/accounts.mjs";
import { patient, Stage } from "../browser/support/stage.mjs";
import { until } from "../browser/support/until.mjs";
import { buildPages } from "./support/build.mjs";
import { FrameworkPage } from "./support/framework-page.mjs";
import { FRAMEWORKS } from "./support/frameworks.mjs";
import { Site } from "./support/site.mjs";

const stage = new Stage();
/** @type {Site} */
let site;

before(async () => {
  await buildPages();
  site = await Site.start();
});
after(() => site?.stop());

for (const { name } of FRAMEWORKS) {
  /** @param {Partial<import("./support/globals.js").Props>} [props] */
  const open = (props) => FrameworkPage.open(stage, site.urlOf(name), props);

  test(`${name}: a charge is shown from the click to the server's word`, async () => {
    const page = await open();
    await page.mountAndOpen();
    await page.says("network", "online");
    await page.says("charge", "absent");
    await page.says("charges", "ready");
    assert.deepEqual(await page.lines(), []);
    await page.click("charge-make");
    await page.says("charge", "success");
    await page.says("charge-outcome", "charged");
    await page.says("charge-acting", "none");
    await page.says("balance", "116");
    await until("the line of the charge", async () => (await page.lines())[0] === "one success");
    assert.deepEqual(page.complaints, []);
  });

  test(`${name}: a charge made offline is shown as it waits, and as it is paid`, async () => {
    const page = await open();
    await page.mountAndOpen();
    await page.page.context().setOffline(true);
    await page.says("network", "offline");
    await page.click("charge-make");
    await page.says("charge", "pending");
    await page.says("charge-outcome", "queued");
    await page.says("balance", "116");
    await page.page.context().setOffline(false);
    await page.says("charge", "success");
    assert.equal((await stage.server.ledger(page.account)).balance, 116);
  });

  test(`${name}: a charge is cancelled, and tried again`, async () => {
    const page = await open();
    await page.mountAndOpen();
    await page.page.context().setOffline(true);
    await page.says("network", "offline");
    await page.click("charge-make");
    await page.says("charge", "pending");
    await page.click("charge-cancel");
    await page.says("charge", "failed");
    await page.says("charge-outcome", "failed");
    await page.says("balance", "120");
    await page.page.context().setOffline(false);
    await page.click("charge-retry");
    await page.says("charge", "success");
    await page.says("balance", "116");
  });

  test(`${name}: another key shows another charge`, async () => {
    const page = await open();
    await page.mountAndOpen();
    await page.click("charge-make");
    await page.says("charge", "success");
    await page.update({ chargeKey: "two" });
    await page.says("charge", "absent");
    await page.says("charge-outcome", "none");
    await page.update({ chargeKey: "one" });
    await page.says("charge", "success");
  });

  // Svelte takes every object of a store for changed.
  if (!name.startsWith("svelte")) {
    test(`${name}: a charge that changes renders no other line of the list`, async () => {
      const page = await open();
      await page.page.evaluate(() => {
        /** @type {Map<string, string>} */
        const last = new Map();
        globalThis.kept = { last };
        globalThis.rendered = (charge) => void last.set(charge.key, JSON.stringify(charge));
      });
      await page.mountAndOpen();
      await page.click("charge-make");
      await until("its line", async () => (await page.lines())[0] === "one success");
      await page.update({ chargeKey: "two" });
      await page.says("charge", "absent");
      await page.page.evaluate(() => {
        const before = new Map(/** @type {Map<string, string>} */ (globalThis.kept.last));
        /** @type {{ changed: string[], idle: string[] }} */
        const keys = { changed: [], idle: [] };
        globalThis.kept = { keys };
        // A charge may change once more when its verdict is at rest.
        globalThis.rendered = (charge) => {
          const isIdle = before.get(charge.key) === JSON.stringify(charge);
          keys[isIdle ? "idle" : "changed"].push(charge.key);
        };
      });
      await page.click("charge-make");
      await until("its line", async () => (await page.lines())[0] === "two success");
      assert.deepEqual(await page.lines(), ["two success", "one success"]);
      const keys = await page.page.evaluate(() => globalThis.kept.keys);
      const { changed, idle } = /** @type {{ changed: string[], idle: string[] }} */ (keys);
      assert.ok(changed.includes("two"));
      assert.deepEqual(idle, []);
    });
  }

  test(`${name}: a task is shown as it runs, with its progress, and as it is paid`, async () => {
    const page = await open();
    await page.mountAndOpen();
    await page.says("task", "idle");
    await page.page.evaluate(() => {
      globalThis.work = (_request, task) => {
        task.setProgress(0.5);
        task.setAmount(5);
        return new Promise((resolve) => {
          globalThis.finish = resolve;
        });
      };
    });
    await page.click("task-run");
    await page.says("task-progress", "0.5");
    await page.says("balance", "113");
    await page.page.evaluate(() => globalThis.finish("Guten Morgen"));
    await page.says("task", "paid");
    await page.says("task-value", "Guten Morgen");
    await page.says("balance", "115");
    await page.click("task-reset");
    await page.says("task", "idle");
  });

  test(`${name}: a task that can't be paid yet is open, then paid`, async () => {
    const page = await open();
    await page.mountAndOpen();
    await page.page.evaluate(() => {
      globalThis.work = async () => "done";
    });
    await page.page.context().setOffline(true);
    await page.says("network", "offline");
    await page.click("task-run");
    await page.says("task", "open");
    await page.says("task-value", "done");
    await page.page.context().setOffline(false);
    await page.says("task", "paid");
    await page.says("balance", "113");
  });

  test(`${name}: a task whose work fails costs nothing, and one that is too dear is refused`, async () => {
    const page = await open();
    await page.mountAndOpen();
    await page.page.evaluate(() => {
      globalThis.work = async () => {
        throw new Error("no translator");
      };
    });
    await page.click("task-run");
    await page.says("task", "failed");
    await page.says("balance", "120");
    await page.page.evaluate(() => {
      globalThis.taskAmount = 1_000;
    });
    await page.click("task-run");
    await page.says("task", "refused");
    assert.deepEqual((await stage.server.ledger(page.account)).charges, []);
  });

  test(`${name}: a key that belongs to another charge is a conflict, and stays one`, async () => {
    const page = await open();
    await page.mountAndOpen();
    await page.page.evaluate(async ({ options }) => {
      const other = await globalThis.openClient(/** @type {any} */ (options));
      globalThis.work = async ({ taskId, feature }) => {
        await other.charge({ taskId, feature, amount: 3 });
        return "done";
      };
      await other.charge({ taskId: "other", feature: "film", amount: 1, key: "one" });
      globalThis.client = other;
    }, page.props);
    await page.says("charge", "success");
    await page.says("charge-outcome", "charged");
    await page.click("charge-make");
    await page.says("charge-outcome", "failed");
    await page.click("task-run");
    await page.says("task", "unpaid");
    // What is told of a later charge comes after all that is told of these.
    await page.page.evaluate(() =>
      globalThis.client.charge({ taskId: "later", feature: "film", amount: 4 }),
    );
    await page.says("balance", "112");
    await until("its line", async () => (await page.lines())[0] === "film:later success");
    await page.says("charge-outcome", "failed");
    await page.says("task", "unpaid");
  });

  test(`${name}: a task whose component is gone is charged all the same, and then nothing is held`, async () => {
    const page = await open();
    await page.mountAndOpen();
    await page.page.evaluate(() => {
      globalThis.work = () =>
        new Promise((resolve) => {
          globalThis.finish = resolve;
        });
    });
    await page.click("task-run");
    await page.says("balance", "113");
    // The work begins when the server has said that it holds the points too.
    await page.page.waitForFunction(() => typeof globalThis.finish === "function");
    await page.unmount();
    await page.page.evaluate(() => globalThis.finish("done"));
    await stage.server.ledgerWhen(page.account, "the charge", (ledger) => ledger.balance === 113);
    await page.listenersAtRest();
  });

  test(`${name}: the balance is there before the module is`, async () => {
    const page = await open();
    await page.mountAndOpen();
    await page.page.route("**/*.wasm", () => {});
    await page.visit();
    await page.mount();
    await page.says("balance", "120");
    await page.says("billing", "opening");
    assert.ok(await page.at("stale").isVisible());
  });

  test(`${name}: a module that can't be loaded is loaded later`, async () => {
    const page = await open();
    await page.page.route("**/*.wasm", (route) => route.abort());
    await page.mount();
    await page.says("billing", "failed");
    await page.says("failure", "module_load_failed");
    await page.says("charge", "unavailable");
    await page.says("charges", "unavailable");
    await page.page.unroute("**/*.wasm");
    await page.click("reopen");
    await page.says("billing", "open");
    await page.says("balance", "120");
    await page.says("charge", "absent");
  });

  test(`${name}: another account shows nothing of the last one`, async () => {
    const page = await open();
    await page.mountAndOpen();
    await page.click("charge-make");
    await page.says("charge", "success");
    const account = freshAccount("second");
    const options = await stage.options(account);
    await stage.server.topUp(account, 30);
    await page.update({ options });
    await page.says("charge", "absent");
    await page.says("balance", "150");
    assert.deepEqual(await page.lines(), []);
    await page.page.evaluate(async () => {
      await globalThis.watched.comesTo(({ channel }) => channel?.length === 1);
    });
    await page.unmount();
    await page.listenersAtRest();
  });

  test(`${name}: the latest token function is asked`, async () => {
    const page = await open();
    await page.mountAndOpen();
    const { options } = page.props;
    assert.ok(options);
    await page.update({ options: { ...options, token: "a-later-token" } });
    const asked = page.page.waitForRequest((request) => request.url().endsWith("/charges"));
    await page.click("charge-make");
    const { authorization } = await (await asked).allHeaders();
    assert.equal(authorization, "Bearer a-later-token");
  });

  test(`${name}: a token function that comes later is asked`, async () => {
    const page = await open();
    const { options } = page.props;
    assert.ok(options);
    const { token, ...others } = options;
    page.props = { ...page.props, options: others };
    await page.mount();
    await page.says("billing", "open");
    await page.says("charge", "absent");
    await page.update({ options: { ...others, token: token ?? null } });
    await page.click("charge-make");
    await page.says("charge-outcome", "charged");
    await page.says("balance", "116");
    await page.unmount();
    await page.listenersAtRest();
  });

  test(`${name}: what another tab charges is shown`, async () => {
    const page = await open();
    await page.mountAndOpen();
    await page.says("charges", "ready");
    const other = await page.page.context().newPage();
    await other.goto(page.url);
    await other.waitForFunction(() => globalThis.openClient !== undefined);
    await other.evaluate(async ({ options }) => {
      const client = await globalThis.openClient(/** @type {any} */ (options));
      await client.charge({ taskId: "one", amount: 4, feature: "film", key: "one" });
    }, page.props);
    await page.says("charge", "success");
    await page.says("balance", "116");
    await until("the line of the charge", async () => (await page.lines())[0] === "one success");
  });

  test(`${name}: a client that is given is used, and stays open`, async () => {
    const page = await open();
    const { options, ...props } = page.props;
    await page.page.evaluate(async (options) => {
      globalThis.client = await globalThis.openClient(/** @type {any} */ (options));
    }, options && patient(options));
    page.props = props;
    await page.mountAndOpen();
    await page.click("charge-make");
    await page.says("charge", "success");
    await page.unmount();
    const outcome = await page.page.evaluate(() =>
      globalThis.client.charge({ taskId: "two", amount: 1, feature: "film" }),
    );
    assert.equal(outcome.status, "charged");
    // The hooks have the module that the page has: it is loaded once.
    page.props = { ...props, ...(options && { options }) };
    await page.mount();
    await page.says("balance", "115");
    const loads = await page.page.evaluate(
      () =>
        performance.getEntriesByType("resource").filter(({ name }) => name.endsWith(".wasm"))
          .length,
    );
    assert.equal(loads, 1);
  });

  test(`${name}: 200 mounts and unmounts leave nothing behind`, async () => {
    const page = await open();
    await page.mountAndOpen();
    await page.unmount();
    const before = await page.listenersAtRest();
    await page.page.evaluate(async (props) => {
      const frame = () => new Promise((resolve) => requestAnimationFrame(resolve));
      for (let round = 0; round < 200; round += 1) {
        globalThis.mount(props);
        // Some are unmounted at once, some while they open, some later.
        for (let frames = 0; frames < round % 4; frames += 1) await frame();
        globalThis.unmount();
        if (round % 3 === 0) await frame();
      }
    }, page.props);
    assert.deepEqual(await page.listenersAtRest(), before);
    await page.mountAndOpen();
  });

  test(`${name}: a page that a server rendered is hydrated without a complaint`, async () => {
    const page = await open();
    await page.mountAndOpen();
    await page.page.route("**/*.wasm", () => {});
    await page.visitRendered();
    assert.equal(await page.at("billing").textContent(), "opening");
    assert.equal(await page.at("balance").textContent(), "none");
    assert.equal(await page.at("charges").textContent(), "loading");
    await page.mount();
    await page.says("balance", "120");
    assert.deepEqual(page.complaints, []);
    await page.page.unroute("**/*.wasm");
    await page.visitRendered();
    await page.mountAndOpen();
    await page.click("charge-make");
    await page.says("charge", "success");
    assert.deepEqual(page.complaints, []);
  });
}
