// @ts-check
/** What is wrong with an answer, in one sentence; null where nothing is. */

import { byName, titleOf } from "./request.js";

/** @import { Expect } from "./catalogue.js" */
/** @import { Answer, Exchange } from "./exchange.js" */
/** @import { Request } from "./request.js" */
/** @import { Scope } from "./template.js" */

const MOST = Number.MAX_SAFE_INTEGER;

/** Statuses that say nothing against the request itself; 409 may. */
const NOT_REFUSED = [401, 402, 408, 425, 429];

const INSTANT = /^\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(?:\.\d+)?(?:[Zz]|\+00:00)$/;
const ENTITY_TAG = /^(?:W\/)?"[^"]*"$/;
export const HTTP_DATE =
  /^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d{2} (?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) \d{4} \d{2}:\d{2}:\d{2} GMT$/;

/** The kinds of values: what they are called, and what counts as one. */
/** @type {Record<string, [string, (value: any) => boolean]>} */
const KINDS = {
  points: ["a whole number from 0 to 2^53-1", isWhole],
  version: ["a whole number from 0 to 2^53-1", isWhole],
  text: ["a text", (value) => typeof value === "string" && value !== ""],
  instant: ["an instant in UTC (RFC 3339)", (value) => INSTANT.test(asText(value))],
  "entity tag": ["an entity tag", (value) => ENTITY_TAG.test(asText(value))],
  "seconds or an HTTP date": [
    "seconds or an HTTP date",
    (value) => /^\d+$/.test(asText(value)) || HTTP_DATE.test(asText(value)),
  ],
  object: ["an object", isObject],
  missing: ["missing", (value) => value === undefined],
};

/**
 * @param {Request} request
 * @param {Exchange} exchange
 * @param {Expect | Expect[]} expect one of these
 * @param {Scope} scope
 * @returns {string | null}
 */
export function wrongWith(request, exchange, expect, scope) {
  const all = Array.isArray(expect) ? expect : [expect];
  const wrongs = all.map((one) => wrong(request, exchange, one, scope));
  return wrongs.includes(null) ? null : wrongs[0];
}

/**
 * @param {Request} request
 * @param {Exchange} exchange
 * @param {Expect} expect
 * @param {Scope} scope
 * @returns {string | null}
 */
function wrong(request, exchange, expect, scope) {
  const title = titleOf(request);
  if ("silence" in exchange) {
    const { silence } = exchange;
    const isGood = silence === "gone" || (expect.closed && silence === "the connection was closed");
    return isGood ? null : `${title} was not answered: ${silence}`;
  }
  const { answer } = exchange;
  if (expect.closed) {
    return `${title} was answered ${answer.status}`;
  }
  return (
    wrongStatus(title, answer, expect, scope) ??
    wrongTime(title, answer, expect) ??
    wrongProblem(title, answer, expect) ??
    wrongHeaders(title, answer, expect, scope) ??
    wrongBody(title, answer, expect, scope)
  );
}

/**
 * @param {string} title
 * @param {Answer} answer
 * @param {Expect} expect
 * @param {Scope} scope
 */
function wrongStatus(title, answer, { status: wanted }, scope) {
  const { status } = answer;
  if (wanted === undefined) {
    return null;
  }
  if (typeof wanted !== "string") {
    const all = wanted.map((one) => scope.value(one));
    return all.includes(status) ? null : `${title} was answered ${status}, not ${all.join(" or ")}`;
  }
  const is4xx = status >= 400 && status < 500;
  switch (wanted) {
    case "4xx":
      return is4xx ? null : `${title} was answered ${status}, not 4xx`;
    case "refused":
      return is4xx && !NOT_REFUSED.includes(status) && !isBusy(answer)
        ? null
        : `${title} was answered ${status}, not a 4xx that says the request is wrong`;
    case "no redirect":
      return status < 300 || status > 399 ? null : `${title} was answered ${status}, a redirect`;
  }
}

/**
 * @param {string} title
 * @param {Answer} answer
 * @param {Expect} expect
 */
function wrongTime(title, { ms }, { within_s }) {
  return within_s === undefined || ms <= within_s * 1_000
    ? null
    : `${title} was answered after more than ${within_s} s`;
}

/**
 * @param {string} title
 * @param {Answer} answer
 * @param {Expect} expect
 */
function wrongProblem(title, answer, { problem }) {
  if (problem === undefined) {
    return null;
  }
  const mediaType = (answer.headers["content-type"] ?? "").split(";")[0].trim().toLowerCase();
  if (mediaType !== "application/problem+json" || !isObject(answer.json)) {
    return `${title} was answered ${answer.status} without a problem document`;
  }
  // One that names no type has that of its status (RFC 9457, section 4.2.1).
  const { type = "" } = answer.json;
  if (typeof type !== "string") {
    return `${title}: the problem's type is ${shown(type)}, not a text`;
  }
  const end = lastPart(type);
  if (typeof problem === "string" && end !== problem) {
    return `${title}: the problem's type is ${shown(type)}, not "${problem}"`;
  }
  if (typeof problem === "object" && end === problem.not) {
    return `${title}: the problem's type is ${shown(type)}`;
  }
  return null;
}

