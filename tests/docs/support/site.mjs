import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import path from "node:path";
import { createBillingServer } from "tollbox/testing";
import { ROOT } from "./block.mjs";

/** @typedef {import("./block.mjs").Block} Block */

/**
 * How `page.mjs` runs a block.
 *
 * @typedef {object} Order
 * @property {string} script the built block's address
 * @property {string} language
 * @property {string[]} lacks the names of there.d.ts that it uses
 * @property {boolean} isServiceWorker
 */

const TYPES = /** @type {Record<string, string>} */ ({
  ".js": "text/javascript",
  ".css": "text/css",
  ".wasm": "application/wasm",
});

const ICON = '<link rel="icon" href="data:,">';

/** Whether the block is a service worker's script. @param {Block} block */
export const isServiceWorker = ({ imports }) => imports.includes("tollbox/service-worker");

/**
 * A site for every block, by the name of the host: its page, the built blocks, and a billing server in
 * memory of its own below `/billing/v1`.
 */
export class Site {
  #server = createServer((request, response) => {
    this.#answer(request, response).catch((error) => {
      response.writeHead(500, { "content-type": "text/plain" }).end(String(error));
    });
  });
  /** @type {Map<string, ReturnType<typeof createBillingServer>>} */
  #billing = new Map();

  /**
   * @param {string} built the folder with the built blocks
   * @param {Block[]} blocks
   */
  constructor(built, blocks) {
    this.built = built;
    this.blocks = new Map(blocks.map((block) => [block.name.toLowerCase(), block]));
  }

  /**
   * @param {string} built
   * @param {Block[]} blocks
   */
  static async start(built, blocks) {
    const site = new Site(built, blocks);
    site.#server.listen(0, "127.0.0.1");
    await once(site.#server, "listening");
    return site;
  }

  stop() {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  /** The address of the block's page: a secure context, and an origin of its own. @param {Block} block */
  urlOf(block) {
    const address = this.#server.address();
    const port = typeof address === "object" ? address?.port : "";
    return `http://${block.name.toLowerCase()}.localhost:${port}/`;
  }

  /** The block's code, and that of the blocks beside it whose files a page of HTML loads. @param {Block} block */
  codeOf(block) {
    if (block.language !== "html") return block.code;
    const loaded = this.#siblingsOf(block).filter(
      ({ ownName }) => ownName !== null && block.code.includes(ownName),
    );
    return [block, ...loaded].map(({ code }) => code).join("\n");
  }

  /** @param {Block} block */
  #siblingsOf({ page }) {
    return [...this.blocks.values()].filter((block) => block.page === page);
  }

  /**
   * Answers a request of the billing protocol, for the account whose name is the token.
   *
   * @param {Block} block
   * @param {{ method: string, path: string, headers: Record<string, string>, body: string | null }} request
   */
  async bill(block, request) {
    const known = this.#billing.get(block.name);
    const billing = known ?? createBillingServer({ authenticate: (token) => token });
    this.#billing.set(block.name, billing);
    const { signal } = new AbortController();
    const method = /** @type {"GET" | "POST"} */ (request.method);
    return billing.transport({ ...request, method, signal });
  }

  /**
   * @param {import("node:http").IncomingMessage} request
   * @param {import("node:http").ServerResponse} response
   */
  async #answer(request, response) {
    const { pathname, search } = new URL(request.url ?? "/", "http://site");
    const block = this.blocks.get((request.headers.host ?? "").split(".")[0] ?? "");
    if (!block) {
      response.writeHead(404).end();
      return;
    }
    const [, endpoint] = /^\/billing\/v1\/(.*)$/.exec(pathname) ?? [];
    if (endpoint !== undefined) {
      const pieces = [];
      for await (const piece of request) pieces.push(piece);
      const { status, headers, body } = await this.bill(block, {
        method: request.method ?? "GET",
        path: endpoint + search,
        headers: /** @type {Record<string, string>} */ (request.headers),
        body: request.method === "POST" ? Buffer.concat(pieces).toString() : null,
      });
      response.writeHead(status, headers).end(body);
      return;
    }
    const content = this.#content(block, pathname);
    if (content === null) {
      response.writeHead(404).end();
      return;
    }
    const type = TYPES[path.extname(pathname)] ?? "text/html";
    response.writeHead(200, { "content-type": type }).end(content);
  }

  /**
   * @param {Block} block
   * @param {string} pathname
   */
  #content(block, pathname) {
    const siblings = this.#siblingsOf(block);
    if (pathname === "/" && block.language === "html") return ICON + block.code;
    if (pathname === "/") return this.#page(block);
    if (pathname.includes("token")) return "alice";
    if (pathname === "/service-worker.js") {
      const worker = siblings.find(isServiceWorker);
      return worker ? readFileSync(path.join(this.built, `${worker.name}.js`)) : "";
    }
    const named = siblings.find(({ ownName }) => pathname === `/${ownName}`);
    if (named) return named.code;
    // The package as it is, for a page that no bundler has built.
    const [, installed] = /^\/(?:node_modules\/)?tollbox(\/.*)$/.exec(pathname) ?? [];
    const file = installed ? path.join(ROOT, "pkg", installed) : path.join(this.built, pathname);
    try {
      return readFileSync(file);
    } catch {
      return null;
    }
  }

  /** @param {Block} block */
  #page(block) {
    /** @type {Order} */
    const order = {
      script: `/${block.name}.js`,
      language: block.language,
      lacks: ["billing", "server"].filter((name) => block.lacks(name)),
      isServiceWorker: isServiceWorker(block),
    };
    return `<!doctype html><html lang="en"><title>${block.name}</title>${ICON}<body>
<script type="application/json" id="order">${JSON.stringify(order)}</script>
<script type="module" src="/page.js"></script></body></html>`;
  }
}
