-- Points are whole, 0 to 2^53 - 1; instants are milliseconds since the Unix epoch. In texts of
-- clients, `\0` stands for the character NUL and `\\` for a backslash: PostgreSQL's have no NUL.
-- Digests are SHA-256.
--
-- The tables are those of PostgreSQL, in SQLite's types, so that one text of each statement is good
-- for both.

CREATE TABLE accounts (
    account TEXT PRIMARY KEY NOT NULL,
    balance INTEGER NOT NULL CHECK (balance BETWEEN 0 AND 9007199254740991),
    version INTEGER NOT NULL CHECK (version >= 1)
) STRICT, WITHOUT ROWID;

-- All points ever given: the seed and the top-ups. An account's balance and its charges add up to
-- its credits. Each version of a balance is one credit's or one charge's.
CREATE TABLE credits (
    account TEXT NOT NULL REFERENCES accounts,
    version INTEGER NOT NULL,
    points INTEGER NOT NULL CHECK (points BETWEEN 0 AND 9007199254740991),
    credited_at INTEGER NOT NULL,
    PRIMARY KEY (account, version)
) STRICT, WITHOUT ROWID;

CREATE TABLE charges (
    account TEXT NOT NULL REFERENCES accounts,
    version INTEGER NOT NULL,
    charge_id TEXT NOT NULL,
    idempotency_key TEXT NOT NULL,
    key_digest BLOB NOT NULL,
    task_id TEXT NOT NULL,
    feature TEXT NOT NULL,
    amount INTEGER NOT NULL CHECK (amount BETWEEN 1 AND 9007199254740991),
    -- What the client sent along, unread.
    created_at TEXT,
    metadata TEXT,
    charged_at INTEGER NOT NULL,
    -- While the key is remembered: a forgotten key may be charged again, and is still looked up.
    remembered INTEGER NOT NULL CHECK (remembered IN (FALSE, TRUE)),
    -- No other index begins with the account and is whole: while a table is new, a planner takes any
    -- that does, and would read all charges of the account.
    PRIMARY KEY (account, key_digest, version)
) STRICT, WITHOUT ROWID;

-- The promise itself: one key, one charge.
CREATE UNIQUE INDEX one_charge_of_key ON charges (account, key_digest) WHERE remembered = TRUE;

-- How often a key was sent, whatever the verdict.
CREATE TABLE requests (
    account TEXT NOT NULL REFERENCES accounts,
    key_digest BLOB NOT NULL,
    requests INTEGER NOT NULL CHECK (requests >= 1),
    PRIMARY KEY (account, key_digest)
) STRICT, WITHOUT ROWID;

CREATE TABLE prices (
    account TEXT NOT NULL REFERENCES accounts,
    task_digest BLOB NOT NULL,
    task_id TEXT NOT NULL,
    price INTEGER NOT NULL CHECK (price BETWEEN 1 AND 9007199254740991),
    PRIMARY KEY (account, task_digest)
) STRICT, WITHOUT ROWID;

CREATE TABLE tokens (
    token TEXT PRIMARY KEY NOT NULL,
    account TEXT NOT NULL REFERENCES accounts,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX tokens_of_account ON tokens (account, expires_at);
