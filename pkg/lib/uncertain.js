// @ts-check

/** @import * as Api from "../index.js" */
/** @import { Death } from "./core.js" */

/**
 * What can be said of a charge when the module has died over it: only what was last heard of it.
 * Null where that is not even enough for an outcome.
 *
 * @param {Partial<Api.ChargeRequest> | undefined} request
 * @param {import("./host.js").ClientHost} host
 * @param {Death} death
 * @returns {Api.Queued | Api.Unknown | null}
 */
export function uncertain(request, host, death) {
  const asked = request ?? {};
  const key = asked.key ?? `${asked.feature}:${asked.taskId}`;
  const record = host.openRecord(key);
  const { taskId = record?.taskId, amount = record?.amount } = asked;
  if (typeof key !== "string" || typeof taskId !== "string" || !Number.isSafeInteger(amount)) {
    return null;
  }
  const { network, storage } = host.snapshot();
  const base = {
    key,
    taskId,
    amount: Number(amount),
    attempts: record?.attempts ?? 0,
    durable: record !== undefined && storage === "indexeddb",
    detail: death.detail,
  };
  // An attempt is told of before its request leaves.
  if (record?.status === "pending" && record.attempts === 0) {
    const reason = network === "online" ? "timeout" : network;
    return { ...base, status: "queued", reason };
  }
  return { ...base, status: "unknown", reason: "timeout", resolving: death.goesOn };
}
