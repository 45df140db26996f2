//! What the database is made of, and how an older one becomes so.
//!
//! | version | what came |
//! |---|---|
//! | 1 | `charges` by key, its index `by_state`, and `quarantine` |
//! | 2 | `journal`, which names the database, so that its loss is noticed |
//! | 3 | `lost`, the keys of charges whose records are gone, so that they count as perhaps sent |
//!
//! A step only adds: rows keep their form, which is versioned on its own (`core::codec`). A
//! database of a newer version is not opened.

use indexed_db_futures::KeyPath;
use indexed_db_futures::database::Database;
use indexed_db_futures::error::Error;
use indexed_db_futures::prelude::*;

/// The version that this code writes.
pub const VERSION: u32 = 3;

/// One row a charge.
pub const CHARGES: &str = "charges";
/// The charges by state, in their order.
pub const BY_STATE: &str = "by_state";
/// Records that did not pass their check.
pub const QUARANTINE: &str = "quarantine";
/// What is known of the journal as a whole.
pub const JOURNAL: &str = "journal";
/// The entry of [`JOURNAL`] that names the database.
pub const ID: &str = "id";
/// The entry of [`JOURNAL`] that counts the transactions that no crash undoes.
pub const COMMITS: &str = "commits";
/// Why the record of a charge is gone, by the charge's key.
pub const LOST: &str = "lost";
/// The entry of [`JOURNAL`] with the mark of the last sign-out.
pub const MARK: &str = "mark";

/// Makes a database of [`VERSION`] of one of version `from`, 0 if it is new.
pub fn upgrade(database: &Database, from: u32) -> Result<(), Error> {
    if from < 1 {
        let charges = database
            .create_object_store(CHARGES)
            .with_key_path(KeyPath::One("key"))
            .build()?;
        charges
            .create_index(BY_STATE, KeyPath::from(["state", "sequence"]))
            .build()?;
        database
            .create_object_store(QUARANTINE)
            .with_auto_increment(true)
            .build()?;
    }
    if from < 2 {
        database.create_object_store(JOURNAL).build()?;
    }
    if from < 3 {
        database.create_object_store(LOST).build()?;
    }
    Ok(())
}
