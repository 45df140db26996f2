import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import path from "node:path";
import { fileURLToPath } from "node:url";

const PACKAGE = path.resolve(
  process.env.TOLLBOX_PKG ?? fileURLToPath(new URL("../../../pkg", import.meta.url)),
);

const TYPES = /** @type {Record<string, string>} */ ({
  ".js": "text/javascript",
  ".wasm": "application/wasm",
  ".html": "text/html",
});

const PAGE = `<!doctype html><html lang="en"><title>bare</title>
<script type="module" src="/bare.js"></script></html>`;

const SCRIPT = `import * as tollbox from "/dist/index.js";
globalThis.tollbox = tollbox;
globalThis.openClient = ({ token, ...options }) =>
  tollbox.openBilling({ ...options, getToken: () => token });
globalThis.kept = {};
`;

/**
 * A worker of any kind that evaluates what it is sent: `{ code, value }`, with a port for the answer
 * (workers.mjs).
 */
const WORKER = `${SCRIPT}
const answer = async ({ data: { code, value }, ports: [port] }) => {
  try {
    port.postMessage({ result: await (0, eval)(\`(\${code})\`)(value) });
  } catch (error) {
    port.postMessage({ error: String(error) });
  }
};
// A service worker lives for as long as it is told to.
addEventListener("message", (event) => {
  const answered = answer(event);
  event.waitUntil?.(answered);
});
addEventListener("connect", ({ ports: [port] }) => {
  port.onmessage = answer;
});
`;

/**
 * A service worker as WORKER that flushes on `sync`. Its own address says where the billing server is, and
 * which tokens it has; `kept.syncs` is what each sync came to.
 */
export const SYNC_WORKER = `${WORKER}
import { flushOnSync } from "/dist/service-worker.js";
const given = new URL(location.href).searchParams;
globalThis.kept = { syncs: [], asked: [] };
const { waitUntil } = ExtendableEvent.prototype;
ExtendableEvent.prototype.waitUntil = function (work) {
  if (this.type === "sync") {
    const { syncs } = globalThis.kept;
    work.then(() => syncs.push("paid"), (error) => syncs.push(String(error)));
  }
  return waitUntil.call(this, work);
};
flushOnSync({
  openBilling: globalThis.tollbox.openBilling,
  baseUrl: given.get("baseUrl"),
  getToken: (context) => {
    globalThis.kept.asked.push(context);
    if (context.refresh) given.set("token", given.get("fresh"));
    return given.get("token");
  },
  retry: JSON.parse(given.get("retry")),
  withinMs: Number(given.get("withinMs") ?? 60_000),
  module: given.get("module") ?? undefined,
});
addEventListener("install", () => skipWaiting());
addEventListener("activate", (event) => event.waitUntil(clients.claim()));
`;

const MADE = /** @type {Record<string, { type: string, content: string }>} */ ({
  "/": { type: "text/html", content: PAGE },
  "/bare.js": { type: "text/javascript", content: SCRIPT },
  "/worker.js": { type: "text/javascript", content: WORKER },
  "/sync-worker.js": { type: "text/javascript", content: SYNC_WORKER },
});

/**
 * @typedef {(request: import("node:http").IncomingMessage,
 *   response: import("node:http").ServerResponse) => Promise<boolean>} Answer
 */

/**
 * The package's folder on a plain static file server, with one page that imports it: no bundler, and
 * another origin than the billing server's.
 */
export class BareSite {
  #folder;
  #answer;

  #server = createServer(async (request, response) => {
    if (await this.#answer(request, response)) return;
    const { pathname } = new URL(request.url ?? "/", "http://bare");
    const made = MADE[pathname];
    if (made) {
      response.writeHead(200, { "content-type": made.type }).end(made.content);
      return;
    }
    const file = path.join(this.#folder, pathname);
    const content = file.startsWith(this.#folder) ? await readFile(file).catch(() => null) : null;
    const type = TYPES[path.extname(file)] ?? "application/octet-stream";
    if (content) response.writeHead(200, { "content-type": type }).end(content);
    else response.writeHead(404).end();
  });

  /**
   * @typedef {object} Set
   * @property {string} [folder] where the package is
   * @property {Answer} [answer] asked first; false leaves the request to the site
   */

  /** @param {Set} set */
  constructor({ folder = PACKAGE, answer = async () => false }) {
    this.#folder = folder;
    this.#answer = answer;
  }

  /** @param {Set} [set] */
  static async start(set = {}) {
    const site = new BareSite(set);
    site.#server.listen(0, "127.0.0.1");
    await once(site.#server, "listening");
    return site;
  }

  get url() {
    const address = this.#server.address();
    return `http://127.0.0.1:${typeof address === "object" ? address?.port : ""}/`;
  }

  async stop() {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  /**
   * Opens the page and waits until it has imported the package.
   *
   * @param {import("playwright-core").Page} page
   */
  async visit(page) {
    await page.goto(this.url);
    await page.waitForFunction(() => globalThis.tollbox !== undefined);
  }
}
