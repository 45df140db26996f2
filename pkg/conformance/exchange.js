// @ts-check
/** One request over HTTP, on a connection of its own, and its answer. Redirects are not followed. */

import * as http from "node:http";
import * as https from "node:https";
import { setTimeout as delay } from "node:timers/promises";

/** @import { ClientRequest, IncomingMessage } from "node:http" */
/** @import { Request } from "./request.js" */

/** How long an answer may take. */
const ANSWER_MS = 30_000;

/** The pause between two pieces of a body, and before a client goes. */
const PAUSE_MS = 50;

const PIECES = 4;

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

/** Why there is no answer. @typedef {"no connection" | "the connection was closed" | "no answer in time" | "gone"} Silence */

/** @typedef {{ answer: Answer } | { silence: Silence }} Exchange */

/**
 * @param {URL} base
 * @param {Request} request
 * @param {Record<string, string>} credentials headers
 * @param {number} withinMs how long a body may take that never ends
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
    });
    let isConnected = false;
    let isAnswered = false;
    /** @param {Exchange} end */
    const finish = (end) => {
      clearTimeout(timer);
      resolve(end);
      outgoing.destroy();
    };
    const limit = request.delivery === "without end" ? withinMs : ANSWER_MS;
    const timer = setTimeout(() => finish({ silence: "no answer in time" }), limit);
    outgoing.on("socket", (socket) => {
      const event = base.protocol === "https:" ? "secureConnect" : "connect";
      socket.once(event, () => {
        isConnected = true;
      });
    });
    outgoing.on("response", (incoming) => {
      isAnswered = true;
      read(incoming).then(
        (text) => finish({ answer: answerOf(incoming, text, performance.now() - started) }),
        () => finish({ silence: "the connection was closed" }),
      );
    });
    outgoing.on("finish", onSent);
    outgoing.on("close", () => {
      onSent();
      // A server may answer and close before it has read the whole body.
      if (!isAnswered) {
        finish({ silence: isConnected ? "the connection was closed" : "no connection" });
      }
    });
    outgoing.on("error", () => {});
    write(outgoing, request, bytes).then((gone) => gone && finish({ silence: "gone" }));
  });
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

/** @param {IncomingMessage} incoming */
async function read(incoming) {
  const pieces = [];
  for await (const piece of incoming) {
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
