// @ts-check
/**
 * The rules of money: no I/O, no clock, no randomness. The time and the ids of new charges are passed
 * in, and what is known is read from a `Book` and written to it, inside one transaction of a store.
 */

import { MAX_POINTS } from "./limits.js";

/**
 * An account's points, and how often they have changed: 1 for a new account.
 *
 * @typedef {{ points: number, version: number }} Balance
 */

/**
 * A charge that a client asks for. Two requests with one key are the same where these four are.
 *
 * @typedef {{ key: string, taskId: string, feature: string, amount: number }} ChargeRequest
 */

/**
 * What a client sends along with a charge: stored, never read.
 *
 * @typedef {{ createdAt: string | null, metadata: Record<string, string> | null }} Note
 */

/**
 * Points that have been taken, and when, in milliseconds since the Unix epoch.
 *
 * @typedef {ChargeRequest & { chargeId: string, chargedAt: number }} Charge
 */

/**
 * What became of a charge request. After all but the first two nothing was taken; after
 * `insufficient_balance` the same key may come again.
 *
 * @typedef {| { kind: "charged", charge: Charge, balance: Balance }
 *   | { kind: "replayed", charge: Charge, balance: Balance }
 *   | { kind: "insufficient_balance", balance: Balance }
 *   | { kind: "key_reused" }
 *   | { kind: "price_mismatch", price: number }} Verdict
 */

/**
 * The terms of every account: the points that a new one starts with, and how long a charged key is
 * remembered, null for ever.
 *
 * @typedef {{ seedBalance: number, keyTtlMs: number | null }} Terms
 */

/**
 * The accounts as one transaction of a store sees them.
 *
 * @typedef {object} Book
 * @property {(account: string) => Balance | null} balance null for an account that is not there
 * @property {(account: string, balance: Balance) => void} setBalance
 * @property {(account: string, balance: Balance) => void} open makes an account
 * @property {(account: string, points: number, now: number) => void} credit notes points given
 * @property {(account: string, key: string) => Charge | null} latestCharge
 * @property {(account: string, charge: Charge, note: Note) => void} addCharge
 * @property {(account: string, key: string, chargedUntil: number) => void} forgetKey
 *   lets a key be charged again that was charged by then
 * @property {(account: string, key: string) => void} countRequest
 * @property {(account: string) => { charge: Charge, note: Note, requests: number }[]} charges newest first
 * @property {() => string[]} accounts
 * @property {(account: string, taskId: string) => number | null} price
 * @property {(account: string, taskId: string, price: number) => void} setPrice
 * @property {(token: string, now: number) => string | null} accountOf
 * @property {(token: string, account: string, expiresAt: number) => void} addToken
 * @property {(now: number) => void} dropTokens drops those that have expired
 */

/**
 * Makes the account, with the seed balance, unless it is there.
 *
 * @param {Book} book
 * @param {Terms} terms
 * @param {string} account
 * @param {number} now
 */
export function openAccount(book, terms, account, now) {
  if (!book.balance(account)) {
    const points = Math.min(terms.seedBalance, MAX_POINTS);
    book.open(account, { points, version: 1 });
    book.credit(account, points, now);
  }
}

/**
 * The balance of an account that is there.
 *
 * @param {Book} book
 * @param {string} account
 * @returns {Balance}
 */
export function balanceOf(book, account) {
  const balance = book.balance(account);
  if (!balance) {
    throw new Error(`there is no account ${account}`);
  }
  return balance;
}

/**
 * Charges the account, or says why not. A charged key comes before everything else: a charge stays
 * paid, however the balance or the price have changed since.
 *
 * @param {Book} book
 * @param {Terms} terms
 * @param {string} account
 * @param {ChargeRequest} request
 * @param {Note} note
 * @param {number} now
 * @param {string} chargeId names the charge if this makes one
 * @returns {Verdict}
 */
export function charge(book, terms, account, request, note, now, chargeId) {
  const { key, taskId, feature, amount } = request;
  book.countRequest(account, key);
  const balance = balanceOf(book, account);
  const latest = book.latestCharge(account, key);
  if (latest && remembers(terms.keyTtlMs, latest.chargedAt, now)) {
    return isSame(latest, request)
      ? { kind: "replayed", charge: latest, balance }
      : { kind: "key_reused" };
  }
  const price = book.price(account, taskId);
  if (price !== null && price !== amount) {
    return { kind: "price_mismatch", price };
  }
  if (balance.points < amount) {
    return { kind: "insufficient_balance", balance };
  }
  const made = { key, taskId, feature, amount, chargeId, chargedAt: now };
  const after = { points: balance.points - amount, version: balance.version + 1 };
  if (terms.keyTtlMs !== null) {
    book.forgetKey(account, key, now - terms.keyTtlMs);
  }
  book.addCharge(account, made, note);
  book.setBalance(account, after);
  return { kind: "charged", charge: made, balance: after };
}

/**
 * Adds points. Null, and nothing is changed, where the balance would pass MAX_POINTS.
 *
 * @param {Book} book
 * @param {string} account
 * @param {number} points
 * @param {number} now
 * @returns {Balance | null}
 */
export function topUp(book, account, points, now) {
  const before = balanceOf(book, account);
  if (points > MAX_POINTS - before.points) {
    return null;
  }
  const after = { points: before.points + points, version: before.version + 1 };
  book.setBalance(account, after);
  book.credit(account, points, now);
  return after;
}

/**
 * Whether a key is still remembered. A clock that was set back forgets nothing.
 *
 * @param {number | null} keyTtlMs
 * @param {number} chargedAt
 * @param {number} now
 */
function remembers(keyTtlMs, chargedAt, now) {
  return keyTtlMs === null || Math.max(0, now - chargedAt) < keyTtlMs;
}

/**
 * @param {ChargeRequest} one
 * @param {ChargeRequest} other
 */
function isSame(one, other) {
  return (
    one.taskId === other.taskId && one.feature === other.feature && one.amount === other.amount
  );
}
