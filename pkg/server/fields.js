// @ts-check
/** The parts of a request, parsed once: its headers, its query, its body. */

import { JsonReader, JsonSyntaxError, NotAnObject, repeated } from "./json.js";
import { isKey, MAX_KEY_BYTES } from "./limits.js";
import { invalid, Problem } from "./problem.js";

/** @import { JsonObject } from "./json.js" */

/**
 * A request that has been received.
 *
 * @typedef {object} ServerRequest
 * @property {string} method
 * @property {string} path from the root of the server, or of the API, on
 * @property {string | null} query without its question mark
 * @property {(name: string) => string[]} header every value of the header, its name in lower case
 * @property {string | null} body null where it is not UTF-8
 */

/** What strings of structured fields consist of (RFC 8941, section 3.3.3). */
const CHARS = String.raw`(?:[ !#-\[\]-~]|\\["\\])*`;

/** Numbers, tokens, bytes and truth values. */
const OTHERS = String.raw`(?:-?\d{1,12}\.\d{1,3}|-?\d{1,15}|[A-Za-z*][\w!#$%&'*+.^|~:/\x60-]*|:[A-Za-z\d+/]*={0,2}:|\?[01])`;

/** A parameter. */
const PARAMETER = String.raw`; *[a-z*][a-z\d_.*-]*(?:=(?:"${CHARS}"|${OTHERS}))?`;

/** An item; its string, where it is one, is the first group. */
const ITEM = new RegExp(`^ *(?:"(${CHARS})"|${OTHERS})(?:${PARAMETER})* *$`);

/**
 * The header's string (RFC 8941, section 3.3.3), percent-decoded; undefined where there is no such
 * header. Parameters are ignored.
 *
 * @param {ServerRequest} request
 * @param {string} name
 * @param {(detail: string) => Problem} wrong
 */
function decodedString(request, name, wrong) {
  const values = request.header(name);
  if (values.length === 0) {
    return undefined;
  }
  if (values.length > 1) {
    throw wrong(`One ${name} is enough.`);
  }
  const item = ITEM.exec(values[0]);
  if (!item) {
    throw wrong("Not a structured field item.");
  }
  if (item[1] === undefined) {
    throw wrong("Not a string in quotation marks.");
  }
  const text = percentDecoded(item[1].replace(/\\(.)/g, "$1"));
  if (text === null) {
    throw wrong("Not percent-encoded UTF-8.");
  }
  return text;
}

/**
 * The idempotency key of the header.
 *
 * @param {ServerRequest} request
 */
export function idempotencyKey(request) {
  const wrong = (/** @type {string} */ detail) => new Problem("idempotency-key-invalid", detail);
  const key = decodedString(request, "idempotency-key", wrong);
  if (key === undefined) {
    throw new Problem("idempotency-key-missing", "The header Idempotency-Key is required.");
  }
  if (!isKey(key)) {
    throw wrong(`the idempotency key must be 1 to ${MAX_KEY_BYTES} bytes.`);
  }
  return key;
}

/**
 * The account that the client believes it acts for, if it says so.
 *
 * @param {ServerRequest} request
 */
export function billingAccount(request) {
  const wrong = (/** @type {string} */ detail) => new Problem("billing-account-invalid", detail);
  return decodedString(request, "billing-account", wrong);
}

/**
 * The bearer token (RFC 6750, section 2.1), if there is one.
 *
 * @param {ServerRequest} request
 */
export function bearerToken(request) {
  const [value] = request.header("authorization");
  return /^bearer +([\x20-\x7e]*)$/i.exec(value ?? "")?.[1];
}

/**
 * The key in the query of a look-up, or of a release: percent-encoded UTF-8, with `+` for a blank as
 * in any form.
 *
 * @param {ServerRequest} request
 */
export function wantedKey({ query }) {
  const members = (query ?? "").split("&").filter((member) => member.startsWith("key="));
  if (members.length !== 1) {
    throw invalid(members.length ? "One key is enough." : "The query must have a key.");
  }
  const key = percentDecoded(members[0].slice("key=".length).replaceAll("+", " "));
  if (key === null) {
    throw invalid("key must be percent-encoded UTF-8.");
  }
  return key;
}

/**
 * A percent sign that begins no byte stays as it is; null where the bytes are not UTF-8.
 *
 * @param {string} text
 */
function percentDecoded(text) {
  try {
    return decodeURIComponent(text.replace(/%(?![\da-fA-F]{2})/g, "%25"));
  } catch {
    return null;
  }
}

/**
 * The body, which must be a JSON object that was sent as JSON, as `check` reads it.
 *
 * @template T
 * @param {ServerRequest} request
 * @param {string[]} members names that no body may have twice
 * @param {(body: JsonObject) => T} check
 * @returns {T}
 */
export function jsonBody({ header, body }, members, check) {
  const type = (header("content-type")[0] ?? "").split(";")[0].trim().toLowerCase();
  if (!/^application\/(?:json|[\w!#$&^.-]+\+json)$/.test(type)) {
    throw new Problem("unsupported-media-type", "The body must be sent as application/json.");
  }
  if (body === null) {
    throw new Problem("invalid-json", "The body is not UTF-8.");
  }
  const reader = new JsonReader(body);
  try {
    const object = reader.object();
    const twice = repeated(object, members);
    if (twice) {
      throw invalid(`The body has ${twice} twice.`);
    }
    const read = check(object);
    reader.end();
    return read;
  } catch (error) {
    if (error instanceof JsonSyntaxError) {
      throw new Problem("invalid-json", error.message);
    }
    throw error instanceof NotAnObject ? invalid(error.message) : error;
  }
}

/**
 * Whether an `If-None-Match` names this entity tag: compared weakly (RFC 9110, section 13.1.2).
 *
 * @param {ServerRequest} request
 * @param {string} etag
 */
export function isKnown(request, etag) {
  const list = request.header("if-none-match").join(",");
  const tags = list.match(/(?:W\/)?"[^"]*"/g) ?? [];
  return list.trim() === "*" || tags.some((tag) => tag.replace(/^W\//, "") === etag);
}
