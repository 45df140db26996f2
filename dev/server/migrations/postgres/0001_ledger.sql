-- Points are whole, 0 to 2^53 - 1; instants are milliseconds since the Unix epoch. In texts of
-- clients, `\0` stands for the character NUL and `\\` for a backslash: PostgreSQL's have no NUL.
-- Digests are SHA-256: a key may be longer than an entry of an index.
--
-- Every key begins with the account, and none comes from a sequence: the rows that a charge touches
-- lie together, wherever a distributed database puts them, and no two accounts share one.

CREATE TABLE accounts (
    account TEXT PRIMARY KEY NOT NULL,
    balance BIGINT NOT NULL CHECK (balance BETWEEN 0 AND 9007199254740991),
    version BIGINT NOT NULL CHECK (version >= 1)
);

-- All points ever given: the seed and the top-ups. An account's balance and its charges add up to
-- its credits. Each version of a balance is one credit's or one charge's.
CREATE TABLE credits (
    account TEXT NOT NULL REFERENCES accounts,
    version BIGINT NOT NULL,
    points BIGINT NOT NULL CHECK (points BETWEEN 0 AND 9007199254740991),
    credited_at BIGINT NOT NULL,
    PRIMARY KEY (account, version)
);

CREATE TABLE charges (
    account TEXT NOT NULL REFERENCES accounts,
    version BIGINT NOT NULL,
    charge_id TEXT NOT NULL,
    idempotency_key TEXT NOT NULL,
    key_digest BYTEA NOT NULL,
    task_id TEXT NOT NULL,
    feature TEXT NOT NULL,
    amount BIGINT NOT NULL CHECK (amount BETWEEN 1 AND 9007199254740991),
    -- What the client sent along, unread.
    created_at TEXT,
    metadata TEXT,
    charged_at BIGINT NOT NULL,
    -- While the key is remembered: a forgotten key may be charged again, and is still looked up.
    remembered BOOLEAN NOT NULL,
    -- No other index begins with the account and is whole: while a table is new, a planner takes any
    -- that does, and would read all charges of the account.
    PRIMARY KEY (account, key_digest, version)
);

-- The promise itself: one key, one charge.
CREATE UNIQUE INDEX one_charge_of_key ON charges (account, key_digest) WHERE remembered = TRUE;

-- How often a key was sent, whatever the verdict.
CREATE TABLE requests (
    account TEXT NOT NULL REFERENCES accounts,
    key_digest BYTEA NOT NULL,
    requests BIGINT NOT NULL CHECK (requests >= 1),
    PRIMARY KEY (account, key_digest)
);

CREATE TABLE prices (
    account TEXT NOT NULL REFERENCES accounts,
    task_digest BYTEA NOT NULL,
    task_id TEXT NOT NULL,
    price BIGINT NOT NULL CHECK (price BETWEEN 1 AND 9007199254740991),
    PRIMARY KEY (account, task_digest)
);

CREATE TABLE tokens (
    token TEXT PRIMARY KEY NOT NULL,
    account TEXT NOT NULL REFERENCES accounts,
    expires_at BIGINT NOT NULL
);

CREATE INDEX tokens_of_account ON tokens (account, expires_at);
