// @ts-check

import { base } from "./base.js";
import { mistake } from "./error.js";
import { addressOf, checkOwner, entriesOf } from "./names.js";

/** @import * as Api from "../index.js" */

/** What is cached of a balance, as the module writes it (`src/browser/balance_cache.rs`). */
/**
 * @typedef {{ balance: number, version: number, as_of_ms: number, session: number,
 *   held?: number | null }} Cached
 */

/**
 * @param {{ baseUrl: string | URL; account: string; namespace?: string }} where
 * @returns {Api.Balance | null}
 */
export function cachedBalance(where) {
  if (typeof where !== "object" || where === null) {
    throw mistake("where", "an object", where);
  }
  const { account, namespace, baseUrl } = where;
  checkOwner({ account, namespace });
  if (base() === undefined) {
    // On a server nothing is cached, and there is no page that an address could be relative to.
    return null;
  }
  const { address } = addressOf(baseUrl);
  const { balance, mark } = entriesOf({ account, namespace: namespace ?? address });
  const cached = parse(readEntry(balance));
  // A tab that has not heard of a sign-out may have cached it after that.
  const isOver = cached !== null && Number(readEntry(mark) ?? 0) > cached.session;
  return cached && !isOver ? shown(cached) : null;
}

/** @param {string} name */
function readEntry(name) {
  try {
    return localStorage.getItem(name);
  } catch {
    // The browser allows this page no storage, or it is a worker.
    return null;
  }
}

/**
 * @param {string | null} entry
 * @returns {Cached | null}
 */
function parse(entry) {
  try {
    const cached = JSON.parse(entry ?? "null");
    const { balance, version, as_of_ms, session, held } = cached;
    const whole = [balance, version, as_of_ms, session, held ?? 0].every(
      (number) => Number.isSafeInteger(number) && number >= 0,
    );
    return whole ? cached : null;
  } catch {
    return null;
  }
}

/**
 * @param {Cached} cached
 * @returns {Api.Balance}
 */
function shown({ balance, version, as_of_ms, held }) {
  // What is held here is unknown until the journal has been read; what the server held is cached.
  return {
    confirmed: balance,
    held: held ?? 0,
    available: Math.max(0, balance - (held ?? 0)),
    version,
    asOf: as_of_ms,
    stale: true,
  };
}