/**
 * @param {string} title
 * @param {Answer} answer
 * @param {Expect} expect
 * @param {Scope} scope
 */
function wrongHeaders(title, { headers }, { headers: wanted = {} }, scope) {
  for (const [name, matcher] of byName(wanted)) {
    if (!matches(headers[name], matcher, scope)) {
      const given = shown(headers[name]);
      return `${title}: the header ${name} is ${given}, not ${called(matcher, scope)}`;
    }
  }
  return null;
}

/**
 * @param {string} title
 * @param {Answer} answer
 * @param {Expect} expect
 * @param {Scope} scope
 */
function wrongBody(title, answer, { body }, scope) {
  if (body === undefined) {
    return null;
  }
  if (!isObject(answer.json)) {
    const encoding = answer.headers["content-encoding"];
    const compressed = encoding === undefined ? "" : `: it has the content-encoding ${encoding}`;
    return `${title} was answered ${answer.status} without a JSON object${compressed}`;
  }
  for (const [path, matcher] of byName(body)) {
    const given = memberAt(answer.json, path);
    if (!matches(given, matcher, scope)) {
      return `${title}: ${path} is ${shown(given)}, not ${called(matcher, scope)}`;
    }
  }
  return null;
}

/** Whether another request with the key is under way. @param {Answer} answer */
export function isBusy({ status, text }) {
  return status === 409 && text.includes('request-in-progress"');
}

/**
 * @param {any} value
 * @param {string} path names and places, with points between
 */
export function memberAt(value, path) {
  let at = value;
  for (const name of path.split(".")) {
    const isThere = typeof at === "object" && at !== null && Object.hasOwn(at, name);
    at = isThere ? at[name] : undefined;
  }
  return at;
}

/**
 * @param {unknown} value
 * @param {any} matcher
 * @param {Scope} scope
 * @returns {boolean}
 */
function matches(value, matcher, scope) {
  if (!isObject(matcher)) {
    return scope.value(matcher) === value;
  }
  if (matcher.is !== undefined) {
    return KINDS[matcher.is][1](value);
  }
  if (matcher.not !== undefined) {
    return !matches(value, matcher.not, scope);
  }
  if (matcher.one_of !== undefined) {
    return matcher.one_of.some((/** @type {unknown} */ one) => matches(value, one, scope));
  }
  if (matcher.ends !== undefined) {
    return lastPart(asText(value)) === matcher.ends;
  }
  if (matcher.length !== undefined) {
    return Array.isArray(value) && value.length === matcher.length;
  }
  if (matcher.at_least !== undefined) {
    const least = scope.value(matcher.at_least);
    return isWhole(value) && (least === undefined || Number(value) >= Number(least));
  }
  const given = asText(value)
    .split(",")
    .map((name) => name.trim());
  // A header counts in upper and lower case, a method doesn't. A star stands for all of them but this
  // one (Fetch, CORS protocol).
  const names = new Set([...given, ...given.map((name) => name.toLowerCase())]);
  return matcher.lists.every(
    (/** @type {string} */ name) => names.has(name) || (names.has("*") && name !== "authorization"),
  );
}

/**
 * @param {any} matcher
 * @param {Scope} scope
 * @returns {string}
 */
function called(matcher, scope) {
  if (!isObject(matcher)) {
    return shown(scope.value(matcher));
  }
  if (matcher.is !== undefined) {
    return KINDS[matcher.is][0];
  }
  if (matcher.not !== undefined) {
    return `anything but ${called(matcher.not, scope)}`;
  }
  if (matcher.one_of !== undefined) {
    return matcher.one_of.map((/** @type {unknown} */ one) => called(one, scope)).join(" or ");
  }
  if (matcher.ends !== undefined) {
    return `"${matcher.ends}"`;
  }
  if (matcher.length !== undefined) {
    return `a list of ${matcher.length}`;
  }
  if (matcher.at_least !== undefined) {
    return `at least ${shown(scope.value(matcher.at_least))}`;
  }
  return `a list with ${matcher.lists.join(", ")}`;
}

/** @param {unknown} value */
export function shown(value) {
  if (value === undefined) {
    return "missing";
  }
  if (Array.isArray(value)) {
    return `a list of ${value.length}`;
  }
  return isObject(value) ? "an object" : JSON.stringify(value);
}

/** @param {string} type a name, alone or as the end of a URI */
function lastPart(type) {
  return type.split(/[/:#]/).at(-1);
}

/** @param {unknown} value */
function asText(value) {
  return typeof value === "string" ? value : "";
}

/** @param {unknown} value */
export function isWhole(value) {
  return Number.isInteger(value) && Number(value) >= 0 && Number(value) <= MOST;
}

/**
 * @param {unknown} value
 * @returns {value is Record<string, any>}
 */
export function isObject(value) {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
