-- Points that are held for charges to come: a hold is active until it expires, and is deleted when it
-- is settled, released, or seen expired by a later charge or hold. A version of a balance may be that
-- of a hold, or of its release, from here on.
--
-- The key itself is nowhere read. The sum of an account's active holds is read with every charge: its
-- rows lie together, and no other index is needed.
CREATE TABLE holds (
    account TEXT NOT NULL REFERENCES accounts,
    key_digest BLOB NOT NULL,
    task_id TEXT NOT NULL,
    feature TEXT NOT NULL,
    amount INTEGER NOT NULL CHECK (amount BETWEEN 1 AND 9007199254740991),
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (account, key_digest)
) STRICT, WITHOUT ROWID;
