import { once } from "node:events";
import { createServer } from "node:http";
import path from "node:path";
import { setTimeout } from "node:timers/promises";
import { Ledger } from "./ledger.mjs";

/** @typedef {import("./bundle.mjs").Bundle} Bundle */
/** @typedef {import("node:http").IncomingMessage} Request */
/** @typedef {import("node:http").ServerResponse} Response */

const HTML = `<!doctype html><html lang="en"><meta charset="utf-8"><title>bench</title>
<link rel="icon" href="data:,"><script type="module" src="/page.js"></script></html>`;

/** Isolation from other origins gives performance.now() its resolution of 5 µs. */
const ISOLATED = {
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-embedder-policy": "require-corp",
};
/** Scripts and modules come from the HTTP cache at every visit but the first. */
const CACHED = { ...ISOLATED, "cache-control": "public, max-age=86400, immutable" };

/** What the client puts before a task's id to make its key. */
const KEY_PREFIX = /^cloud_trans:/;

/**
 * A small billing server on 127.0.0.1, which serves one adapter's page too. Each scenario has its
 * own, and so an origin and a ledger of its own.
 *
 * `POST /charges` with an `Idempotency-Key`, `POST /charges:batch` and `GET /balance` are for the
 * peers; below `/v1` it speaks the charge protocol (docs/server.md).
 */
