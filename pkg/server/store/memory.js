// @ts-check

import { Turns } from "./turns.js";

/** @import { Balance, Book, Charge, Hold, Note } from "../ledger.js" */
/** @import { Store } from "./turns.js" */

/**
 * @typedef {object} Account
 * @property {Balance} balance
 * @property {{ charge: Charge, note: Note }[]} charges oldest first
 * @property {Map<string, number>} latest the place of each key's latest charge
 * @property {Map<string, number>} requests
 * @property {Map<string, Hold>} holds by key
 * @property {Map<string, number>} prices
 */

/**
 * A store that is gone when the program ends.
 *
 * @returns {Store & { book: Book }}
 */
export function memoryStore() {
  /** @type {Map<string, Account>} */
  const accounts = new Map();
  /** @type {Map<string, { account: string, expiresAt: number }>} */
  const tokens = new Map();

  /** @param {string} name */
  const of = (name) => {
    const account = accounts.get(name);
    if (!account) {
      throw new Error(`there is no account ${name}`);
    }
    return account;
  };

  /** @type {Book} */
  const book = {
    balance: (name) => accounts.get(name)?.balance ?? null,
    setBalance(name, balance) {
      of(name).balance = balance;
    },
    open(name, balance) {
      accounts.set(name, {
        balance,
        charges: [],
        latest: new Map(),
        requests: new Map(),
        holds: new Map(),
        prices: new Map(),
      });
    },
    credit() {},
    latestCharge(name, key) {
      const { charges, latest } = of(name);
      const place = latest.get(key);
      return place === undefined ? null : charges[place].charge;
    },
    addCharge(name, charge, note) {
      const { charges, latest } = of(name);
      latest.set(charge.key, charges.length);
      charges.push({ charge, note });
    },
    forgetKey() {},
    countRequest(name, key) {
      const { requests } = of(name);
      requests.set(key, (requests.get(key) ?? 0) + 1);
    },
    holds: (name, now) => [...of(name).holds.values()].filter(({ expiresAt }) => expiresAt > now),
    setHold: (name, hold) => void of(name).holds.set(hold.key, hold),
    dropHold: (name, key) => void of(name).holds.delete(key),
    dropExpiredHolds(name, now) {
      const { holds } = of(name);
      for (const { key, expiresAt } of holds.values()) {
        if (expiresAt <= now) {
          holds.delete(key);
        }
      }
    },
    charges(name) {
      const { charges, requests } = of(name);
      const shown = charges.map(({ charge, note }) => ({
        charge,
        note,
        requests: requests.get(charge.key) ?? 0,
      }));
      return shown.reverse();
    },
    accounts: () => [...accounts.keys()],
    price: (name, taskId) => of(name).prices.get(taskId) ?? null,
    setPrice: (name, taskId, price) => void of(name).prices.set(taskId, price),
    accountOf(token, now) {
      const kept = tokens.get(token);
      return kept && kept.expiresAt > now ? kept.account : null;
    },
    addToken: (token, account, expiresAt) => void tokens.set(token, { account, expiresAt }),
    dropTokens(now) {
      for (const [token, { expiresAt }] of tokens) {
        if (expiresAt <= now) {
          tokens.delete(token);
        }
      }
    },
  };

  const turns = new Turns();
  // Nothing can break a piece of work off in the middle here, so there is nothing to undo.
  const turn = {
    change: async (/** @type {(book: Book) => any} */ work) => work(book),
    read: (/** @type {(book: Book) => any} */ work) => work(book),
  };
  return {
    book,
    turn: (work) => turns.take(() => work(turn)),
    request() {
      return this;
    },
    close: () => turns.take(() => {}),
  };
}
