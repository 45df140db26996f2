// @ts-check
/**
 * The rules of money: no I/O, no clock, no randomness. The time and the ids of new charges are passed
 * in, and what is known is read from a `Book` and written to it, inside one transaction of a store.
 */

import { MAX_HOLD_S, MAX_POINTS } from "./limits.js";

/**
 * An account's points, and how often they have changed: 1 for a new account.
 *
 * @typedef {{ points: number, version: number }} Balance
 */

/**
 * A balance with the points of it that active holds reserve; null where the server keeps no holds.
 *
 * @typedef {Balance & { held: number | null }} BalanceNow
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
 * Points that are reserved for the charge of this key, and until when, in milliseconds since the Unix
 * epoch.
 *
 * @typedef {ChargeRequest & { expiresAt: number }} Hold
 */

/**
 * Points that have been taken, and when, in milliseconds since the Unix epoch.
 *
 * @typedef {ChargeRequest & { chargeId: string, chargedAt: number }} Charge
 */

/**
 * A charge as it was asked for. `hold` is the key whose hold it settles, null for its own key's.
 *
 * @typedef {{ request: ChargeRequest, note: Note, hold: string | null }} AskedCharge
 */

/**
 * What became of a charge request. After all but the first two nothing was taken; after
 * `insufficient_balance` the same key may come again.
 *
 * @typedef {| { kind: "charged", charge: Charge, balance: BalanceNow }
 *   | { kind: "replayed", charge: Charge, balance: BalanceNow }
 *   | { kind: "insufficient_balance", balance: BalanceNow }
 *   | { kind: "key_reused" }
 *   | { kind: "price_mismatch", price: number }
 *   | { kind: "hold_exceeded", held: number }} Verdict
 */

/**
 * What became of a request to hold points. After all but the first two nothing was held.
 *
 * @typedef {| { kind: "held", hold: Hold, balance: BalanceNow }
 *   | { kind: "renewed", hold: Hold, balance: BalanceNow }
 *   | { kind: "insufficient_balance", balance: BalanceNow }
 *   | { kind: "key_held" }
 *   | { kind: "already_charged" }} HoldVerdict
 */

/**
 * The terms of every account: the points that a new one starts with, how long a charged key is
 * remembered, null for ever, and whether points can be held.
 *
 * @typedef {{ seedBalance: number, keyTtlMs: number | null, holds: boolean }} Terms
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
 * @property {(account: string, now: number) => Hold[]} holds those that are active now
 * @property {(account: string, hold: Hold) => void} setHold in place of the key's earlier one
 * @property {(account: string, key: string) => void} dropHold
 * @property {(account: string, now: number) => void} dropExpiredHolds
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
 * @param {Terms} terms
 * @param {string} account
 * @param {number} now
 * @returns {BalanceNow}
 */
export function balanceOf(book, terms, account, now) {
  const balance = book.balance(account);
  if (!balance) {
    throw new Error(`there is no account ${account}`);
  }
  return { ...balance, held: terms.holds ? pointsOf(book.holds(account, now)) : null };
}

/**
 * Charges the account, or says why not. A charged key comes before everything else: a charge stays
 * paid, however the balance or the price have changed since.
 *
 * @param {Book} book
 * @param {Terms} terms
 * @param {string} account
 * @param {AskedCharge} asked
 * @param {number} now
 * @param {string} chargeId names the charge if this makes one
 * @returns {Verdict}
 */
