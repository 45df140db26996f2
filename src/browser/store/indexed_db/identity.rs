//! What a database says of itself: its name, and how much has been committed to it.

use indexed_db_futures::database::Database;
use indexed_db_futures::error::Error;
use indexed_db_futures::object_store::ObjectStore;
use indexed_db_futures::prelude::*;
use indexed_db_futures::transaction::{TransactionDurability, TransactionMode, TransactionOptions};
use wasm_bindgen::JsValue;

use super::schema::{COMMITS, ID, JOURNAL};
use crate::browser::clock::random_u64;
use crate::browser::store::marker::Identity;

/// What it says; its name is `None` where it has none yet.
pub async fn read(database: &Database) -> Result<Identity, Error> {
    let transaction = database
        .transaction(JOURNAL)
        .with_mode(TransactionMode::Readonly)
        .build()?;
    let journal = transaction.object_store(JOURNAL)?;
    let commits = commits(&journal).await?;
    let id = id(&journal).await?;
    Ok(Identity {
        is_new: id.is_none() && commits == 0,
        id,
        commits,
    })
}

/// Gives it a name.
pub async fn name(database: &Database) -> Result<String, Error> {
    let transaction = database
        .transaction(JOURNAL)
        .with_mode(TransactionMode::Readwrite)
        .with_options(TransactionOptions::new().with_durability(TransactionDurability::Strict))
        .build()?;
    let journal = transaction.object_store(JOURNAL)?;
    // Another tab may have been first.
    let id = match id(&journal).await? {
        Some(id) => id,
        None => {
            let id = format!("{:016x}", random_u64());
            drop(journal.put(id.as_str()).with_key(ID).primitive()?);
            id
        }
    };
    transaction.commit().await?;
    Ok(id)
}

/// How many transactions have been committed that no crash undoes.
pub async fn commits(journal: &ObjectStore<'_>) -> Result<u64, Error> {
    let commits: Option<JsValue> = journal.get(COMMITS).primitive()?.await?;
    let commits = commits.and_then(|commits| commits.as_f64());
    // A float becomes an integer by truncation and within its range.
    Ok(commits.map_or(0, |commits| commits as u64))
}

/// Notes how many there are, with the transaction that is under way.
pub fn set_commits(journal: &ObjectStore<'_>, commits: u64) -> Result<(), Error> {
    // An error of the request aborts the transaction, which is reported.
    drop(
        journal
            .put(JsValue::from_f64(commits as f64))
            .with_key(COMMITS)
            .primitive()?,
    );
    Ok(())
}

async fn id(journal: &ObjectStore<'_>) -> Result<Option<String>, Error> {
    let known: Option<JsValue> = journal.get(ID).primitive()?.await?;
    Ok(known.and_then(|id| id.as_string()))
}
