import { readFile } from "node:fs/promises";
import { openBilling } from "../../../pkg/index.js";

/** @import { BillingClient, BillingOptions, TransportRequest } from "../../../pkg/index.js" */

// What a client looks for in a page; there is no storage and no other tab.
for (const [name, value] of Object.entries({
  window: globalThis,
  document: { baseURI: "https://app.example/" },
  navigator: { onLine: true },
})) {
  Object.defineProperty(globalThis, name, { value, configurable: true });
}

/** The compiled module. */
export const MODULE = () => readFile(new URL("../../../pkg/wasm/tollbox_bg.wasm", import.meta.url));

/** Whose clients they are. */
export const OWNER = { baseUrl: "https://billing.example/v1", account: "alice" };

/**
 * A server that knows the account's balance, and nothing else; and clients of it, each with a journal
 * in memory. They are closed when the test ends.
 *
 * @param {import("node:test").TestContext} t
 */
export function page(t) {
  /** @type {TransportRequest[]} */
  const requests = [];
  /** @type {string[]} */
  const log = [];
  /** @type {BillingClient[]} */
  const clients = [];
  t.after(() => Promise.all(clients.map((client) => client.close())));
  const transport = async (/** @type {TransportRequest} */ request) => {
    requests.push(request);
    const known = request.method === "GET" && request.path.startsWith("balance");
    return {
      status: known ? 200 : 503,
      headers: { "content-type": "application/json" },
      body: known ? JSON.stringify({ account: "alice", balance: 120, version: 1 }) : "{}",
    };
  };
  const options = {
    ...OWNER,
    transport,
    log: (/** @type {{ message: string }} */ { message }) => void log.push(message),
    queue: { storage: /** @type {const} */ ("memory") },
  };
  /**
   * @param {object} [more] options, which may be wrong
   * @returns {Promise<BillingClient>}
   */
  const open = async (more) => {
    const given = /** @type {BillingOptions} */ ({ ...options, ...more });
    const client = await openBilling({ module: await MODULE(), ...given });
    clients.push(client);
    return client;
  };
  return { open, options, requests, log };
}