export class BenchServer {
  ledger = new Ledger();
  #page;
  #delayMs;
  /** @type {Set<import("node:net").Socket>} */
  #sockets = new Set();
  #pastBytes = 0;
  #server = createServer((request, response) => {
    this.#answer(request, response).catch(() => response.destroy());
  });

  /**
   * @param {Bundle} page
   * @param {number} delayMs before every answer to a POST
   */
  constructor(page, delayMs) {
    this.#page = page;
    this.#delayMs = delayMs;
    this.#server.keepAliveTimeout = 120_000;
    this.#server.on("connection", (socket) => {
      this.#sockets.add(socket);
      socket.once("close", () => {
        this.#sockets.delete(socket);
        this.#pastBytes += socket.bytesRead + socket.bytesWritten;
      });
    });
  }

  /**
   * @param {Bundle} page
   * @param {number} delayMs
   */
  static async start(page, delayMs) {
    const server = new BenchServer(page, delayMs);
    server.#server.listen(0, "127.0.0.1");
    await once(server.#server, "listening");
    return server;
  }

  get url() {
    const address = this.#server.address();
    return `http://127.0.0.1:${typeof address === "object" ? address?.port : ""}/`;
  }

  /** Bytes that went over its connections, both ways, HTTP's headers among them. */
  get bytes() {
    const open = [...this.#sockets].reduce(
      (sum, socket) => sum + socket.bytesRead + socket.bytesWritten,
      0,
    );
    return this.#pastBytes + open;
  }

  stop() {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  /**
   * @param {Request} request
   * @param {Response} response
   */
  async #answer(request, response) {
    const { pathname, searchParams } = new URL(request.url ?? "/", this.url);
    if (request.method === "POST") {
      const body = JSON.parse(await textOf(request));
      if (pathname === "/charges") return this.#one(request, body, response);
      if (pathname === "/charges:batch") return this.#many(body.charges, response);
      if (pathname === "/v1/charges") return this.#protocolOne(request, body, response);
      if (pathname === "/v1/charges/batch") return this.#protocolMany(body.charges, response);
    }
    if (pathname === "/") return give(response, "text/html", HTML, ISOLATED);
    if (pathname === "/page.js") {
      return give(response, "text/javascript", this.#page.script, CACHED);
    }
    const wasm = this.#page.wasm.get(path.posix.basename(pathname));
    if (wasm) return give(response, "application/wasm", wasm, CACHED);
    if (pathname === "/v1/balance") return this.#protocolBalance(request, response);
    if (pathname === "/v1/charges") {
      return this.#protocolLookUp(searchParams.get("key") ?? "", response);
    }
    return say(response, 404, { error: "not found" });
  }

  /**
   * Whether the charges are to be booked; answers, or does not, where they aren't.
   *
   * @param {string[]} keys
   * @param {Response} response
   */
  #admits(keys, response) {
    const fate = this.ledger.arrive(keys);
    if (fate === "fail") say(response, 503, { error: "unavailable" });
    return { books: fate === "book" || fate === "mute", answers: fate === "book" };
  }

  /**
   * @param {Request} request
   * @param {any} body
   * @param {Response} response
   */
  async #one(request, body, response) {
    const key = keyOf(request) || body.taskId;
    const { books, answers } = this.#admits([key], response);
    if (!books) return;
    const { receipt } = this.ledger.book(key, body.taskId, body.amount);
    if (answers) await this.#sayLater(response, 200, receipt);
  }

  /**
   * @param {any[]} items
   * @param {Response} response
   */
  async #many(items, response) {
    const { books, answers } = this.#admits(
      items.map((item) => item.taskId),
      response,
    );
    if (!books) return;
    const results = items.map((item) => {
      return this.ledger.book(item.taskId, item.taskId, item.amount).receipt;
    });
    if (answers) await this.#sayLater(response, 200, { results });
  }

  /**
   * @param {Request} request
   * @param {any} body
   * @param {Response} response
   */
  async #protocolOne(request, body, response) {
    const key = keyOf(request);
    const { books, answers } = this.#admits([known(key)], response);
    if (!books) return;
    const { replayed, ...charge } = this.#protocolBook(key, body);
    const { balance, version } = this.ledger;
    if (answers)
      await this.#sayLater(response, replayed ? 200 : 201, { ...charge, balance, version });
  }

  /**
   * @param {any[]} items
   * @param {Response} response
   */
  async #protocolMany(items, response) {
    const keys = items.map((item) => known(item.idempotency_key));
    const { books, answers } = this.#admits(keys, response);
    if (!books) return;
    const results = items.map((item) => {
      return { status: "charged", ...this.#protocolBook(item.idempotency_key, item) };
    });
    const { balance, version } = this.ledger;
    if (answers) await this.#sayLater(response, 200, { results, balance, version });
  }

  /**
   * @param {string} key
   * @param {any} item
   */
  #protocolBook(key, item) {
    const { receipt, replayed } = this.ledger.book(known(key), item.task_id, item.amount);
    return { ...charged(key, receipt), replayed };
  }

  /**
   * @param {Request} request
   * @param {Response} response
   */
  #protocolBalance(request, response) {
    this.ledger.reads += 1;
    const { balance, version } = this.ledger;
    const etag = `"${version}"`;
    if (request.headers["if-none-match"] === etag) {
      response.writeHead(304, { etag }).end();
    } else {
      say(response, 200, { balance, version }, { etag });
    }
  }

  /**
   * @param {string} key
   * @param {Response} response
   */
  #protocolLookUp(key, response) {
    this.ledger.reads += 1;
    const receipt = this.ledger.receipts.get(known(key));
    const { balance, version } = this.ledger;
    if (receipt) return say(response, 200, { ...charged(key, receipt), balance, version });
    const type = { "content-type": "application/problem+json" };
    say(response, 404, { type: "charge-not-found", status: 404, title: "Not found" }, type);
  }

  /**
   * @param {Response} response
   * @param {number} status
   * @param {unknown} value
   */
  async #sayLater(response, status, value) {
    if (this.#delayMs) await setTimeout(this.#delayMs);
    say(response, status, value);
  }
}

/**
 * @param {string} key
 * @param {import("./ledger.mjs").Receipt} receipt
 */
function charged(key, { taskId, amount }) {
  return {
    charge_id: taskId,
    idempotency_key: key,
    amount,
    charged_at: "2025-01-01T00:00:00Z",
  };
}

/** @param {string} key */
function known(key) {
  return key.replace(KEY_PREFIX, "");
}

/** @param {Request} request */
function keyOf(request) {
  return String(request.headers["idempotency-key"] ?? "").replace(/^"|"$/g, "");
}

/** @param {Request} request */
async function textOf(request) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

/**
 * @param {Response} response
 * @param {number} status
 * @param {unknown} value
 * @param {Record<string, string>} headers
 */
function say(response, status, value, headers = {}) {
  const body = JSON.stringify(value);
  const length = Buffer.byteLength(body);
  response.writeHead(status, {
    "content-type": "application/json",
    "content-length": length,
    ...headers,
  });
  response.end(body);
}

/**
 * @param {Response} response
 * @param {string} type
 * @param {string | Uint8Array} content
 * @param {Record<string, string>} headers
 */
function give(response, type, content, headers) {
  response.writeHead(200, { "content-type": type, ...headers }).end(content);
}
