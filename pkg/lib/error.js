// @ts-check

import { shown } from "./shown.js";

/** @import * as Api from "../index.js" */

/** A caller's mistake, or a client that can't be used. */
export class BillingError extends Error {
  /**
   * @param {Api.BillingError["code"]} code
   * @param {string} message
   */
  constructor(code, message) {
    super(message);
    this.name = "BillingError";
    /** @type {Api.BillingError["code"]} */
    this.code = code;
  }
}

/**
 * A caller's mistake: which argument, what it may be, and what was given.
 *
 * @param {string} what
 * @param {string} allowed
 * @param {unknown} given
 */
export function mistake(what, allowed, given) {
  return new BillingError("invalid_argument", `${what} must be ${allowed}, not ${shown(given)}`);
}

/**
 * Throws where it is no function. What it is instead is not shown: it may be a token in place of
 * `getToken`.
 *
 * @param {string} what
 * @param {unknown} given
 */
export function checkFunction(what, given) {
  if (typeof given !== "function") {
    const kind = given === null ? "null" : typeof given;
    throw new BillingError("invalid_argument", `${what} must be a function, not of type ${kind}`);
  }
}

/**
 * The core's errors as the package's; everything else as it is.
 *
 * @param {any} error
 * @returns {unknown}
 */
export function toBillingError(error) {
  const fromCore = typeof error?.code === "string" && !(error instanceof Error);
  return fromCore ? new BillingError(error.code, error.message) : error;
}

/** @param {unknown} error */
export function messageOf(error) {
  return error instanceof Error ? error.message : String(error);
}
