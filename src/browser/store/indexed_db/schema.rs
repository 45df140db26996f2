//! What the database is made of, and how an older one becomes so.
//!
//! A step only adds: rows keep their form, which is versioned on its own (`core::codec`). A
//! database of a newer version is not opened.

use indexed_db_futures::KeyPath;
use indexed_db_futures::database::Database;
use indexed_db_futures::error::{Error, OpenDbError};
use indexed_db_futures::prelude::*;

/// Makes of a database of one version one of the next; of none, of version 0, the first.
pub type Step = fn(&Database) -> Result<(), Error>;

/// The steps to today's schema, in order. A database's version is how many of them it has taken.
pub const STEPS: [Step; 1] = [first];

/// One row a charge.
pub const CHARGES: &str = "charges";
/// The charges by state, in their order.
pub const BY_STATE: &str = "by_state";
/// Records that did not pass their check.
pub const QUARANTINE: &str = "quarantine";
/// What is known of the journal as a whole.
pub const JOURNAL: &str = "journal";
/// The entry of [`JOURNAL`] that names the database, so that its loss is noticed.
pub const ID: &str = "id";
/// The entry of [`JOURNAL`] that counts the transactions that no crash undoes.
pub const COMMITS: &str = "commits";
/// Why the record of a charge is gone, by the charge's key: it counts as perhaps sent.
pub const LOST: &str = "lost";
/// The entry of [`JOURNAL`] with the mark of the last sign-out.
pub const MARK: &str = "mark";

/// Opens the database, which takes those of `steps` first that it has not taken yet.
pub async fn open(name: &str, steps: &'static [Step]) -> Result<Database, OpenDbError> {
    Database::open(name)
        // There are few of them.
        .with_version(steps.len() as u32)
        .with_on_upgrade_needed(|event, database| {
            // Versions are small whole numbers.
            let taken = event.old_version() as usize;
            steps
                .iter()
                .skip(taken)
                .try_for_each(|step| step(&database))
        })
        .await
}

fn first(database: &Database) -> Result<(), Error> {
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
    database.create_object_store(JOURNAL).build()?;
    database.create_object_store(LOST).build()?;
    Ok(())
}
