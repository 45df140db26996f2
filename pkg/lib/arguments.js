// @ts-check
/** What callers give: looked at and copied before anything is made of it. */

import { base } from "./base.js";
import { BillingError, checkFunction, messageOf, mistake } from "./error.js";
import { checkSource } from "./module.js";
import { addressOf, checkOwner } from "./names.js";

/** @import * as Api from "../index.js" */

/** By which `tollbox/service-worker` says in which session of the account it is to work. */
const SESSION = Symbol.for("tollbox.session");

/** What follows a library's signal, while that lives. @type {WeakMap<AbortSignal, AbortController>} */
const followers = new WeakMap();

/** In the order of `BillingStatus` in `src/core/snapshot.rs`. @type {Api.BillingStatus[]} */
const STATUSES = ["pending", "retrying", "success", "failed", "unknown"];
/** @type {(keyof Api.BillingEvents)[]} */
const EVENTS = ["charge", "balance", "network", "flush", "alert"];

/**
 * The options, each read once. The core says what else is wrong with them.
 *
 * @param {Api.BillingOptions} options
 */
export function checkOptions(options) {
  return looked("the options", () => checked(options));
}

/** @param {Api.BillingOptions} options */
function checked(options) {
  if (typeof options !== "object" || options === null) {
    throw mistake("options", "an object", options);
  }
  const { account, namespace, baseUrl, getToken, transport, log, module } = options;
  const { credentials, locale, balance, queue, retry, monitor, backgroundSync } = options;
  /** @type {number | undefined} */
  const session = Reflect.get(options, SESSION);
  checkOwner({ account, namespace });
  for (const [name, value] of Object.entries({ getToken, transport })) {
    if (value !== undefined) {
      checkFunction(name, value);
    }
  }
  checkSource(module);
  // Told before the module is loaded, which may fail for other reasons.
  for (const [name, value] of Object.entries({ balance, queue, retry, monitor })) {
    if (value !== undefined && value !== null && !isPlain(value)) {
      throw mistake(name, "an object", value);
    }
  }
  if (locale !== undefined) {
    checkLocale(locale);
  }
  if (backgroundSync !== undefined && typeof backgroundSync !== "boolean") {
    throw mistake("backgroundSync", "true or false", backgroundSync);
  }
  const levels = ["silent", "error", "info", "debug", undefined];
  if (typeof log !== "function" && !levels.includes(log)) {
    throw mistake("log", 'a function, "silent", "error", "info" or "debug"', log);
  }
  // With a transport it needs nothing of a page's: tests run in Node.js too.
  if (base() === undefined && !transport) {
    throw new BillingError(
      "module_load_failed",
      "openBilling needs a browser's page or worker; on a server, import freely but open in the browser",
    );
  }
  const { address, protocol } = addressOf(baseUrl);
  if (!transport && !["http:", "https:"].includes(protocol)) {
    throw mistake("baseUrl", "of http or https, unless there is a transport", protocol);
  }
  return {
    ...{ account, baseUrl: address, namespace: namespace ?? address, credentials },
    ...{ getToken, transport, log, module, locale, balance, queue, retry, monitor },
    ...{ backgroundSync, session },
  };
}

