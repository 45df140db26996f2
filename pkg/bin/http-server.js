// @ts-check
/** The billing server over HTTP: what each path leads to, and how a request is received. */

import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { setTimeout as delay } from "node:timers/promises";
import { timerMs } from "../lib/waiting.js";
import { answer, notAllowed, operationOf } from "../server/billing.js";
import { demoAnswer, isDemo, refusedOrigin } from "../server/demo.js";
import { withFault } from "../server/faults.js";
import { bearerToken } from "../server/fields.js";
import { Problem } from "../server/problem.js";
import { fileAt } from "./files.js";

/** @import { IncomingMessage, Server, ServerResponse } from "node:http" */
/** @import { World } from "../server/billing.js" */
/** @import { Extras } from "../server/demo.js" */
/** @import { ServerRequest } from "../server/fields.js" */
/** @import { Answer } from "../server/problem.js" */
/** @import { FileAnswer } from "./files.js" */

/** Where the charge protocol is. */
const BASE = "/billing/v1";

/** The largest body, in bytes. */
const MAX_BODY_BYTES = 1024 * 1024;

/** About the longest request line and headers together: a long key takes 12 KiB, an account as much. */
const MAX_HEAD_BYTES = 64 * 1024;

/** How long requests under way may take once the server stops. */
const GRACE_MS = 5_000;

/** How often connections that have become idle are looked for then. */
const IDLE_MS = 20;

/** Any origin may call, with the headers that the protocol needs. */
const SHARED = {
  "access-control-allow-origin": "*",
  "access-control-expose-headers": "date,etag,retry-after,idempotent-replayed",
};

const PREFLIGHT = {
  "access-control-allow-origin": "*",
  "access-control-allow-methods": "GET,POST,DELETE",
  "access-control-allow-headers":
    "authorization,content-type,idempotency-key,if-none-match,billing-account",
  "access-control-max-age": "600",
};

/** No answer of the API acts as a page, whatever a fault has put into it. */
const NO_PAGE = {
  "content-security-policy": "sandbox; default-src 'none'",
  "x-content-type-options": "nosniff",
};

/**
 * @typedef {Extras & {
 *   panel: string | null,
 *   staticDir: string | null,
 *   bodyWithinMs: number,
 * }} Surface
 */

/**
 * A server that does not listen yet, and what stops it: that lets requests under way end, for some
 * seconds at most.
 *
 * @param {World} world
 * @param {Surface} surface
 * @returns {{ server: Server, stop: () => Promise<void> }}
 */
export function httpServer(world, surface) {
  const stopping = new AbortController();

  /**
   * @param {IncomingMessage} incoming
   * @param {ServerResponse} outgoing
   */
  const respond = async (incoming, outgoing) => {
    const gone = new Promise((resolve) => outgoing.once("close", () => resolve(null)));
    const given = await answerTo(incoming, gone);
    if (!given) {
      incoming.socket.destroy();
      return;
    }
    const { status, headers, body } = given;
    if (stopping.signal.aborted) {
      outgoing.setHeader("connection", "close");
    }
    if (status !== 304) {
      outgoing.setHeader("content-length", Buffer.byteLength(body));
    }
    outgoing.writeHead(status, headers);
    outgoing.end(body);
  };

  /**
   * @param {IncomingMessage} incoming
   * @param {Promise<unknown>} gone resolves when the client has gone
   * @returns {Promise<FileAnswer | null>} null where the connection is to be closed unanswered
   */
  const answerTo = async (incoming, gone) => {
    const method = incoming.method ?? "GET";
    const [path, query = null] = split(incoming.url ?? "/", "?");
    const header = (/** @type {string} */ name) => incoming.headersDistinct[name] ?? [];
    if (path === BASE || (path.startsWith(`${BASE}/`) && path !== `${BASE}/`)) {
      const inner = path.slice(BASE.length);
      if (method === "OPTIONS") {
        return api({ status: 200, headers: PREFLIGHT, body: "" });
      }
      if (inner === "/openapi.json") {
        return api(withHeaders(await openApi(method), SHARED));
      }
      const given = await receiving(incoming, surface.bodyWithinMs, (body) =>
        faulty({ method, path: inner, query, header, body }, gone),
      );
      return given && api(withHeaders(given, SHARED));
    }
    if (isDemo(surface, path)) {
      const refused = refusedOrigin({ method, path, query, header, body: null });
      const given =
        refused ??
        (await receiving(incoming, surface.bodyWithinMs, (body) =>
          demoAnswer(world, surface, { method, path, query, header, body }),
        ));
      return given && api(given);
    }
    return (await fileAt(surface, method, path)) ?? nothing();
  };

  /**
   * @param {ServerRequest} request
   * @param {Promise<unknown>} gone
   */
  const faulty = async (request, gone) => {
    const operation = operationOf(world.terms, request.method, request.path);
    const account = await accountFor(request);
    return withFault(surface.faults?.take({ operation, account }), {
      carryOut: () => answer(world, request),
      delay: (ms) => delay(timerMs(ms), undefined, { ref: false }),
      hang: async () => {
        const stopped = new Promise((resolve) =>
          stopping.signal.addEventListener("abort", resolve, { once: true }),
        );
        await Promise.race([gone, stopped]);
        return null;
      },
    });
  };

  /**
   * The account whose token came, where a rule asks for one.
   *
   * @param {ServerRequest} request
   */
  const accountFor = async (request) => {
    const asks = surface.faults?.rules.some(({ account }) => account !== null);
    if (!asks || bearerToken(request) === undefined) {
      return null;
    }
    return world.signedIn(request, world.store).catch(() => null);
  };

  const server = createServer({ maxHeaderSize: MAX_HEAD_BYTES }, (incoming, outgoing) => {
    respond(incoming, outgoing).catch((error) => {
      console.error(error);
      incoming.socket.destroy();
    });
  });
  // A connection that the server closes while a request is on its way loses the request.
  server.keepAliveTimeout = 0;

  return {
    server,
    async stop() {
      const closed = new Promise((resolve) => server.close(resolve));
      stopping.abort();
      const late = delay(GRACE_MS, "late", { ref: false });
      // A connection that is kept alive becomes idle only when its last request has ended.
      const idle = setInterval(() => server.closeIdleConnections(), IDLE_MS);
      if ((await Promise.race([closed, late])) === "late") {
        console.error("tollbox: stopped with requests under way");
        server.closeAllConnections();
      }
      clearInterval(idle);
      await world.store.close();
    },
  };
}

