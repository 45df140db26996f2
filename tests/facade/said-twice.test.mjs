import assert from "node:assert/strict";
import { test } from "node:test";
import { checkLocale } from "../../pkg/lib/arguments.js";
import { createHost } from "../../pkg/lib/host.js";
import { instance, load } from "../../pkg/lib/restart/instance.js";
import { Port } from "../../pkg/lib/restart/port.js";
import { defaultKey } from "../../pkg/lib/restart/unknown-outcome.js";
import { MODULE, OWNER } from "./support/page.mjs";

// What the facade has to know while there is no module, as the module knows it.

/** A core by itself. */
async function core(/** @type {import("node:test").TestContext} */ t) {
  await load(MODULE());
  const Core = await instance();
  const port = new Port(createHost({ ...OWNER, log: "silent" }), null, false);
  const options = JSON.stringify({ queue: { storage: "memory" } });
  const opening = JSON.stringify({ ...OWNER, namespace: OWNER.baseUrl });
  const core = await Core.open(opening, options, undefined, port);
  t.after(() => core.close());
  return core;
}

test("the facade and the core make the same default key", async (t) => {
  const client = await core(t);
  const names = ["film", "a:b", "a%3Ab", "100%", "::", "%%:", "翻译 1/2", " ", "%25", "ﬁlm\n"];
  for (const feature of names) {
    for (const taskId of names) {
      const { key } = client.taskOf(JSON.stringify({ taskId, feature, amount: 1, metadata: {} }));
      assert.equal(defaultKey({ taskId, feature }), key);
    }
  }
});

test("the facade and the core speak the same languages", async (t) => {
  const client = await core(t);
  for (const locale of ["en", "zh-CN", "zh", "EN", "fr", ""]) {
    const speaks = (/** @type {() => void} */ check) => {
      try {
        check();
        return true;
      } catch {
        return false;
      }
    };
    const ours = speaks(() => checkLocale(locale));
    assert.equal(
      speaks(() => client.setLocale(locale)),
      ours,
      locale,
    );
  }
});
