import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { TOLLBOX } from "../../server/support/servers.mjs";

/** The command for top-ups and prices, without its URL. */
export const ASK = fileURLToPath(new URL("./ask.mjs", import.meta.url));

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
  const ask = (/** @type {string} */ what) => `"${process.execPath}" "${ASK}" ${site}/${what}`;
  return [
    ...["--base-url", `${site}/billing/v1`, "--token", "alice", "--other-token", "bob"],
    ...["--account", "alice", "--body-within", BODY_WITHIN_S, "--run", "abc"],
    ...["--top-up-cmd", ask("top-up"), "--price-cmd", ask("price"), ...more],
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
