// @ts-check
/** Faults on demand, like those of networks and servers. */

import { isObject } from "./json.js";
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
 * @property {Fault} fault
 * @property {number | null} times
 */

/**
 * What a rule looks at.
 *
 * @typedef {object} Target
 * @property {Operation | undefined} operation
 * @property {string | null} account
 */

const OPERATIONS = ["any", "balance", "charge", "batch", "lookup", "hold", "release"];

/** Headers that say where an answer ends. */
const FRAMING = ["connection", "content-length", "trailer", "transfer-encoding"];

const HEADER_NAME = /^[\w!#$%&'*+.^`|~-]+$/;
const HEADER_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

/**
 * A field that must be there, unless it is optional.
 *
 * @typedef {{ is: (value: any) => boolean, otherwise: string, optional?: boolean }} Field
 */

/** @type {Field} */
const MS = { is: isCount, otherwise: "ms must be a whole number." };

/** @type {Record<string, Field>} */
const ANSWER = {
  status: {
    is: (status) => isCount(status) && status >= 200 && status <= 599,
    otherwise: "status must be from 200 to 599.",
  },
  retry_after: {
    is: (value) => value === null || isHeaderValue(value),
    otherwise: "retry_after can't be a header.",
    optional: true,
  },
  headers: {
    is: areHeaders,
    otherwise: "headers must be good ones, and none that says where the answer ends.",
    optional: true,
  },
  body: { is: isTextOrNull, otherwise: "body must be a string.", optional: true },
};

/** The fields of each kind of fault. @type {Record<string, Record<string, Field>>} */
const KINDS = {
  latency: { ms: MS },
  drop_before: {},
  drop_after: {},
  hang: {},
  hang_after: {},
  garbage: {},
  late: {
    ms: MS,
    answer: {
      is: (answer) => answer === null || wrongWith(answer, ANSWER) === null,
      otherwise: "answer must have a status from 200 to 599, and else what can be sent.",
      optional: true,
    },
  },
  status: {
    ...ANSWER,
    after: {
      is: (after) => typeof after === "boolean",
      otherwise: "after must be true or false.",
      optional: true,
    },
  },
};

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
function matches({ on, account, times }, target) {
  return (
    times !== 0 &&
    (on === "any" || on === target.operation) &&
    (account === null || account === target.account)
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
  return rules.map(checkRule);
}

/**
 * @param {unknown} rule
 * @returns {Rule}
 */
export function checkRule(rule) {
  if (!isObject(rule)) {
    throw invalid("A rule must be an object.");
  }
  const { on, account = null, fault, times = null, ...others } = rule;
  const [unknown] = Object.keys(others);
  const wrong = [
    unknown !== undefined && `A rule has no ${unknown}.`,
    !OPERATIONS.includes(String(on)) && `on must be one of ${OPERATIONS.join(", ")}.`,
    !isTextOrNull(account) && "account must be a string.",
    times !== null && !isCount(times) && "times must be a whole number, or null.",
    wrongFault(fault),
  ].find((one) => one);
  if (wrong) {
    throw invalid(wrong);
  }
  return /** @type {Rule} */ ({ on, account, fault, times });
}

/**
 * What is wrong with a fault; null where nothing is.
 *
 * @param {unknown} fault
 */
function wrongFault(fault) {
  if (!isObject(fault)) {
    return "fault must be an object.";
  }
  const { kind, ...fields } = fault;
  const isKind = typeof kind === "string" && Object.hasOwn(KINDS, kind);
  return isKind ? wrongWith(fields, KINDS[kind]) : `There is no fault ${kind}.`;
}

/**
 * @param {unknown} object
 * @param {Record<string, Field>} fields
 * @returns {string | null}
 */
function wrongWith(object, fields) {
  if (!isObject(object)) {
    return "An answer must be an object.";
  }
  const unknown = Object.keys(object).find((name) => !Object.hasOwn(fields, name));
  if (unknown !== undefined) {
    return `There is no ${unknown} here.`;
  }
  const wrong = Object.entries(fields).find(([name, { is, optional }]) =>
    object[name] === undefined ? !optional : !is(object[name]),
  );
  return wrong ? wrong[1].otherwise : null;
}

/** @param {unknown} headers */
function areHeaders(headers) {
  return (
    isObject(headers) &&
    Object.entries(headers).every(
      ([name, value]) =>
        HEADER_NAME.test(name) && !FRAMING.includes(name.toLowerCase()) && isHeaderValue(value),
    )
  );
}

/** @param {unknown} value */
function isHeaderValue(value) {
  return typeof value === "string" && HEADER_VALUE.test(value);
}

/** @param {unknown} value */
function isCount(value) {
  return Number.isSafeInteger(value) && /** @type {number} */ (value) >= 0;
}

/** @param {unknown} value */
function isTextOrNull(value) {
  return value === null || typeof value === "string";
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
