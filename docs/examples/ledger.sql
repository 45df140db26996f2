-- The ledger of a billing server, for PostgreSQL and for SQLite. Points are whole.
CREATE TABLE IF NOT EXISTS accounts (
  account TEXT PRIMARY KEY,
  balance BIGINT NOT NULL CHECK (balance BETWEEN 0 AND 9007199254740991),
  version BIGINT NOT NULL CHECK (version >= 1)
);

CREATE TABLE IF NOT EXISTS charges (
  account TEXT NOT NULL REFERENCES accounts,
  idempotency_key TEXT NOT NULL,
  task_id TEXT NOT NULL,
  feature TEXT NOT NULL,
  amount BIGINT NOT NULL CHECK (amount BETWEEN 1 AND 9007199254740991),
  charge_id TEXT NOT NULL UNIQUE,
  charged_at TEXT NOT NULL,
  -- The promise itself: one key of one account, one charge.
  PRIMARY KEY (account, idempotency_key)
);
