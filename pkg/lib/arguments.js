// @ts-check
/** What callers give: looked at and copied before anything is made of it. */

import { base } from "./base.js";
import { BillingError, messageOf } from "./error.js";
import { checkSource } from "./module.js";
import { addressOf, checkOwner } from "./names.js";

/** @import * as Api from "../index.js" */

/** By which `tollbox/service-worker` says in which session of the account it is to work. */
const SESSION = Symbol.for("tollbox.session");

/** @type {Api.BillingStatus[]} */
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
    throw mistake("openBilling needs options");
  }
  const { account, namespace, baseUrl, getToken, transport, log, module } = options;
  const { credentials, locale, balance, queue, retry, monitor, backgroundSync } = options;
  /** @type {number | undefined} */
  const session = Reflect.get(options, SESSION);
  checkOwner({ account, namespace });
  for (const [name, value] of Object.entries({ getToken, transport })) {
    if (value !== undefined && typeof value !== "function") {
      throw mistake(`${name} must be a function`);
    }
  }
  checkSource(module);
  // Told before the module is loaded, which may fail for other reasons.
  for (const [name, value] of Object.entries({ balance, queue, retry, monitor })) {
    if (value !== undefined && value !== null && !isPlain(value)) {
      throw mistake(`${name} must be an object`);
    }
  }
  if (locale !== undefined) {
    checkLocale(locale);
  }
  if (backgroundSync !== undefined && typeof backgroundSync !== "boolean") {
    throw mistake("backgroundSync must be true or false");
  }
  const levels = ["silent", "error", "info", "debug", undefined];
  if (typeof log !== "function" && !levels.includes(log)) {
    throw mistake("log must be a level or a function");
  }
  if (base() === undefined) {
    throw new BillingError(
      "module_load_failed",
      "openBilling needs a browser's page or worker; on a server, import freely but open in the browser",
    );
  }
  const { address, protocol } = addressOf(baseUrl);
  if (!transport && !["http:", "https:"].includes(protocol)) {
    throw mistake(`baseUrl must be of http or https, or a transport given, not of ${protocol}`);
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
    // A BigInt, for instance.
    throw error instanceof BillingError ? error : mistake(`an option has the wrong type: ${error}`);
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
    throw mistake(`${name} must be a finite number`);
  }
  if (typeof value === "function" || typeof value === "symbol") {
    throw mistake(`${name} has the wrong type`);
  }
  return value;
}

/**
 * What was asked for, whatever the caller does to the object, or has put into it besides; the core
 * says what is wrong with it.
 *
 * @param {Api.ChargeRequest} request
 * @returns {Api.ChargeRequest}
 */
export function copyOf(request) {
  if (typeof request !== "object" || request === null) {
    return request;
  }
  return looked("the request", () => {
    const { taskId, amount, feature, key, metadata } = request;
    return {
      ...{ taskId, amount, feature, key },
      metadata: isPlain(metadata) ? { ...metadata } : metadata,
    };
  });
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
  const aborted = Object.getOwnPropertyDescriptor(AbortSignal.prototype, "aborted")?.get;
  try {
    aborted?.call(signal);
    return true;
  } catch {
    return false;
  }
}

/**
 * The browser's own, which aborts when a library's does.
 *
 * @param {AbortSignal} theirs
 */
function following(theirs) {
  const own = new AbortController();
  return looked("signal", () => {
    const abort = () => own.abort(theirs.reason);
    if (typeof theirs.aborted !== "boolean") {
      throw new TypeError("it is not an AbortSignal");
    }
    theirs.addEventListener("abort", abort, { once: true });
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
  if (age !== undefined && typeof age !== "number") {
    throw mistake("maxAgeMs must be a number");
  }
  return age;
}

/**
 * Whether a record is wanted, and how many are.
 *
 * @param {{ status?: Api.BillingStatus | Api.BillingStatus[]; limit?: number }} filter
 */
export function checkFilter(filter) {
  return looked("the filter", () => checkedFilter(filter));
}

/** @param {{ status?: Api.BillingStatus | Api.BillingStatus[]; limit?: number }} filter */
function checkedFilter(filter) {
  if (typeof filter !== "object" || filter === null) {
    throw mistake("the filter must be an object");
  }
  const { status, limit = Number.POSITIVE_INFINITY } = filter;
  if (typeof limit !== "number" || !(limit >= 0)) {
    throw mistake("limit must not be negative");
  }
  const wanted = status === undefined ? STATUSES : [status].flat();
  if (!wanted.every((status) => STATUSES.includes(status))) {
    throw mistake(`status must be among ${STATUSES.join(", ")}`);
  }
  return { wanted, limit };
}

/** @param {unknown} type */
export function checkEvent(type) {
  if (!EVENTS.some((event) => event === type)) {
    throw mistake(`there is no event ${String(type)}, but ${EVENTS.join(", ")}`);
  }
}

/** @param {unknown} locale */
export function checkLocale(locale) {
  if (locale !== "en" && locale !== "zh-CN") {
    throw mistake('locale must be "en" or "zh-CN"');
  }
}

/** @param {unknown} listener */
export function checkListener(listener) {
  if (typeof listener !== "function") {
    throw mistake("the listener must be a function");
  }
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
    throw mistake(`${what} can't be used: ${messageOf(error)}`);
  }
}

/** @param {string} message */
function mistake(message) {
  return new BillingError("invalid_argument", message);
}
