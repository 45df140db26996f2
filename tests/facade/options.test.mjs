import assert from "node:assert/strict";
import { test } from "node:test";
import { died } from "../../pkg/lib/restart/instance.js";
import { page } from "./support/page.mjs";

test("a client whose module dies after setLocale starts with the options as they were given", async (t) => {
  // A dead core's timers would keep Node.js from its end.
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const { open, log } = page(t);
  const { proxy, revoke } = Proxy.revocable({ baseDelayMs: 20 }, {});
  const client = await open({ retry: proxy, locale: "en" });
  revoke();
  client.setLocale("zh-CN");
  died(new Error("a panic"));
  assert.deepEqual(await client.charges(), []);
  assert.ok(
    log.some((line) => line.includes("计费模块已崩溃")),
    log.join("\n"),
  );
});
