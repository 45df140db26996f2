// Without a page: in Node.js as it is.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/**
 * What a program prints that Node.js runs to its end, with the package's members and a server.
 *
 * @param {string} script
 */
function printed(script) {
  const imports = `
    import { BillingError, openBilling } from "./pkg/index.js";
    import { createBillingServer, faults } from "./pkg/testing.js";
    const server = createBillingServer();
    const owner = { baseUrl: "https://billing.example/v1", account: "alice", log: "silent" };
    const request = { taskId: "film", amount: 12, feature: "cloud_trans" };
  `;
  const flags = ["--input-type=module", "--eval", imports + script];
  return execFileSync(process.execPath, flags, { cwd: ROOT, encoding: "utf8", timeout: 60_000 });
}

test("with a transport a client charges in Node.js, and lets it end once it is closed", () => {
  const out = printed(`
    const billing = await openBilling({ ...owner, transport: server.transport });
    const { status } = await billing.charge(request);
    await billing.close();
    console.log(status, billing.getSnapshot().storage);
  `);
  assert.equal(out, "charged memory\n");
});

test("time passes in Node.js: a lost charge is asked for again", () => {
  const out = printed(`
    const retry = { baseDelayMs: 1, maxDelayMs: 5, requestTimeoutMs: 500 };
    const billing = await openBilling({ ...owner, retry, transport: server.transport });
    server.inject(faults.hangsAfterCharging());
    const { status, replayed } = await billing.charge(request);
    await billing.close();
    console.log(status, replayed);
  `);
  assert.equal(out, "charged true\n");
});

test("tokens are refreshed in Node.js", () => {
  const out = printed(`
    const strict = createBillingServer({ authenticate: (token) => (token === "new" ? "alice" : null) });
    const getToken = ({ refresh }) => (refresh ? "new" : "old");
    const billing = await openBilling({ ...owner, getToken, transport: strict.transport });
    const { status } = await billing.charge(request);
    await billing.close();
    console.log(status);
  `);
  assert.equal(out, "charged\n");
});

test("without a transport, or an absolute address, no client opens in Node.js", () => {
  const out = printed(`
    const { transport } = server;
    for (const options of [{}, { transport, baseUrl: "/billing/v1" }]) {
      const error = await openBilling({ ...owner, ...options }).catch((error) => error);
      console.log(error instanceof BillingError, error.code);
    }
  `);
  assert.equal(out, "true module_load_failed\ntrue invalid_argument\n");
});
