// @ts-check
/** Faults on demand, like those of networks and servers. */

import { invalid, usualAnswer } from "./problem.js";

/** @import { Answer } from "./problem.js" */
/** @import { Operation } from "./billing.js" */

/**
 * An answer in place of the server's. Without `body` it is the status's usual problem document.
 *
 * @typedef {object} FaultAnswer
 * @property {number} status 200 to 599
 * @property {string} [retry_after] the header `Retry-After`: seconds or an HTTP date
 * @property {Record<string, string>} [headers] more headers, in place of the usual ones
 * @property {string} [body] sent as JSON if it is JSON, as HTML if not
 */

/**
 * @typedef {| { kind: "latency", ms: number }
 *   | { kind: "drop_before" | "drop_after" | "hang" | "hang_after" | "garbage" }
 *   | { kind: "late", ms: number, answer?: FaultAnswer }
 *   | ({ kind: "status", after?: boolean } & FaultAnswer)} Fault
 */

/**
 * The requests that a fault hits, and how many of them it has left; null for ever.
 *
 * @typedef {object} Rule
 * @property {"any" | Operation} on
 * @property {string | null} account
 * @property {string | null} [key] of a charge or a look-up, or one in a batch
 * @property {Fault} fault
 * @property {number | null} times
 */

/**
 * What a rule looks at.
 *
 * @typedef {object} Target
 * @property {Operation | undefined} operation
 * @property {string | null} account
 * @property {string[]} [keys]
 */

const OPERATIONS = ["any", "balance", "charge", "batch", "lookup"];

/** Headers that say where an answer ends. */
const FRAMING = ["connection", "content-length", "trailer", "transfer-encoding"];

const HEADER_NAME = /^[\w!#$%&'*+.^`|~-]+$/;
const HEADER_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

/** The fields of each kind of fault. */
/** @type {Record<string, Record<string, { check: (value: any) => string | null, optional?: boolean }>>} */
const KINDS = (() => {
  const ms = { check: (/** @type {unknown} */ it) => (isCount(it) ? null : "ms must be whole.") };
  const optional = true;
  const answer = {
    status: {
      check: (/** @type {any} */ it) =>
        isCount(it) && it >= 200 && it <= 599 ? null : "status must be from 200 to 599.",
    },
    retry_after: {
      check: (/** @type {unknown} */ it) =>
        it === null || isHeaderValue(it) ? null : "retry_after can't be a header.",
      optional,
    },
    headers: { check: checkHeaders, optional },
    body: {
      check: (/** @type {unknown} */ it) =>
        it === null || typeof it === "string" ? null : "body must be a string.",
      optional,
    },
  };
  return {
    latency: { ms },
    drop_before: {},
    drop_after: {},
    hang: {},
    hang_after: {},
    garbage: {},
    status: {
      ...answer,
      after: {
        check: (it) => (typeof it === "boolean" ? null : "after must be true or false."),
        optional,
      },
    },
    late: {
      ms,
      answer: { check: (it) => (it === null ? null : wrongFields(it, answer)), optional },
    },
  };
})();

/** The rules in force. The first that matches a request applies, alone. */
export class Faults {
  /** @type {Rule[]} */
  #rules = [];

  /** The rules, with the matches that each has left. */
  get rules() {
    return this.#rules.map((rule) => ({ ...rule }));
  }

  /** @param {Rule[]} rules */
  replace(rules) {
    this.#rules = rules.map((rule) => ({ ...rule }));
  }

  /**
   * The fault of the first rule that matches; it uses up one of the rule's matches.
   *
   * @param {Target} target
   * @returns {Fault | undefined}
   */
  take(target) {
    const rule = this.#rules.find((rule) => matches(rule, target));
    if (rule && rule.times !== null) {
      rule.times -= 1;
    }
    return rule?.fault;
  }
}

/**
 * @param {Rule} rule
 * @param {Target} target
 */
function matches({ on, account, key, times }, target) {
  return (
    times !== 0 &&
    (on === "any" || on === target.operation) &&
    (account === null || account === target.account) &&
    (key === null || key === undefined || (target.keys ?? []).includes(key))
  );
}

/**
 * Checks rules as the fault API takes them, and gives them back with all their members.
 *
 * @param {unknown} rules
 * @returns {Rule[]}
 */
export function checkRules(rules) {
  if (!Array.isArray(rules)) {
    throw invalid("rules must be an array.");
  }
  return rules.map((rule) => checkRule(rule, ["on", "account", "fault", "times"]));
}

/**
 * @param {unknown} rule
 * @param {string[]} members that it may have
 * @returns {Rule}
 */
export function checkRule(rule, members) {
  const { on, account = null, key = null, fault, times = null, ...rest } = asObject(rule, "A rule");
  const all = { on, account, fault, times, ...(key === null ? {} : { key }) };
  const unknown = Object.keys({ ...all, ...rest }).find((name) => !members.includes(name));
  const isText = (/** @type {unknown} */ it) => it === null || typeof it === "string";
  const wrong =
    (unknown && `A rule has no ${unknown}.`) ??
    (OPERATIONS.includes(on) ? undefined : `on must be one of ${OPERATIONS.join(", ")}.`) ??
    (isText(account) && isText(key) ? undefined : "account and key must be strings.") ??
    (times === null || isCount(times) ? undefined : "times must be a whole number, or null.") ??
    wrongFault(fault);
  if (wrong) {
    throw invalid(wrong);
  }
  return /** @type {Rule} */ (all);
}

/**
 * What is wrong with a fault, if anything.
 *
 * @param {unknown} fault
 */
function wrongFault(fault) {
  const { kind, ...fields } = asObject(fault, "A fault");
  return typeof kind === "string" && Object.hasOwn(KINDS, kind)
    ? wrongFields(fields, KINDS[kind])
    : `There is no fault ${kind}.`;
}

/**
 * @param {unknown} object
 * @param {Record<string, { check: (value: any) => string | null, optional?: boolean }>} fields
 * @returns {string | null}
 */
function wrongFields(object, fields) {
  const given = asObject(object, "An answer");
  const unknown = Object.keys(given).find((name) => !Object.hasOwn(fields, name));
  if (unknown) {
    return `There is no ${unknown} here.`;
  }
  for (const [name, { check, optional }] of Object.entries(fields)) {
    if (given[name] === undefined ? !optional : check(given[name])) {
      return given[name] === undefined ? `There is no ${name}.` : check(given[name]);
    }
  }
  return null;
}

/** @param {unknown} headers */
function checkHeaders(headers) {
  const isGood = Object.entries(asObject(headers, "headers")).every(
    ([name, value]) =>
      HEADER_NAME.test(name) && !FRAMING.includes(name.toLowerCase()) && isHeaderValue(value),
  );
  return isGood ? null : "headers must be good ones, and none that says where the answer ends.";
}

/** @param {unknown} value */
function isHeaderValue(value) {
  return typeof value === "string" && HEADER_VALUE.test(value);
}

/** @param {unknown} value */
function isCount(value) {
  return Number.isSafeInteger(value) && /** @type {number} */ (value) >= 0;
}

/**
 * @param {unknown} value
 * @param {string} name
 * @returns {Record<string, any>}
 */
function asObject(value, name) {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw invalid(`${name} must be an object.`);
  }
  return /** @type {Record<string, any>} */ (value);
}

