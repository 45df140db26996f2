-- Points are whole, 0 to 2^53 - 1; instants are milliseconds since the Unix epoch.

CREATE TABLE accounts (
    account TEXT PRIMARY KEY NOT NULL,
    balance INTEGER NOT NULL CHECK (balance BETWEEN 0 AND 9007199254740991),
    version INTEGER NOT NULL CHECK (version >= 1)
) STRICT;

-- All points ever given: the seed and the top-ups. An account's balance and its charges add up to
-- its credits.
CREATE TABLE credits (
    id INTEGER PRIMARY KEY,
    account TEXT NOT NULL REFERENCES accounts,
    points INTEGER NOT NULL CHECK (points BETWEEN 0 AND 9007199254740991),
    credited_at INTEGER NOT NULL
) STRICT;

CREATE INDEX credits_of_account ON credits (account);

CREATE TABLE charges (
    id INTEGER PRIMARY KEY,
    charge_id TEXT NOT NULL UNIQUE,
    account TEXT NOT NULL REFERENCES accounts,
    idempotency_key TEXT NOT NULL,
    task_id TEXT NOT NULL,
    feature TEXT NOT NULL,
    amount INTEGER NOT NULL CHECK (amount BETWEEN 1 AND 9007199254740991),
    -- What the client sent along, unread.
    created_at TEXT,
    metadata TEXT,
    charged_at INTEGER NOT NULL,
    -- 1 while the key is remembered: a forgotten key may be charged again, and is still looked up.
    remembered INTEGER NOT NULL CHECK (remembered IN (0, 1))
) STRICT;

-- The promise itself: one key, one charge.
CREATE UNIQUE INDEX one_charge_of_key ON charges (account, idempotency_key) WHERE remembered = 1;
CREATE INDEX charges_of_key ON charges (account, idempotency_key, id);
CREATE INDEX charges_of_account ON charges (account, id);

-- How often a key was sent, whatever the verdict.
CREATE TABLE requests (
    account TEXT NOT NULL REFERENCES accounts,
    idempotency_key TEXT NOT NULL,
    requests INTEGER NOT NULL CHECK (requests >= 1),
    PRIMARY KEY (account, idempotency_key)
) STRICT, WITHOUT ROWID;

CREATE TABLE prices (
    account TEXT NOT NULL REFERENCES accounts,
    task_id TEXT NOT NULL,
    price INTEGER NOT NULL CHECK (price BETWEEN 1 AND 9007199254740991),
    PRIMARY KEY (account, task_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE tokens (
    token TEXT PRIMARY KEY NOT NULL,
    account TEXT NOT NULL REFERENCES accounts,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
