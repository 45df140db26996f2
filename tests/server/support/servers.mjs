import { spawn } from "node:child_process";
import { once } from "node:events";
import { request } from "node:http";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

/** The command of the package. */
export const TOLLBOX = fileURLToPath(new URL("../../../pkg/bin/tollbox.js", import.meta.url));

/**
 * A server that runs until the test ends.
 *
 * @param {import("node:test").TestContext} t
 * @param {string[]} command
 * @returns {Promise<string>} its address
 */
export async function serving(t, [program, ...args]) {
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "ignore"] });
  t.after(() => child.kill("SIGKILL"));
  const [line] = await once(createInterface(child.stdout), "line");
  return line.replace("listening on ", "");
}

/**
 * `tollbox dev` on a free port, until the test ends.
 *
 * @param {import("node:test").TestContext} t
 * @param {string[]} [options]
 */
export function dev(t, options = []) {
  return serving(t, [process.execPath, TOLLBOX, "dev", "--port", "0", ...options]);
}

/**
 * @typedef {object} Question
 * @property {string} method
 * @property {string} path
 * @property {Record<string, string | string[]>} [headers]
 * @property {string | Buffer} [body]
 */

/**
 * Sends a request as it is, and reads the answer to its end.
 *
 * @param {string} base
 * @param {Question} question
 * @returns {Promise<{ status: number, headers: Record<string, string>, body: string }>}
 */
export function ask(base, { method, path, headers = {}, body }) {
  return new Promise((resolve, reject) => {
    const url = new URL(base);
    const { hostname, port } = url;
    const length = body === undefined ? {} : { "content-length": Buffer.byteLength(body) };
    const options = { hostname, port, method, path, headers: { ...length, ...headers } };
    const outgoing = request(options, async (incoming) => {
      const pieces = [];
      for await (const piece of incoming) {
        pieces.push(piece);
      }
      const { statusCode = 0, headers } = incoming;
      const given = /** @type {Record<string, string>} */ (headers);
      resolve({ status: statusCode, headers: given, body: Buffer.concat(pieces).toString() });
    });
    outgoing.on("error", reject);
    outgoing.end(body);
  });
}
