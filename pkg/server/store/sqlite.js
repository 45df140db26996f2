// @ts-check

import { StoreUnavailable, StoreUncertain, Turns } from "./turns.js";

/** @import { Book, Charge, ChargeRequest, Note } from "../ledger.js" */
/** @import { Store } from "./turns.js" */

/**
 * What `node:sqlite` and better-sqlite3 have in common.
 *
 * @typedef {object} Database
 * @property {(sql: string) => unknown} exec
 * @property {(sql: string) => { get(...values: any[]): any, all(...values: any[]): any[], run(...values: any[]): unknown }} prepare
 * @property {() => void} close
 */

/** How soon a database that another program keeps locked is asked again. */
const BUSY_MS = 5;

/** How long opening waits for such a program. */
const OPENING_MS = 5_000;

/** The tables. Those of the reference server differ: neither opens the other's file. */
const TABLES = `
CREATE TABLE IF NOT EXISTS accounts (
    account TEXT PRIMARY KEY NOT NULL,
    balance INTEGER NOT NULL CHECK (balance BETWEEN 0 AND 9007199254740991),
    version INTEGER NOT NULL CHECK (version >= 1)
) STRICT;
CREATE TABLE IF NOT EXISTS credits (
    id INTEGER PRIMARY KEY,
    account TEXT NOT NULL REFERENCES accounts,
    points INTEGER NOT NULL CHECK (points BETWEEN 0 AND 9007199254740991),
    credited_at INTEGER NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS credits_of_account ON credits (account);
CREATE TABLE IF NOT EXISTS charges (
    id INTEGER PRIMARY KEY,
    charge_id TEXT NOT NULL UNIQUE,
    account TEXT NOT NULL REFERENCES accounts,
    idempotency_key TEXT NOT NULL,
    task_id TEXT NOT NULL,
    feature TEXT NOT NULL,
    amount INTEGER NOT NULL CHECK (amount BETWEEN 1 AND 9007199254740991),
    created_at TEXT,
    metadata TEXT,
    charged_at INTEGER NOT NULL,
    remembered INTEGER NOT NULL CHECK (remembered IN (0, 1))
) STRICT;
CREATE UNIQUE INDEX IF NOT EXISTS one_charge_of_key ON charges (account, idempotency_key)
    WHERE remembered = 1;
CREATE INDEX IF NOT EXISTS charges_of_key ON charges (account, idempotency_key, id);
CREATE INDEX IF NOT EXISTS charges_of_account ON charges (account, id);
CREATE TABLE IF NOT EXISTS requests (
    account TEXT NOT NULL REFERENCES accounts,
    idempotency_key TEXT NOT NULL,
    requests INTEGER NOT NULL CHECK (requests >= 1),
    PRIMARY KEY (account, idempotency_key)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS holds (
    account TEXT NOT NULL REFERENCES accounts,
    idempotency_key TEXT NOT NULL,
    task_id TEXT NOT NULL,
    feature TEXT NOT NULL,
    amount INTEGER NOT NULL CHECK (amount BETWEEN 1 AND 9007199254740991),
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (account, idempotency_key)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS prices (
    account TEXT NOT NULL REFERENCES accounts,
    task_id TEXT NOT NULL,
    price INTEGER NOT NULL CHECK (price BETWEEN 1 AND 9007199254740991),
    PRIMARY KEY (account, task_id)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS tokens (
    token TEXT PRIMARY KEY NOT NULL,
    account TEXT NOT NULL REFERENCES accounts,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
`;

/**
 * A store in an SQLite database. A commit that was answered survives a crash, of the power too.
 *
 * @param {Database} database
 * @param {number} decideWithinMs how long a request waits for its turns, and for other programs
 * @returns {Store}
 */