/**
 * What a fault does to a request: its answer, or null where the connection is to be closed
 * unanswered.
 *
 * @param {Fault | undefined} fault
 * @param {object} how
 * @param {() => Promise<Answer>} how.carryOut
 * @param {(ms: number) => Promise<void>} how.delay
 * @param {() => Promise<null>} how.hang ends when nobody waits any more
 * @returns {Promise<Answer | null>}
 */
export async function withFault(fault, { carryOut, delay, hang }) {
  switch (fault?.kind) {
    case undefined:
      return carryOut();
    case "latency":
      await delay(fault.ms);
      return carryOut();
    case "drop_before":
      return null;
    case "drop_after":
      await carryOut();
      return null;
    case "hang":
      return hang();
    case "hang_after":
      await carryOut();
      return hang();
    case "garbage":
      return html(200, "<!doctype html><title>Welcome</title>");
    case "late":
      void delay(fault.ms).then(carryOut);
      return fault.answer ? made(fault.answer) : null;
    case "status":
      if (fault.after) {
        await carryOut();
      }
      return made(fault);
  }
}

/**
 * @param {FaultAnswer} answer
 * @returns {Answer}
 */
function made({ status, retry_after, headers = {}, body }) {
  const usual = typeof body === "string" ? withBody(status, body) : asked(status);
  const more = Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]);
  const retryAfter = typeof retry_after === "string" ? { "retry-after": retry_after } : {};
  return { ...usual, headers: { ...usual.headers, ...Object.fromEntries(more), ...retryAfter } };
}

/** @param {number} status */
function asked(status) {
  return usualAnswer(status, "A fault that was asked for.");
}

/**
 * @param {number} status
 * @param {string} body
 * @returns {Answer}
 */
function withBody(status, body) {
  if (!isJson(body)) {
    return html(status, body);
  }
  const isGood = status >= 200 && status < 300;
  const type = isGood ? "application/json" : "application/problem+json";
  return { status, headers: { "content-type": type }, body };
}

/**
 * @param {number} status
 * @param {string} body
 * @returns {Answer}
 */
function html(status, body) {
  return { status, headers: { "content-type": "text/html; charset=utf-8" }, body };
}

/** @param {string} text */
function isJson(text) {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
