import assert from "node:assert/strict";
import { test } from "node:test";
import { patient, Stage } from "./support/stage.mjs";

const stage = new Stage();
const REQUEST = { taskId: "film", amount: 4, feature: "cloud_trans" };
/** Options that raise an alert during opening. */
const IN_MEMORY = { storage: /** @type {const} */ ("memory") };

test("an alert raised during opening reaches all listeners of the first turn, and no later ones", async () => {
  const { page, options } = await stage.bare();
  const heard = await page.evaluate(
    async ({ options, queue }) => {
      const client = await globalThis.openClient({ ...options, queue });
      /** @type {Record<string, string[]>} */
      const heard = { gone: [], first: [], second: [], later: [] };
      const listen = (/** @type {string} */ name) =>
        client.on("alert", ({ kind }) => heard[name]?.push(kind));
      listen("gone")();
      await null;
      listen("first");
      listen("second");
      await null;
      listen("later");
      await null;
      return heard;
    },
    { options, queue: IN_MEMORY },
  );
  const once = ["storage_degraded"];
  assert.deepEqual(heard, { gone: [], first: once, second: once, later: [] });
});

test("an alert without a listener is kept for a listener only for a short time", async () => {
  const { page, options } = await stage.bare();
  const heard = await page.evaluate(
    async ({ options, queue }) => {
      const client = await globalThis.openClient({ ...options, queue });
      const now = performance.now.bind(performance);
      performance.now = () => now() + 10_001;
      /** @type {unknown[]} */
      const heard = [];
      client.on("alert", (alert) => heard.push(alert));
      await null;
      return heard;
    },
    { options, queue: IN_MEMORY },
  );
  assert.deepEqual(heard, []);
});

test("subscribe, getSnapshot and on work without their client, as React passes them about", async () => {
  const { page, options } = await stage.bare();
  const seen = await page.evaluate(
    async ({ options, request }) => {
      const client = await globalThis.openClient(options);
      await client.refreshBalance();
      const { subscribe, getSnapshot, on } = client;
      const views = new Set([getSnapshot()]);
      const statuses = new Set();
      const ends = [
        subscribe(() => views.add(getSnapshot())),
        on("charge", ({ status }) => statuses.add(status)),
      ];
      await client.charge(request);
      for (const end of ends) end();
      return { views: views.size, statuses: [...statuses] };
    },
    { options: patient(options), request: REQUEST },
  );
  assert.ok(seen.views > 1);
  assert.ok(seen.statuses.includes("success"), `${seen.statuses}`);
});
