// A billing server that breaks the protocol in one way: the package's own in memory, and a fault in
// front of it. A token is the name of an account.

import { createServer } from "node:http";
import { gzipSync } from "node:zlib";
import { quoted } from "../../../pkg/conformance/request.js";
import { answer } from "../../../pkg/server/billing.js";
import { bearerToken, idempotencyKey, wantedKey } from "../../../pkg/server/fields.js";
import { openAccount, topUp } from "../../../pkg/server/ledger.js";
import { Problem, unauthorized } from "../../../pkg/server/problem.js";
import { memoryStore } from "../../../pkg/server/store/memory.js";

/** @import { IncomingMessage } from "node:http" */
/** @import { AddressInfo } from "node:net" */
/** @import { World } from "../../../pkg/server/billing.js" */
/** @import { Book } from "../../../pkg/server/ledger.js" */
/** @import { ServerRequest } from "../../../pkg/server/fields.js" */
/** @import { Answer } from "../../../pkg/server/problem.js" */
/** @import { Change, Fault } from "./faults.mjs" */

const BASE = "/billing/v1";
const ACCOUNTS = ["alice", "bob"];
const BODY_WITHIN_MS = 1_000;

const SHARED = {
  "access-control-allow-origin": "*",
  "access-control-expose-headers": "date, etag, retry-after, idempotent-replayed",
};
const PREFLIGHT = {
  ...SHARED,
  "access-control-allow-methods": "GET, POST, DELETE",
  "access-control-allow-headers":
    "authorization, content-type, idempotency-key, if-none-match, billing-account",
};

/** What the server's clock says when it starts. */
const START_MS = Date.UTC(2026, 0, 1);

/**
 * Listens until the test ends, with these points for each account. `POST /top-up` and `POST /price` are
 * for the kit's commands.
 *
 * @param {import("node:test").TestContext} t
 * @param {Fault} fault
 * @param {number} [points]
 * @returns {Promise<string>} the server's address
 */
export async function brokenServer(t, fault, points = 200) {
  const store = memoryStore();
  const terms = { seedBalance: points, keyTtlMs: null, holds: true };
  for (const account of ACCOUNTS) {
    openAccount(store.book, terms, account, 0);
  }
  let made = 0;
  const started = performance.now();
  /** @type {World} */
  const world = {
    store,
    terms,
    now: () => START_MS + Math.floor(performance.now() - started),
    newId: () => {
      made += 1;
      return `charge-${made}`;
    },
    signedIn: async (request) => signedIn(request),
  };
  const respond = fault.start();
  const withinMs = fault.waitsForever ? null : BODY_WITHIN_MS;

  /** @param {IncomingMessage} incoming @returns {Promise<Answer>} */
  const answerTo = async (incoming) => {
    const [path = "", query = null] = (incoming.url ?? "").split("?");
    const method = incoming.method ?? "";
    const header = (/** @type {string} */ name) => incoming.headersDistinct[name] ?? [];
    const body = await bodyOf(incoming, withinMs);
    if (body instanceof Problem) {
      return shared(body.answer());
    }
    if (!path.startsWith(BASE)) {
      return command({ method, path, query, header, body });
    }
    const request = { method, path: path.slice(BASE.length), query, header, body };
    const preflight = { status: 204, headers: PREFLIGHT, body: "" };
    return respond({
      request,
      account: ACCOUNTS.find((name) => name === bearerToken(request)) ?? "",
      key: keyOf(request),
      body: parsed(body),
      book: store.book,
      now: world.now,
      carryOut: async (change = {}) =>
        method === "OPTIONS"
          ? preflight
          : shared(await answer(withBook(world, change.book), changed(request, change))),
    });
  };

  /**
   * @param {ServerRequest} request
   * @returns {Promise<Answer>}
   */
  const command = async (request) => {
    const account = signedIn(request);
    const { points, task_id, price } = JSON.parse(request.body ?? "");
    await store.turn((turn) =>
      turn.change((book) =>
        request.path === "/top-up"
          ? topUp(book, terms, account, points, 0)
          : book.setPrice(account, task_id, price),
      ),
    );
    return { status: 204, headers: {}, body: "" };
  };

  const server = createServer(async (incoming, outgoing) => {
    const { status, headers, body } = await answerTo(incoming);
    if (status === 0) {
      outgoing.destroy();
      return;
    }
    const mustNot = incoming.headers["accept-encoding"] === "identity";
    if (fault.compresses === "always" || (fault.compresses && !mustNot)) {
      outgoing.writeHead(status, { ...headers, "content-encoding": "gzip" });
      outgoing.end(gzipSync(body));
      return;
    }
    outgoing.writeHead(status, headers);
    outgoing.end(body);
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(null)));
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return `http://127.0.0.1:${/** @type {AddressInfo} */ (server.address()).port}`;
}

/**
 * The same world, whose book does some things in another way.
 *
 * @param {World} world
 * @param {Partial<Book>} [other]
 * @returns {World}
 */
function withBook({ store, ...world }, other) {
  const changed = (/** @type {(book: Book) => any} */ work) => (/** @type {Book} */ book) =>
    work({ ...book, ...other });
  return {
    ...world,
    store: {
      ...store,
      turn: (work) =>
        store.turn((turn) =>
          work({
            change: (inner) => turn.change(changed(inner)),
            read: (inner) => turn.read(changed(inner)),
          }),
        ),
    },
  };
}

/** @param {ServerRequest} request */
function signedIn(request) {
  const token = bearerToken(request);
  if (token === undefined || !ACCOUNTS.includes(token)) {
    throw unauthorized("The token is not accepted.");
  }
  return token;
}

/** @param {Answer} given @returns {Answer} */
function shared(given) {
  return { ...given, headers: { ...SHARED, ...given.headers } };
}

/**
 * @param {ServerRequest} request
 * @param {Change} change
 * @returns {ServerRequest}
 */
function changed(request, { key, body, account, headers = {} }) {
  /** @type {Record<string, string | null>} */
  const all = { ...headers };
  if (account !== undefined) {
    all.authorization = `Bearer ${account}`;
  }
  if (key !== undefined && request.method === "POST") {
    all["idempotency-key"] = quoted(key);
  }
  return {
    ...request,
    query: key !== undefined ? `key=${encodeURIComponent(key)}` : request.query,
    body: body === undefined ? request.body : JSON.stringify(body),
    header(name) {
      const value = all[name];
      return value === undefined ? request.header(name) : value === null ? [] : [value];
    },
  };
}

/** @param {ServerRequest} request */
function keyOf(request) {
  try {
    return request.method === "POST" ? idempotencyKey(request) : wantedKey(request);
  } catch {
    return null;
  }
}

/** @param {string} text */
function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/**
 * @param {IncomingMessage} incoming
 * @param {number | null} withinMs null for ever
 * @returns {Promise<string | Problem>}
 */
function bodyOf(incoming, withinMs) {
  return new Promise((resolve) => {
    /** @type {Buffer[]} */
    const pieces = [];
    const late = () => resolve(new Problem("request-timeout", "The body did not end."));
    const timer = withinMs === null ? undefined : setTimeout(late, withinMs);
    incoming.on("data", (piece) => pieces.push(piece));
    incoming.on("close", () => clearTimeout(timer));
    incoming.on("end", () => resolve(Buffer.concat(pieces).toString()));
    // A request that broke off is never answered.
    incoming.on("error", () => {});
  });
}
