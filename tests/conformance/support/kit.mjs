import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { TOLLBOX } from "../../server/support/servers.mjs";

/** The two programs that run the catalogue. @type {Record<string, string[]>} */
export const RUNNERS = {
  "Node.js": [process.execPath, TOLLBOX, "conformance"],
  Rust: [process.env.TOLLBOX_CONFORMANCE ?? ""],
};

/** How long bodies without an end are waited for, in seconds. */
const BODY_WITHIN_S = "3";

/**
 * @param {string[]} runner
 * @param {string[]} options
 * @returns {Promise<{ code: number, stdout: string, stderr: string }>}
 */
export function run([program = "", ...args], options) {
  return new Promise((resolve) => {
    const limits = { maxBuffer: 16 * 1024 * 1024 };
    execFile(program, [...args, ...options], limits, (error, stdout, stderr) => {
      resolve({ code: error ? Number(error.code) : 0, stdout, stderr });
    });
  });
}

/**
 * The options for a broken server: it has commands.
 *
 * @param {string} site
 * @param {string[]} more
 */
export function optionsFor(site, more = []) {
  return [
    ...["--base-url", `${site}/billing/v1`, "--token", "alice", "--other-token", "bob"],
    ...["--account", "alice", "--body-within", BODY_WITHIN_S, "--run", "abc"],
    ...commands(site),
    ...more,
  ];
}

/**
 * The rules that a run found broken, by their names' order.
 *
 * @param {string} json
 * @returns {string[]}
 */
export function brokenIn(json) {
  const { rules, broken } = JSON.parse(json);
  const found = rules.filter((/** @type {any} */ rule) => rule.verdict === "broken");
  assert.equal(found.length, broken);
  return found.map((/** @type {any} */ { id }) => id).sort();
}

/**
 * The options that let the kit top up and set prices, by requests below an address.
 *
 * @param {string} address
 */
export function commands(address) {
  const curl = (/** @type {string} */ path, /** @type {string} */ body) =>
    `curl -sSf ${address}/${path} -H "Authorization: Bearer $TOLLBOX_TOKEN" --json "${body}"`;
  return [
    "--top-up-cmd",
    curl("top-up", String.raw`{\"points\":$TOLLBOX_POINTS}`),
    "--price-cmd",
    curl("price", String.raw`{\"task_id\":\"$TOLLBOX_TASK_ID\",\"price\":$TOLLBOX_PRICE}`),
  ];
}
