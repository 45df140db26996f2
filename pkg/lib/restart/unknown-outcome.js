// @ts-check

/** @import * as Api from "../../index.js" */
/** @import { Death } from "./death-watch.js" */
/** @import { ClientHost } from "../host.js" */

/**
 * What can be said of a charge when the module has died over it. Null where too little is known of it
 * for an outcome.
 *
 * @param {Partial<Api.ChargeRequest>} request
 * @param {ClientHost} host
 * @param {Death} death
 * @returns {Api.Unknown | null}
 */
export function unknownAfter(request, host, death) {
  const { key = defaultKey(request) } = request;
  const record = host.openRecord(key);
  const { taskId = record?.taskId, amount = record?.amount } = request;
  if (taskId === undefined || amount === undefined) {
    return null;
  }
  return unknownOutcome({ key, taskId, amount }, host, death);
}

/**
 * The key that the module makes where it is alive, in `src/core/charge.rs`.
 *
 * @param {Partial<Api.ChargeRequest>} request
 */
export function defaultKey({ feature, taskId }) {
  return `${String(feature).replaceAll("%", "%25").replaceAll(":", "%3A")}:${taskId}`;
}

/**
 * Never `queued`, though an attempt of this tab is told of before its request leaves: another tab may
 * have sent the charge since it was last heard of here.
 *
 * @param {{ key: string, taskId: string, amount: number }} charge
 * @param {ClientHost} host
 * @param {Death} death
 * @returns {Api.Unknown}
 */
export function unknownOutcome(charge, host, { detail, goesOn }) {
  const record = host.openRecord(charge.key);
  return {
    ...charge,
    attempts: record?.attempts ?? 0,
    status: "unknown",
    reason: "timeout",
    resolving: goesOn,
    // Only what is in storage is told of.
    durable: record !== undefined && host.snapshot().storage === "indexeddb",
    detail,
  };
}