/** @returns {Answer} */
function nothing() {
  const given = new Problem("not-found", "There is nothing at this path.").answer();
  return withHeaders(given, { "cache-control": "no-store" });
}

/**
 * The protocol's OpenAPI document, which is the reference server's.
 *
 * @param {string} method
 * @returns {Promise<Answer>}
 */
async function openApi(method) {
  if (method !== "GET" && method !== "HEAD") {
    return notAllowed(method, ["GET"]).answer();
  }
  const body = await readFile(new URL("./openapi.json", import.meta.url), "utf8");
  return { status: 200, headers: { "content-type": "application/json" }, body };
}

/**
 * @param {Answer} given
 * @returns {Answer}
 */
function api(given) {
  const headers = { "cache-control": "no-store", ...given.headers, ...NO_PAGE };
  return { ...given, headers };
}

/**
 * @param {Answer} given
 * @param {Record<string, string>} headers
 * @returns {Answer}
 */
function withHeaders(given, headers) {
  return { ...given, headers: { ...given.headers, ...headers } };
}

/**
 * Reads the whole body before anything is begun, so that an unfinished request takes nothing and
 * delays no other.
 *
 * @param {IncomingMessage} incoming
 * @param {number} withinMs
 * @param {(body: string | null) => Promise<Answer | null>} then
 */
async function receiving(incoming, withinMs, then) {
  const body = await bodyOf(incoming, withinMs);
  if (body instanceof Problem) {
    // The rest of it is not read.
    body.headers.connection = "close";
    return body.answer();
  }
  return then(body);
}

/**
 * @param {IncomingMessage} incoming
 * @param {number} withinMs
 * @returns {Promise<string | null | Problem>} null where it is not UTF-8
 */
function bodyOf(incoming, withinMs) {
  return new Promise((resolve) => {
    /** @type {Buffer[]} */
    const pieces = [];
    let length = 0;
    /** @param {string | null | Problem} body */
    const end = (body) => {
      clearTimeout(timer);
      resolve(body);
    };
    const timer = setTimeout(() => {
      incoming.pause();
      end(new Problem("request-timeout", "The body did not come to its end."));
    }, withinMs);
    incoming.on("data", (piece) => {
      length += piece.length;
      pieces.push(piece);
      if (length > MAX_BODY_BYTES) {
        incoming.pause();
        end(new Problem("payload-too-large", `A body has at most ${MAX_BODY_BYTES} bytes.`));
      }
    });
    incoming.on("end", () => end(utf8(Buffer.concat(pieces))));
    incoming.on("error", () => end(new Problem("invalid-request", "The body broke off.")));
  });
}

/** @param {Buffer} bytes */
function utf8(bytes) {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return null;
  }
}

/**
 * @param {string} text
 * @param {string} mark
 * @returns {[string] | [string, string]}
 */
function split(text, mark) {
  const at = text.indexOf(mark);
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + 1)];
}
