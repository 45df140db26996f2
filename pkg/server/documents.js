// @ts-check
/** What is answered, as JSON. */

import { sorted } from "./json.js";
import { Problem } from "./problem.js";

/** @import { Balance, Charge, Verdict } from "./ledger.js" */
/** @import { Answer } from "./problem.js" */

/** The last instant that is written with a year of four digits. */
const LAST = Date.UTC(9999, 11, 30, 22);

/**
 * @param {Record<string, unknown>} document
 * @param {number} [status]
 * @param {Record<string, string>} [headers]
 * @returns {Answer}
 */
export function json(document, status = 200, headers = {}) {
  return {
    status,
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify(document),
  };
}

/**
 * @param {Balance} balance
 */
export function balanceDocument({ points, version }) {
  return { balance: points, version };
}

/**
 * A charge as `POST charges` and `GET charges?key=KEY` answer it.
 *
 * @param {Charge} charge
 * @param {Balance} balance
 */
export function chargeDocument({ amount, chargeId, chargedAt, key }, { points, version }) {
  return {
    amount,
    balance: points,
    charge_id: chargeId,
    charged_at: rfc3339(chargedAt),
    idempotency_key: key,
    version,
  };
}

/**
 * The problem that kept a charge from being made.
 *
 * @param {Exclude<Verdict, { charge: Charge }>} verdict
 */
export function problemOf(verdict) {
  switch (verdict.kind) {
    case "insufficient_balance": {
      const { points, version } = verdict.balance;
      const members = { balance: points, version };
      return new Problem("insufficient-balance", `The balance is ${points}.`, { members });
    }
    case "key_reused":
      return new Problem(
        "idempotency-key-reused",
        "This key was charged for another task, feature or amount.",
      );
    case "price_mismatch": {
      const { price } = verdict;
      const members = { price };
      return new Problem("price-mismatch", `The price of this task is ${price}.`, { members });
    }
  }
}

/**
 * One result of a batch.
 *
 * @param {unknown} key as it was sent
 * @param {Record<string, unknown>} members
 */
export function resultDocument(key, members) {
  return sorted({ ...members, idempotency_key: key ?? null });
}

/**
 * An instant in UTC (RFC 3339), without zeros at the end of its fraction.
 *
 * @param {number} ms since the Unix epoch
 */
export function rfc3339(ms) {
  return new Date(Math.min(ms, LAST)).toISOString().replace(/\.?0*Z$/, "Z");
}
