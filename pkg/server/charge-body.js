// @ts-check
/** The body of one charge, alone or as an item of a batch, and of one hold. */

import { isObject } from "./json.js";
import { isAmount, isId, isKey, MAX_ID_CHARS, MAX_KEY_BYTES } from "./limits.js";
import { invalid } from "./problem.js";

/** @import { AskedCharge, ChargeRequest } from "./ledger.js" */
/** @import { JsonObject } from "./json.js" */

/** Members that a charge may have once. Others are ignored. */
export const CHARGE_MEMBERS = ["task_id", "feature", "amount", "created_at", "metadata", "hold"];

/** Members that a hold may have once. */
export const HOLD_MEMBERS = ["task_id", "feature", "amount", "expires_in_s"];

/** RFC 3339: a date, a time and an offset. */
const INSTANT =
  /^(\d{4})-(\d{2})-(\d{2})[Tt ](\d{2}):(\d{2}):(\d{2})(?:[.,]\d{1,9})?(?:[Zz]|[+-](\d{2}):?(\d{2}))$/;

/**
 * @param {JsonObject} body
 * @param {string} key
 * @param {{ holds: boolean }} terms where no holds are kept, `hold` is a member that is ignored
 * @returns {AskedCharge}
 */
export function checkCharge(body, key, { holds }) {
  const request = checkRequest(body, key);
  const { created_at, metadata } = body;
  const hold = holds ? body.hold : null;
  if (!isInstant(created_at ?? null)) {
    throw invalid("created_at must be an instant as in RFC 3339.");
  }
  if (!isTexts(metadata ?? null)) {
    throw invalid("metadata must be an object of strings.");
  }
  if (!isKeyOrNull(hold ?? null)) {
    throw invalid(`hold must be an idempotency key of 1 to ${MAX_KEY_BYTES} bytes.`);
  }
  return {
    request,
    note: {
      createdAt: /** @type {string | undefined} */ (created_at) ?? null,
      metadata: metadata ? { .../** @type {Record<string, string>} */ (metadata) } : null,
    },
    hold: /** @type {string | undefined} */ (hold) ?? null,
  };
}

/**
 * @param {JsonObject} body
 * @param {string} key
 * @returns {{ request: ChargeRequest, forS: number }}
 */
export function checkHold(body, key) {
  const request = checkRequest(body, key);
  const { expires_in_s } = body;
  // Seconds have the bounds of points.
  if (!isAmount(expires_in_s)) {
    throw invalid("expires_in_s must be a whole number from 1 to 2^53 - 1.");
  }
  return { request, forS: expires_in_s };
}

/**
 * @param {JsonObject} body
 * @param {string} key
 * @returns {ChargeRequest}
 */
function checkRequest(body, key) {
  const { amount } = body;
  const taskId = text(body, "task_id");
  const feature = text(body, "feature");
  if (!isKey(key)) {
    throw invalid(`the idempotency key must be 1 to ${MAX_KEY_BYTES} bytes.`);
  }
  for (const [name, id] of [
    ["task_id", taskId],
    ["feature", feature],
  ]) {
    if (!isId(id)) {
      throw invalid(`${name} must be 1 to ${MAX_ID_CHARS} characters.`);
    }
  }
  if (!isAmount(amount)) {
    throw invalid("amount must be a whole number from 1 to 2^53 - 1.");
  }
  return { key, taskId, feature, amount };
}

/**
 * A member that must be there, and a string.
 *
 * @param {JsonObject} body
 * @param {string} name
 */
export function text(body, name) {
  const value = body[name];
  if (typeof value !== "string") {
    throw invalid(value === undefined ? `There is no ${name}.` : `${name} must be a string.`);
  }
  return value;
}

/** @param {unknown} value */
function isInstant(value) {
  if (value === null) {
    return true;
  }
  const parts = typeof value === "string" ? INSTANT.exec(value)?.slice(1) : undefined;
  if (!parts) {
    return false;
  }
  const [year, month, day, hour, minute, second, hours, minutes] = parts.map((n) => Number(n ?? 0));
  const lastDay = new Date(Date.UTC(2000, month, 0)).getUTCDate();
  const isLeap = (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;
  const days = month === 2 && !isLeap ? 28 : lastDay;
  const isDate = month >= 1 && month <= 12 && day >= 1 && day <= days;
  return isDate && hour < 24 && minute < 60 && second <= 60 && hours < 26 && minutes < 60;
}

/** @param {unknown} value */
function isKeyOrNull(value) {
  return value === null || (typeof value === "string" && isKey(value));
}

/** @param {unknown} value */
function isTexts(value) {
  const all = isObject(value) && Object.values(value).every((one) => typeof one === "string");
  return value === null || all;
}