export function sqliteStore(database, decideWithinMs) {
  database.exec(`PRAGMA busy_timeout = ${OPENING_MS}`);
  database.exec("PRAGMA journal_mode = WAL");
  database.exec("PRAGMA synchronous = FULL");
  database.exec("PRAGMA foreign_keys = ON");
  database.exec(`BEGIN IMMEDIATE; ${TABLES} COMMIT;`);
  // From now on nothing blocks the program: what is busy is asked again.
  database.exec("PRAGMA busy_timeout = 0");
  const book = bookOf(database);
  const turns = new Turns();

  /** @param {number} deadlineMs */
  const begin = async (deadlineMs) => {
    for (;;) {
      try {
        database.exec("BEGIN IMMEDIATE");
        return;
      } catch (error) {
        if (!isBusy(error) || performance.now() >= deadlineMs) {
          throw new StoreUnavailable("the database is not available", { cause: error });
        }
        await new Promise((resolve) => setTimeout(resolve, BUSY_MS));
      }
    }
  };

  /** @param {number} deadlineMs */
  const turnBefore = (deadlineMs) => ({
    async change(/** @type {(book: Book) => any} */ work) {
      await begin(deadlineMs);
      let result;
      try {
        result = work(book);
      } catch (error) {
        rollBack(database);
        throw asUnavailable(error);
      }
      if (performance.now() >= deadlineMs) {
        rollBack(database);
        throw new StoreUnavailable("the time is up");
      }
      try {
        database.exec("COMMIT");
      } catch (error) {
        rollBack(database);
        throw new StoreUncertain("the commit failed", { cause: error });
      }
      return result;
    },
    read(/** @type {(book: Book) => any} */ work) {
      try {
        // All of it at one moment: a balance and its holds change together.
        database.exec("BEGIN");
        try {
          return work(book);
        } finally {
          database.exec("COMMIT");
        }
      } catch (error) {
        throw asUnavailable(error);
      }
    },
  });

  const nextDeadlineMs = () => performance.now() + decideWithinMs;
  /** @type {(deadline: () => number) => Store} */
  const storeUntil = (deadline) => ({
    turn(work) {
      const deadlineMs = deadline();
      return turns.take(() => {
        if (performance.now() >= deadlineMs) {
          throw new StoreUnavailable("the turn came too late");
        }
        return work(turnBefore(deadlineMs));
      });
    },
    request() {
      const deadlineMs = nextDeadlineMs();
      return storeUntil(() => deadlineMs);
    },
    close: () => turns.take(() => database.close()),
  });
  return storeUntil(nextDeadlineMs);
}

/** @param {Database} database */
function rollBack(database) {
  try {
    database.exec("ROLLBACK");
  } catch {
    // SQLite has rolled it back by itself.
  }
}

/** @param {any} error */
function isBusy(error) {
  // Of better-sqlite3, and of node:sqlite.
  return error?.code?.startsWith?.("SQLITE_BUSY") || error?.errcode % 256 === 5;
}

/** @param {any} error */
function asUnavailable(error) {
  const isDatabase = error?.errcode !== undefined || error?.code?.startsWith?.("SQLITE_");
  return isDatabase
    ? new StoreUnavailable("the database is not available", { cause: error })
    : error;
}

/**
 * A value as the database keeps it. `node:sqlite` gives a text back up to its first NUL, so U+0001
 * stands before a 0 in the place of a NUL, and before itself.
 *
 * @param {any} value
 */
function written(value) {
  return typeof value === "string"
    ? value.replaceAll("\u0001", "\u0001\u0001").replaceAll("\0", "\u00010")
    : value;
}

/**
 * A row with its texts as they were before they were {@link written}.
 *
 * @param {any} row
 */
function read(row) {
  for (const [name, value] of Object.entries(row ?? {})) {
    if (typeof value === "string") {
      const parts = value.split("\u0001\u0001");
      row[name] = parts.map((part) => part.replaceAll("\u00010", "\0")).join("\u0001");
    }
  }
  return row;
}

/**
 * @param {Database} database
 * @returns {Book}
 */