export function charge(book, terms, account, { request, note, hold: named }, now, chargeId) {
  const { key, taskId, feature, amount } = request;
  book.countRequest(account, key);
  const balance = balanceOf(book, terms, account, now);
  const latest = chargeOf(book, terms, account, key, now);
  if (latest) {
    return isSame(latest, request)
      ? { kind: "replayed", charge: latest, balance }
      : { kind: "key_reused" };
  }
  const price = book.price(account, taskId);
  if (price !== null && price !== amount) {
    return { kind: "price_mismatch", price };
  }
  const settled = named ?? key;
  const hold = terms.holds && activeHold(book, account, settled, now);
  if (hold && named !== null && amount > hold.amount) {
    return { kind: "hold_exceeded", held: hold.amount };
  }
  const heldForOthers = (balance.held ?? 0) - (hold ? hold.amount : 0);
  if (balance.points - heldForOthers < amount) {
    return { kind: "insufficient_balance", balance };
  }
  const made = { key, taskId, feature, amount, chargeId, chargedAt: now };
  const after = { points: balance.points - amount, version: balance.version + 1 };
  if (terms.keyTtlMs !== null) {
    book.forgetKey(account, key, now - terms.keyTtlMs);
  }
  book.addCharge(account, made, note);
  book.setBalance(account, after);
  if (hold) {
    book.dropHold(account, settled);
  }
  if (terms.holds) {
    // Their points may be gone by now: a clock that is set back must not find them active again.
    book.dropExpiredHolds(account, now);
  }
  return { kind: "charged", charge: made, balance: balanceOf(book, terms, account, now) };
}

/**
 * Holds points for the charge of a key, or says why not. The same request again, while its hold is
 * active, may make it last longer, and never shorter.
 *
 * @param {Book} book
 * @param {Terms} terms
 * @param {string} account
 * @param {ChargeRequest} request
 * @param {number} forS seconds, of which MAX_HOLD_S are granted
 * @param {number} now
 * @returns {HoldVerdict}
 */
export function hold(book, terms, account, request, forS, now) {
  const { key, amount } = request;
  if (chargeOf(book, terms, account, key, now)) {
    return { kind: "already_charged" };
  }
  const expiresAt = now + Math.min(forS, MAX_HOLD_S) * 1_000;
  const active = activeHold(book, account, key, now);
  const balance = balanceOf(book, terms, account, now);
  if (active) {
    if (!isSame(active, request)) {
      return { kind: "key_held" };
    }
    const renewed = { ...active, expiresAt: Math.max(active.expiresAt, expiresAt) };
    book.setHold(account, renewed);
    return { kind: "renewed", hold: renewed, balance };
  }
  if (balance.points - (balance.held ?? 0) < amount) {
    return { kind: "insufficient_balance", balance };
  }
  const made = { ...request, expiresAt };
  book.dropExpiredHolds(account, now);
  book.setHold(account, made);
  const { points, version } = balance;
  book.setBalance(account, { points, version: version + 1 });
  return { kind: "held", hold: made, balance: balanceOf(book, terms, account, now) };
}

/**
 * Ends the hold of a key, if there is one, and gives the balance after it. One that has expired goes
 * too: a clock that is set back must not find it active again.
 *
 * @param {Book} book
 * @param {Terms} terms
 * @param {string} account
 * @param {string} key
 * @param {number} now
 */
export function release(book, terms, account, key, now) {
  if (activeHold(book, account, key, now)) {
    const { points, version } = balanceOf(book, terms, account, now);
    book.setBalance(account, { points, version: version + 1 });
  }
  book.dropHold(account, key);
  return balanceOf(book, terms, account, now);
}

/**
 * Adds points. Null, and nothing is changed, where the balance would pass MAX_POINTS.
 *
 * @param {Book} book
 * @param {Terms} terms
 * @param {string} account
 * @param {number} points
 * @param {number} now
 * @returns {BalanceNow | null}
 */
export function topUp(book, terms, account, points, now) {
  const before = balanceOf(book, terms, account, now);
  if (points > MAX_POINTS - before.points) {
    return null;
  }
  book.setBalance(account, { points: before.points + points, version: before.version + 1 });
  book.credit(account, points, now);
  return balanceOf(book, terms, account, now);
}

/**
 * The charge of a key that is remembered.
 *
 * @param {Book} book
 * @param {Terms} terms
 * @param {string} account
 * @param {string} key
 * @param {number} now
 */
function chargeOf(book, { keyTtlMs }, account, key, now) {
  const latest = book.latestCharge(account, key);
  return latest && remembers(keyTtlMs, latest.chargedAt, now) ? latest : null;
}

/**
 * @param {Book} book
 * @param {string} account
 * @param {string} key
 * @param {number} now
 */
function activeHold(book, account, key, now) {
  return book.holds(account, now).find((hold) => hold.key === key);
}

/** @param {Hold[]} holds */
function pointsOf(holds) {
  return holds.reduce((points, { amount }) => points + amount, 0);
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
