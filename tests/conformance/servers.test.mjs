// Both runners of the kit against both servers of the project, which keep every rule.

import assert from "node:assert/strict";
import { test } from "node:test";
import { ask, dev, serving } from "../server/support/servers.mjs";
import { commands, RUNNERS, run } from "./support/kit.mjs";

const REFERENCE = process.env.TOLLBOX_SERVER ?? "";
const OPTIONS = ["--body-within", "1000", "--seed-balance", "200"];

/** @type {Record<string, (t: import("node:test").TestContext) => Promise<string>>} */
const SERVERS = {
  "tollbox-server": (t) => serving(t, [REFERENCE, "--port", "0", "--demo", ...OPTIONS]),
  "tollbox dev": (t) => dev(t, OPTIONS),
};

/** @param {string} site @param {string} account */
async function signIn(site, account) {
  const headers = { "content-type": "application/json" };
  const body = JSON.stringify({ account });
  const answer = await ask(site, { method: "POST", path: "/demo/session", headers, body });
  return JSON.parse(answer.body).token;
}

for (const [name, start] of Object.entries(SERVERS)) {
  test(`${name} keeps every rule`, async (t) => {
    const outputs = [];
    for (const runner of Object.values(RUNNERS)) {
      const site = await start(t);
      const { code, stdout, stderr } = await run(runner, [
        ...["--base-url", `${site}/billing/v1`, "--token", await signIn(site, "alice")],
        ...["--other-token", await signIn(site, "bob"), "--account", "alice", "--run", "abc"],
        ...commands(`${site}/demo`),
      ]);
      assert.deepEqual({ code, stderr }, { code: 0, stderr: "" }, stdout);
      outputs.push(stdout.replaceAll(site, "http://server"));
    }
    const [node = "", rust = ""] = outputs;
    const lines = node.split("\n").filter((line) => /^(BROKEN|skipped)/.test(line));
    assert.deepEqual(lines, ["skipped  robustness/retry-after: no answer was 429 or 503"]);
    assert.equal(rust, node);
  });
}
