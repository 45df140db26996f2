import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import path from "node:path";

const TYPES = /** @type {Record<string, string>} */ ({
  ".css": "text/css",
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript",
  ".mjs": "text/javascript",
  ".wasm": "application/wasm",
});

/** A folder on a plain static file server. What is not there is answered with a page and 404. */
export class StaticSite {
  /** What was asked for, of the module's files. @type {{ path: string, status: number }[]} */
  modules = [];

  #folder;
  #base;
  #headers;
  #ask;

  #server = createServer(async (request, response) => {
    if (await this.#ask(request, response)) return;
    const { pathname } = new URL(request.url ?? "/", "http://site");
    const status = await this.#answer(pathname, response);
    if (pathname.endsWith(".wasm")) this.modules.push({ path: pathname, status });
  });

  /**
   * @typedef {object} Set
   * @property {string} folder
   * @property {string} [base] the path below which the folder is served; it begins and ends with a slash
   * @property {Record<string, string>} [headers] of every answer
   * @property {import("../../browser/support/bare.mjs").Answer} [answer] asked first; false leaves
   *   the request to the site
   */

  /** @param {Set} set */
  constructor({ folder, base = "/", headers = {}, answer = async () => false }) {
    this.#folder = folder;
    this.#base = base;
    this.#headers = headers;
    this.#ask = answer;
  }

  /** @param {Set} set */
  static async start(set) {
    const site = new StaticSite(set);
    site.#server.listen(0, "127.0.0.1");
    await once(site.#server, "listening");
    return site;
  }

  get port() {
    const address = this.#server.address();
    return typeof address === "object" ? address?.port : undefined;
  }

  get url() {
    return `http://127.0.0.1:${this.port}${this.#base}`;
  }

  async stop() {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  /**
   * @param {string} pathname
   * @param {import("node:http").ServerResponse} response
   */
  async #answer(pathname, response) {
    const name = pathname.endsWith("/") ? `${pathname}index.html` : pathname;
    const file = path.join(this.#folder, decodeURIComponent(name.slice(this.#base.length)));
    const isHere = name.startsWith(this.#base) && file.startsWith(this.#folder);
    const content = isHere ? await readFile(file).catch(() => null) : null;
    const type = TYPES[path.extname(file)] ?? "application/octet-stream";
    if (content) response.writeHead(200, { "content-type": type, ...this.#headers }).end(content);
    else response.writeHead(404, { "content-type": "text/html" }).end("<!doctype html>not here");
    return content ? 200 : 404;
  }
}
