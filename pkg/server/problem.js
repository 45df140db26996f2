// @ts-check
/** Errors as problem documents (RFC 9457). */

import { sorted } from "./json.js";

/**
 * @typedef {object} Answer
 * @property {number} status
 * @property {Record<string, string>} headers names in lower case
 * @property {string} body
 */

/** Status and title of each type. */
const KINDS = {
  "invalid-request": [400, "The request is not valid"],
  "invalid-json": [400, "The body is not JSON"],
  "idempotency-key-missing": [400, "The Idempotency-Key is missing"],
  "idempotency-key-invalid": [400, "The Idempotency-Key is not valid"],
  "billing-account-invalid": [400, "The Billing-Account is not valid"],
  "price-mismatch": [400, "The task has another price"],
  unauthorized: [401, "The token is not accepted"],
  "insufficient-balance": [402, "There are not enough points"],
  forbidden: [403, "Not allowed"],
  "account-mismatch": [403, "Somebody else is signed in"],
  "cross-origin": [403, "Not from another origin"],
  "not-found": [404, "There is nothing here"],
  "charge-not-found": [404, "This key was never charged"],
  "method-not-allowed": [405, "Not with this method"],
  "request-timeout": [408, "The request took too long"],
  "request-in-progress": [409, "Another request with this key is being answered"],
  "already-charged": [409, "The key has been charged"],
  "payload-too-large": [413, "The body is too large"],
  "unsupported-media-type": [415, "The body must be application/json"],
  "idempotency-key-reused": [422, "The key was used for another charge"],
  "hold-exceeded": [422, "The hold is smaller than the charge"],
  "too-many-requests": [429, "Too many requests"],
  "internal-error": [500, "Something broke"],
  "not-implemented": [501, "Not implemented"],
  "bad-gateway": [502, "The gateway got no good answer"],
  "service-unavailable": [503, "Not available now; nothing was changed"],
  "gateway-timeout": [504, "The gateway got no answer in time"],
};

/** The usual type of a status; none for those that only the ledger decides. @type {Record<number, Kind>} */
const USUAL = {
  400: "invalid-request",
  401: "unauthorized",
  403: "forbidden",
  404: "not-found",
  405: "method-not-allowed",
  408: "request-timeout",
  409: "request-in-progress",
  413: "payload-too-large",
  415: "unsupported-media-type",
  429: "too-many-requests",
  500: "internal-error",
  501: "not-implemented",
  502: "bad-gateway",
  503: "service-unavailable",
  504: "gateway-timeout",
};

/** @typedef {keyof typeof KINDS} Kind */

/** A problem, thrown where it is found. */
export class Problem extends Error {
  /** @type {number} */
  status;
  /** The document's members. @type {Record<string, unknown>} */
  members;
  /** @type {Record<string, string>} */
  headers;

  /**
   * @param {Kind} kind
   * @param {string} detail what is wrong with this very request, for people
   * @param {{ members?: Record<string, unknown>, headers?: Record<string, string> }} [more]
   */
  constructor(kind, detail, { members = {}, headers = {} } = {}) {
    super(detail);
    const [status, title] = /** @type {[number, string]} */ (KINDS[kind]);
    this.status = status;
    this.members = { ...members, type: kind, title, status, detail };
    this.headers = headers;
  }

  /** @returns {Answer} */
  answer() {
    return {
      status: this.status,
      headers: { "content-type": "application/problem+json", ...this.headers },
      body: JSON.stringify(sorted(this.members)),
    };
  }
}

/** @param {string} detail */
export function invalid(detail) {
  return new Problem("invalid-request", detail);
}

/**
 * 401 with the challenge that RFC 9110 asks for.
 *
 * @param {string} detail
 * @param {string} [error] a code of RFC 6750, section 3.1
 */
export function unauthorized(detail, error) {
  const challenge = error ? `Bearer error="${error}"` : "Bearer";
  return new Problem("unauthorized", detail, { headers: { "www-authenticate": challenge } });
}

/**
 * The usual problem of a status, of the type `about:blank` where there is none (RFC 9457, 4.2.1).
 *
 * @param {number} status
 * @param {string} detail
 * @returns {Answer}
 */
export function usualAnswer(status, detail) {
  const kind = USUAL[status];
  if (kind === "unauthorized") {
    return unauthorized(detail, "invalid_token").answer();
  }
  if (kind) {
    return new Problem(kind, detail).answer();
  }
  const blank = new Problem("internal-error", detail);
  blank.status = status;
  Object.assign(blank.members, {
    type: "about:blank",
    status,
    title: REASONS[status] ?? "Unknown",
  });
  return blank.answer();
}

/** The reasons of statuses without a type. @type {Record<number, string>} */
const REASONS = {
  200: "OK",
  201: "Created",
  202: "Accepted",
  204: "No Content",
  301: "Moved Permanently",
  302: "Found",
  303: "See Other",
  304: "Not Modified",
  307: "Temporary Redirect",
  308: "Permanent Redirect",
  402: "Payment Required",
  406: "Not Acceptable",
  410: "Gone",
  411: "Length Required",
  412: "Precondition Failed",
  414: "URI Too Long",
  418: "I'm a teapot",
  421: "Misdirected Request",
  422: "Unprocessable Entity",
  423: "Locked",
  425: "Too Early",
  426: "Upgrade Required",
  428: "Precondition Required",
  431: "Request Header Fields Too Large",
  451: "Unavailable For Legal Reasons",
  505: "HTTP Version Not Supported",
  507: "Insufficient Storage",
  511: "Network Authentication Required",
};
