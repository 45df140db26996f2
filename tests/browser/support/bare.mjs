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

const PAGE = `<!doctype html><html lang="en"><title>bare</title><script type="module">
import * as tollbox from "./index.js";
globalThis.tollbox = tollbox;
globalThis.openClient = ({ token, ...options }) =>
  tollbox.openBilling({ ...options, getToken: () => token });
globalThis.kept = {};
</script></html>`;

/**
 * The package's folder on a plain static file server, with one page that imports it: no bundler, and
 * another origin than the billing server's.
 */
export class BareSite {
  #folder;

  /** @param {string} folder where the package is */
  constructor(folder) {
    this.#folder = folder;
  }

  #server = createServer(async (request, response) => {
    const { pathname } = new URL(request.url ?? "/", "http://bare");
    if (pathname === "/") {
      response.writeHead(200, { "content-type": "text/html" }).end(PAGE);
      return;
    }
    const file = path.join(this.#folder, pathname);
    const content = file.startsWith(this.#folder) ? await readFile(file).catch(() => null) : null;
    const type = TYPES[path.extname(file)] ?? "application/octet-stream";
    if (content) response.writeHead(200, { "content-type": type }).end(content);
    else response.writeHead(404).end();
  });

  static async start(folder = PACKAGE) {
    const site = new BareSite(folder);
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
