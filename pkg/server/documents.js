// @ts-check
/** What is answered, as JSON. */

import { sorted } from "./json.js";
import { Problem } from "./problem.js";

/** @import { BalanceNow, Charge, Hold, HoldVerdict, Verdict } from "./ledger.js" */
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
 * @param {BalanceNow} balance
 */
export function balanceDocument({ points, held, version }) {
  return { balance: points, ...(held !== null && { held }), version };
}

/**
 * A charge as `POST charges` and `GET charges?key=KEY` answer it.
 *
 * @param {Charge} charge
 * @param {BalanceNow} balance
 */
export function chargeDocument({ amount, chargeId, chargedAt, key }, balance) {
  return sorted({
    ...balanceDocument(balance),
    amount,
    charge_id: chargeId,
    charged_at: rfc3339(chargedAt),
    idempotency_key: key,
  });
}

/**
 * A hold as `POST holds` answers it.
 *
 * @param {Hold} hold
 * @param {BalanceNow} balance
 * @param {number} now
 */
export function holdDocument({ amount, expiresAt, key }, balance, now) {
  return sorted({
    ...balanceDocument(balance),
    amount,
    expires_at: rfc3339(expiresAt),
    expires_in_s: Math.floor((expiresAt - now) / 1_000),
    idempotency_key: key,
  });
}

/**
 * The problem that kept a charge from being made, or points from being held.
 *
 * @param {Exclude<Verdict, { charge: Charge }> | Exclude<HoldVerdict, { hold: Hold }>} verdict
 */
export function problemOf(verdict) {
  switch (verdict.kind) {
    case "insufficient_balance": {
      const { points, held } = verdict.balance;
      const members = balanceDocument(verdict.balance);
      const detail = `The balance is ${points}${held ? `, and ${held} of it are held` : ""}.`;
      return new Problem("insufficient-balance", detail, { members });
    }
    case "key_reused":
      return new Problem(
        "idempotency-key-reused",
        "This key was charged for another task, feature or amount.",
      );
    case "key_held":
      return new Problem(
        "idempotency-key-reused",
        "This key holds points for another task, feature or amount.",
      );
    case "already_charged":
      return new Problem("already-charged", "This key has been charged, and nothing is held.");
    case "hold_exceeded":
      return new Problem("hold-exceeded", `The hold is of ${verdict.held}.`);
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
