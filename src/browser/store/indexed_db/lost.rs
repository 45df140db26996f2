//! Charges whose records are gone: damaged, or missing in a database that was set back. They may have
//! been sent, so their keys are kept in mind.

use std::future::Future;

use indexed_db_futures::error::Error;
use indexed_db_futures::object_store::ObjectStore;
use indexed_db_futures::prelude::*;
use indexed_db_futures::transaction::Transaction;
use wasm_bindgen::JsValue;

use super::identity;
use super::rows::{self, Row};
use super::schema::{CHARGES, JOURNAL, LOST};
use crate::browser::store::Found;
use crate::core::charge::Key;

/// So many of them are told at a start.
const MOST_TOLD: u32 = 10_000;

/// The object store of their keys.
pub struct Lost<'a> {
    store: ObjectStore<'a>,
}

impl<'a> Lost<'a> {
    pub fn of(transaction: &'a Transaction<'a>) -> Result<Lost<'a>, Error> {
        Ok(Lost {
            store: transaction.object_store(LOST)?,
        })
    }

    /// How many there are: asked for at once, answered when it is awaited.
    pub fn count(&self) -> Result<impl Future<Output = Result<u32, Error>> + use<>, Error> {
        self.store.count().primitive()
    }

    /// Whether the record of this charge is lost.
    pub async fn has(&self, key: &Key) -> Result<bool, Error> {
        let why: Option<JsValue> = self.store.get(key.as_str()).primitive()?.await?;
        Ok(why.is_some())
    }

    /// The first of them: asked for at once, answered when it is awaited.
    pub fn keys(&self) -> Result<impl Future<Output = Result<Vec<Key>, Error>> + use<'a>, Error> {
        let keys = self.store.get_all_keys::<JsValue>().with_limit(MOST_TOLD);
        let keys = keys.primitive()?;
        Ok(async {
            let keys = keys.await?.filter_map(Result::ok);
            let keys = keys.filter_map(|key| Key::new(key.as_string()?).ok());
            Ok(keys.collect())
        })
    }

    /// The record of this charge is lost.
    pub fn add(&self, key: &JsValue, why: &str) -> Result<(), Error> {
        // What is no text is nobody's key.
        if let Some(key) = key.as_string() {
            drop(self.store.put(why).with_key(key).primitive()?);
        }
        Ok(())
    }
}

/// Keeps those of `keys` in mind of which there is no record, and tells which they are.
pub async fn add_missing(transaction: &Transaction<'_>, keys: &[Key]) -> Result<Vec<Key>, Error> {
    let charges = transaction.object_store(CHARGES)?;
    let lost = Lost::of(transaction)?;
    let mut missing = Vec::new();
    for key in keys {
        let row: Option<JsValue> = charges.get(key.as_str()).primitive()?.await?;
        if row.is_none() {
            lost.add(&key.as_str().into(), "it was open, and its record is gone")?;
            missing.push(key.clone());
        }
    }
    Ok(missing)
}

/// As [`add_missing`], and nothing that is there counts as never sent, or as not charged, any more.
pub async fn doubt_all(
    transaction: &Transaction<'_>,
    keys: &[Key],
    commits: u64,
) -> Result<Vec<Key>, Error> {
    let charges = transaction.object_store(CHARGES)?;
    let rows = charges.get_all::<JsValue>().primitive()?.await?;
    for row in rows.filter_map(Result::ok) {
        // What is charged stays so. What can't be read is found again by the next reading.
        if let Found::Record(record) = rows::read(&row).found
            && record.receipt().is_none()
        {
            drop(charges.put(Row::of(&record.doubted())).serde()?);
        }
    }
    identity::set_commits(&transaction.object_store(JOURNAL)?, commits)?;
    add_missing(transaction, keys).await
}
