// @ts-check

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