function bookOf(database) {
  /** @type {Map<string, ReturnType<Database["prepare"]>>} */
  const prepared = new Map();
  /** @param {string} text */
  const sql = (text) => {
    const statement = prepared.get(text) ?? database.prepare(text);
    prepared.set(text, statement);
    return {
      get: (/** @type {any[]} */ ...values) => read(statement.get(...values.map(written))),
      all: (/** @type {any[]} */ ...values) => statement.all(...values.map(written)).map(read),
      run: (/** @type {any[]} */ ...values) => statement.run(...values.map(written)),
    };
  };
  /** @type {(row: any) => ChargeRequest} */
  const requestOf = (row) => ({
    key: row.idempotency_key,
    taskId: row.task_id,
    feature: row.feature,
    amount: row.amount,
  });
  /** @type {(row: any) => Charge} */
  const chargeOf = (row) => ({
    ...requestOf(row),
    chargeId: row.charge_id,
    chargedAt: row.charged_at,
  });
  /** @type {(row: any) => Note} */
  const noteOf = (row) => ({
    createdAt: row.created_at,
    metadata: row.metadata && JSON.parse(row.metadata),
  });
  return {
    balance(account) {
      const row = sql("SELECT balance, version FROM accounts WHERE account = ?").get(account);
      return row ? { points: row.balance, version: row.version } : null;
    },
    setBalance(account, { points, version }) {
      const update = "UPDATE accounts SET balance = ?, version = ? WHERE account = ?";
      sql(update).run(points, version, account);
    },
    open(account, { points, version }) {
      const insert = "INSERT INTO accounts (account, balance, version) VALUES (?, ?, ?)";
      sql(insert).run(account, points, version);
    },
    credit(account, points, now) {
      const insert = "INSERT INTO credits (account, points, credited_at) VALUES (?, ?, ?)";
      sql(insert).run(account, points, now);
    },
    latestCharge(account, key) {
      const row = sql(
        `SELECT * FROM charges WHERE account = ? AND idempotency_key = ? ORDER BY id DESC LIMIT 1`,
      ).get(account, key);
      return row ? chargeOf(row) : null;
    },
    addCharge(account, charge, { createdAt, metadata }) {
      sql(
        `INSERT INTO charges (charge_id, account, idempotency_key, task_id, feature, amount,
                              created_at, metadata, charged_at, remembered)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 1)`,
      ).run(
        charge.chargeId,
        account,
        charge.key,
        charge.taskId,
        charge.feature,
        charge.amount,
        createdAt,
        metadata && JSON.stringify(metadata),
        charge.chargedAt,
      );
    },
    // It checks the time again, so that the index stays an independent check of the decision.
    forgetKey(account, key, chargedUntil) {
      sql(
        `UPDATE charges SET remembered = 0
         WHERE account = ? AND idempotency_key = ? AND remembered = 1 AND charged_at <= ?`,
      ).run(account, key, chargedUntil);
    },
    countRequest(account, key) {
      sql(
        `INSERT INTO requests (account, idempotency_key, requests) VALUES (?, ?, 1)
         ON CONFLICT DO UPDATE SET requests = requests + 1`,
      ).run(account, key);
    },
    holds(account, now) {
      const select = "SELECT * FROM holds WHERE account = ? AND expires_at > ?";
      const rows = sql(select).all(account, now);
      return rows.map((row) => ({ ...requestOf(row), expiresAt: row.expires_at }));
    },
    setHold(account, { key, taskId, feature, amount, expiresAt }) {
      sql(
        `INSERT OR REPLACE INTO holds
           (account, idempotency_key, task_id, feature, amount, expires_at)
         VALUES (?, ?, ?, ?, ?, ?)`,
      ).run(account, key, taskId, feature, amount, expiresAt);
    },
    dropHold(account, key) {
      sql("DELETE FROM holds WHERE account = ? AND idempotency_key = ?").run(account, key);
    },
    dropExpiredHolds(account, now) {
      sql("DELETE FROM holds WHERE account = ? AND expires_at <= ?").run(account, now);
    },
    charges(account) {
      const rows = sql(
        `SELECT * FROM charges JOIN requests USING (account, idempotency_key)
         WHERE account = ? ORDER BY id DESC`,
      ).all(account);
      return rows.map((row) => ({
        charge: chargeOf(row),
        note: noteOf(row),
        requests: row.requests,
      }));
    },
    accounts() {
      const rows = sql("SELECT account FROM accounts ORDER BY account").all();
      return rows.map(({ account }) => account);
    },
    price(account, taskId) {
      const select = "SELECT price FROM prices WHERE account = ? AND task_id = ?";
      return sql(select).get(account, taskId)?.price ?? null;
    },
    setPrice(account, taskId, price) {
      sql(
        `INSERT INTO prices (account, task_id, price) VALUES (?, ?, ?)
         ON CONFLICT DO UPDATE SET price = excluded.price`,
      ).run(account, taskId, price);
    },
    accountOf(token, now) {
      const select = "SELECT account FROM tokens WHERE token = ? AND expires_at > ?";
      return sql(select).get(token, now)?.account ?? null;
    },
    addToken(token, account, expiresAt) {
      const insert = "INSERT INTO tokens (token, account, expires_at) VALUES (?, ?, ?)";
      sql(insert).run(token, account, expiresAt);
    },
    dropTokens(now) {
      sql("DELETE FROM tokens WHERE expires_at <= ?").run(now);
    },
  };
}
