// @ts-check
/** One request over HTTP, on a connection of its own, and its answer. Redirects are not followed. */

import * as http from "node:http";
import * as https from "node:https";
import { setTimeout as delay } from "node:timers/promises";

/** @import { ClientRequest, IncomingMessage } from "node:http" */
/** @import { Request } from "./request.js" */

/** The pause between two pieces of a body, and before a client goes. */
const PAUSE_MS = 50;

const PIECES = 4;

/** How long the headers of an answer may be, and the answer. */
const LONGEST_HEADERS = 256 * 1024;
const LONGEST_BYTES = 4 * 1024 * 1024;

/** A request without it may be answered in any encoding. */
const ENCODING = { "accept-encoding": "identity" };

/**
 * @typedef {object} Answer
 * @property {number} status
 * @property {Record<string, string>} headers names in lower case
 * @property {string} text
 * @property {any} json undefined where the body is not JSON
 * @property {number} ms how long it took
 */

/**
 * Why there is no answer.
 *
 * @typedef {"no connection" | "no connection (the name is not known)" | "no connection (refused)"
 *   | "no connection (TLS failed: is the certificate one that counts?)" | "the connection was closed"
 *   | "more than 4 MiB came" | "no answer in time" | "given up, after 3 without an answer" | "gone"} Silence
 */

/** @typedef {{ answer: Answer } | { silence: Silence }} Exchange */

/**
 * @param {URL} base
 * @param {Request} request
 * @param {Record<string, string>} credentials headers
 * @param {number} withinMs how long it may take
 * @param {() => void} [onSent] called once the body has been sent, or can't be
 * @returns {Promise<Exchange>}
 */
export function exchange(base, request, credentials, withinMs, onSent = () => {}) {
  return new Promise((resolve) => {
    const started = performance.now();
    const bytes = request.body === null ? null : Buffer.from(request.body);
    const length = bytes === null ? {} : { "content-length": bytes.length };
    const outgoing = (base.protocol === "https:" ? https : http).request({
      hostname: base.hostname.replace(/^\[(.*)\]$/, "$1"),
      port: base.port,
      method: request.method,
      path: `${base.pathname.replace(/\/+$/, "")}/${request.path}`,
      headers: { ...ENCODING, ...length, ...request.headers, ...credentials },
      // Each on a connection of its own: what one request does to its connection harms no other.
      agent: false,
      maxHeaderSize: LONGEST_HEADERS,
    });
    let isReached = false;
    let isConnected = false;
    let isAnswered = false;
    /** @type {NodeJS.ErrnoException | null} */
    let failure = null;
    /** @param {Exchange} end */
    const finish = (end) => {
      clearTimeout(timer);
      resolve(end);
      outgoing.destroy();
    };
    const timer = setTimeout(() => finish({ silence: "no answer in time" }), withinMs);
    outgoing.on("socket", (socket) => {
      const event = base.protocol === "https:" ? "secureConnect" : "connect";
      socket.once("connect", () => {
        isReached = true;
      });
      socket.once(event, () => {
        isConnected = true;
      });
    });
    outgoing.on("response", (incoming) => {
      isAnswered = true;
      read(incoming).then(
        (text) =>
          finish(
            text === null
              ? { silence: "more than 4 MiB came" }
              : { answer: answerOf(incoming, text, performance.now() - started) },
          ),
        () => finish({ silence: "the connection was closed" }),
      );
    });
    outgoing.on("finish", onSent);
    outgoing.on("close", () => {
      onSent();
      // A server may answer and close before it has read the whole body.
      if (!isAnswered) {
        const closed = "the connection was closed";
        finish({ silence: isConnected ? closed : unconnected(failure, isReached) });
      }
    });
    outgoing.on("error", (error) => {
      failure = error;
    });
    write(outgoing, request, bytes).then((gone) => gone && finish({ silence: "gone" }));
  });
}

/**
 * @param {NodeJS.ErrnoException | null} failure
 * @param {boolean} isReached whether there was a connection to be secured
 * @returns {Silence}
 */
function unconnected(failure, isReached) {
  if (isReached) {
    return "no connection (TLS failed: is the certificate one that counts?)";
  }
  switch (failure?.code) {
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return "no connection (the name is not known)";
    case "ECONNREFUSED":
      return "no connection (refused)";
    default:
      return "no connection";
  }
}

/**
 * @param {ClientRequest} outgoing
 * @param {Request} request
 * @param {Buffer | null} bytes
 * @returns {Promise<boolean>} whether the client goes
 */
async function write(outgoing, { delivery }, bytes) {
  if (bytes === null || delivery === null || delivery === "in the background") {
    outgoing.end(bytes);
    return false;
  }
  switch (delivery) {
    case "in pieces": {
      const size = Math.ceil(bytes.length / PIECES);
      for (let at = 0; at < bytes.length; at += size) {
        outgoing.write(bytes.subarray(at, at + size));
        await delay(PAUSE_MS);
      }
      outgoing.end();
      return false;
    }
    case "without end":
      outgoing.write(bytes.subarray(0, -1));
      return false;
    case "gone in the body":
      await flushed(outgoing, bytes.subarray(0, bytes.length >> 1));
      await delay(PAUSE_MS);
      return true;
    case "gone before the answer":
      await flushed(outgoing, bytes);
      return true;
  }
}

/**
 * @param {ClientRequest} outgoing
 * @param {Buffer} bytes
 */
function flushed(outgoing, bytes) {
  return new Promise((resolve) => {
    outgoing.once("close", resolve);
    outgoing.write(bytes, resolve);
  });
}

/** The body; null where it is too long. @param {IncomingMessage} incoming */
async function read(incoming) {
  const pieces = [];
  let bytes = 0;
  for await (const piece of incoming) {
    bytes += piece.length;
    if (bytes > LONGEST_BYTES) {
      return null;
    }
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString();
}

/**
 * @param {IncomingMessage} incoming
 * @param {string} text
 * @param {number} ms
 * @returns {Answer}
 */
function answerOf(incoming, text, ms) {
  const lists = Object.entries(incoming.headersDistinct);
  const headers = Object.fromEntries(lists.map(([name, all]) => [name, (all ?? []).join(", ")]));
  return { status: incoming.statusCode ?? 0, headers, text, json: parsed(text), ms };
}

/** @param {string} text */
function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
