import { once } from "node:events";
import { request as ask, createServer } from "node:http";

/**
 * A proxy in front of the billing server, of a common kind: it rejects encoded characters in a path
 * with a page of its own.
 */
export class StrictProxy {
  #target;
  /** @type {string[]} */
  paths = [];

  #server = createServer((request, response) => {
    const [path = "", query] = (request.url ?? "/").split("?");
    this.paths.push(`${request.method} ${request.url}`);
    if (/%2f|%25/i.test(path) || path.includes("/../") || path.includes("//")) {
      response.writeHead(400, { "content-type": "text/html" }).end("<h1>Bad Request</h1>");
      return;
    }
    const url = new URL(path + (query === undefined ? "" : `?${query}`), this.#target());
    const { method, headers } = request;
    const passed = ask(url, { method, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    // A request that the server leaves unanswered stays unanswered.
    passed.on("error", () => response.destroy());
    request.pipe(passed);
  });

  /** @param {() => string} target where the billing server is */
  constructor(target) {
    this.#target = target;
  }

  /** @param {() => string} target */
  static async start(target) {
    const proxy = new StrictProxy(target);
    proxy.#server.listen(0, "127.0.0.1");
    await once(proxy.#server, "listening");
    return proxy;
  }

  get url() {
    const address = this.#server.address();
    return `http://127.0.0.1:${typeof address === "object" ? address?.port : ""}`;
  }

  async stop() {
    this.#server.closeAllConnections();
    this.#server.close();
  }
}
