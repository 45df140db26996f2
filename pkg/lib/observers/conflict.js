// @ts-check

/** @import * as Api from "tollbox" */

/**
 * Whether the key belongs to another charge: its record then is no word on what was asked for.
 *
 * @param {Api.ChargeOutcome} outcome
 */
export function isConflict(outcome) {
  return outcome.status === "failed" && outcome.reason === "conflict";
}