/** @param {unknown} value */
function isPlain(value) {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * What the core is told of the options, as JSON; it says what else is wrong with them.
 *
 * @param {object} options
 */
export function asJson(options) {
  try {
    return JSON.stringify(options, sayable);
  } catch (error) {
    throw error instanceof BillingError ? error : unusable("an option", error);
  }
}

/**
 * The option as it is, unless JSON would leave it out, by which it would be taken for the default.
 *
 * @param {string} name
 * @param {unknown} value
 */
function sayable(name, value) {
  if (typeof value === "number" && !Number.isFinite(value)) {
    throw mistake(name, "a finite number", value);
  }
  if (["function", "symbol", "bigint"].includes(typeof value)) {
    throw mistake(name, "a value that JSON has", value);
  }
  return value;
}

/**
 * What was asked for, whatever the caller does to the object, or has put into it besides. JSON has all
 * of it; the core says what else is wrong with it.
 *
 * @param {Api.ChargeRequest} request
 * @returns {Api.ChargeRequest}
 */
export function checkRequest(request) {
  if (typeof request !== "object" || request === null) {
    throw mistake("the charge request", "an object", request);
  }
  return looked("the request", () => {
    const { taskId, amount, feature, key, metadata = {} } = request;
    checkText("taskId", taskId);
    if (!Number.isSafeInteger(amount) || amount < 1) {
      throw mistake("amount", "a whole number of points, 1 to 2^53-1", amount);
    }
    checkText("feature", feature);
    if (key !== undefined) {
      checkText("key", key);
    }
    if (!isPlain(metadata)) {
      throw mistake("metadata", "a map of strings to strings", metadata);
    }
    const copy = { ...metadata };
    for (const [name, value] of Object.entries(copy)) {
      checkText("a metadata name", name);
      checkText(`metadata ${name}`, value);
    }
    return { taskId, amount, feature, key, metadata: copy };
  });
}

/**
 * A text that crosses into the module as it is. A lone surrogate would become U+FFFD there, like any
 * other, and so two keys one.
 *
 * @param {string} name
 * @param {unknown} text
 */
export function checkText(name, text) {
  if (typeof text !== "string") {
    throw mistake(name, "a string", text);
  }
  if (/\p{Surrogate}/u.test(text)) {
    throw mistake(name, "well formed, without lone surrogates", text);
  }
}

/**
 * @param {{ signal?: AbortSignal } | undefined} options
 * @returns {AbortSignal | undefined}
 */
export function signalOf(options) {
  const signal = looked("the options", () => options?.signal ?? undefined);
  return signal && !isBrowsersOwn(signal) ? following(signal) : signal;
}

/**
 * Whether this is a signal of the browser's, perhaps another window's: what it does is known.
 *
 * @param {AbortSignal} signal
 */
function isBrowsersOwn(signal) {
  try {
    // The browser's getter throws at what is not its own.
    Reflect.get(AbortSignal.prototype, "aborted", signal);
    return true;
  } catch {
    return false;
  }
}

/**
 * The browser's own, which aborts when a library's does. One for all calls: a signal that lives as long
 * as the page would get a listener from each.
 *
 * @param {AbortSignal} theirs
 */
function following(theirs) {
  const own = followers.get(theirs) ?? new AbortController();
  return looked("signal", () => {
    const abort = () => own.abort(theirs.reason);
    if (typeof theirs.aborted !== "boolean") {
      throw mistake("signal", "an AbortSignal", theirs);
    }
    if (!followers.has(theirs)) {
      theirs.addEventListener("abort", abort);
      followers.set(theirs, own);
    }
    if (theirs.aborted) {
      abort();
    }
    return own.signal;
  });
}

/**
 * @param {{ maxAgeMs?: number } | undefined} options
 * @returns {number | undefined}
 */
export function maxAgeOf(options) {
  const age = looked("the options", () => options?.maxAgeMs ?? undefined);
  if (age !== undefined && !(typeof age === "number" && age >= 0)) {
    throw mistake("maxAgeMs", "a number from 0 up", age);
  }
  return age;
}

/**
 * As the module takes it, `ChargeFilter` in `src/core/charge_filter.rs`.
 *
 * @param {{ status?: Api.BillingStatus | Api.BillingStatus[]; limit?: number }} filter
 */
export function checkFilter(filter) {
  return looked("the filter", () => checkedFilter(filter));
}

/** @param {{ status?: Api.BillingStatus | Api.BillingStatus[]; limit?: number }} filter */
function checkedFilter(filter) {
  if (typeof filter !== "object" || filter === null) {
    throw mistake("filter", "an object", filter);
  }
  const { status, limit = Number.POSITIVE_INFINITY } = filter;
  if (typeof limit !== "number" || !(limit >= 0)) {
    throw mistake("limit", "a number from 0 up", limit);
  }
  const wanted = status === undefined ? STATUSES : [status].flat();
  if (!wanted.every((status) => STATUSES.includes(status))) {
    throw mistake("status", `among ${STATUSES.join(", ")}`, status);
  }
  const statuses = STATUSES.reduce(
    (bits, status, place) => bits | (Number(wanted.includes(status)) << place),
    0,
  );
  return { statuses, limit: Math.min(limit, 2 ** 32 - 1) };
}

/** @param {unknown} type */
export function checkEvent(type) {
  if (!EVENTS.some((event) => event === type)) {
    throw mistake("type", `among ${EVENTS.join(", ")}`, type);
  }
}

/** @param {unknown} locale */
export function checkLocale(locale) {
  if (locale !== "en" && locale !== "zh-CN") {
    throw mistake("locale", '"en" or "zh-CN"', locale);
  }
}

/** @param {unknown} listener */
export function checkListener(listener) {
  checkFunction("listener", listener);
}

/**
 * What a caller's object shows, whose getters are the caller's code.
 *
 * @template T
 * @param {string} what
 * @param {() => T} look
 */
function looked(what, look) {
  try {
    return look();
  } catch (error) {
    if (error instanceof BillingError) {
      throw error;
    }
    throw unusable(what, error);
  }
}

/**
 * @param {string} what
 * @param {unknown} error what the caller's own code threw
 */
function unusable(what, error) {
  return new BillingError("invalid_argument", `${what} can't be used: ${messageOf(error)}`);
}
