//! The journal in IndexedDB, written with strict durability: what is committed survives a crash.

use std::cell::RefCell;
use std::rc::Rc;

use gloo_timers::callback::Timeout;
use indexed_db_futures::KeyPath;
use indexed_db_futures::database::Database;
use indexed_db_futures::error::{Error, OpenDbError};
use indexed_db_futures::object_store::ObjectStore;
use indexed_db_futures::prelude::*;
use indexed_db_futures::transaction::{
    Transaction, TransactionDurability, TransactionMode, TransactionOptions,
};
use js_sys::{Promise, Reflect};
use serde::{Deserialize, Serialize};
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::{JsFuture, spawn_local};

use super::{Found, Outcome, inspect};
use crate::core::codec::{self, Stored};
use crate::core::journal::{Applied, ApplyAt, Op, Write};
use crate::core::record::{Record, State};

/// The schema that this code writes.
const VERSION: u32 = 1;
const CHARGES: &str = "charges";
/// Open charges, in their order.
const BY_STATE: &str = "by_state";
/// Records that did not pass their check.
const QUARANTINE: &str = "quarantine";

/// WebKit has been seen to leave `open` hanging.
const OPEN_LIMIT_MS: u32 = 5_000;

/// A record as a row of the object store.
#[derive(Debug, Serialize, Deserialize)]
struct Row {
    key: String,
    /// For the index.
    state: String,
    /// For the index.
    sequence: u64,
    format: u32,
    check: u32,
    body: String,
}

impl Row {
    fn into_stored(self) -> Stored {
        Stored {
            format: self.format,
            check: self.check,
            body: self.body,
        }
    }
}

/// An open database.
#[derive(Debug)]
pub struct IndexedDb {
    database: RefCell<Option<Rc<Database>>>,
}

impl IndexedDb {
    /// Opens the database, or says why not.
    pub async fn open(name: &str) -> Result<IndexedDb, String> {
        let opened = Rc::new(RefCell::new(None));
        let result = Rc::clone(&opened);
        let name = name.to_owned();
        let mut timer = None;
        let ended = Promise::new(&mut |ended, _| {
            let (name, result, too_late) = (name.clone(), Rc::clone(&result), ended.clone());
            timer = Some(Timeout::new(OPEN_LIMIT_MS, move || {
                // Calling a promise's resolver can't fail.
                let _ = too_late.call0(&JsValue::UNDEFINED);
            }));
            spawn_local(async move {
                let database = open(&name).await;
                *result.borrow_mut() = Some(database);
                let _ = ended.call0(&JsValue::UNDEFINED);
            });
        });
        // The promise never rejects.
        let _ = JsFuture::from(ended).await;
        drop(timer);
        let result = opened.borrow_mut().take();
        match result {
            Some(Ok(database)) => Ok(IndexedDb {
                database: RefCell::new(Some(Rc::new(database))),
            }),
            Some(Err(error)) => Err(error.to_string()),
            None => Err("IndexedDB did not open in time".to_owned()),
        }
    }

    /// Applies all of these in one transaction, and returns when it has committed.
    pub async fn apply(
        &self,
        ops: &[Op],
        relaxed: bool,
        at: ApplyAt,
    ) -> Result<Outcome<Vec<Applied>>, String> {
        let database = self.database()?;
        let durability = match relaxed {
            true => TransactionDurability::Relaxed,
            false => TransactionDurability::Strict,
        };
        let transaction = begin(&database, durability)?;
        let outcome = apply_in(&transaction, ops, at).await.map_err(text)?;
        transaction.commit().await.map_err(text)?;
        Ok(outcome)
    }

    /// Everything that is there.
    pub async fn load(&self) -> Result<Outcome<Vec<Record>>, String> {
        let database = self.database()?;
        let durability = TransactionDurability::Relaxed;
        let transaction = begin(&database, durability)?;
        let outcome = load_in(&transaction).await.map_err(text)?;
        transaction.commit().await.map_err(text)?;
        Ok(outcome)
    }

    /// Closes the connection when what is under way has ended.
    pub fn close(&self) {
        let database = self.database.borrow_mut().take();
        if let Some(database) = database.and_then(Rc::into_inner) {
            database.close();
        }
    }

    fn database(&self) -> Result<Rc<Database>, String> {
        let database = self.database.borrow().clone();
        database.ok_or_else(|| "the database is closed".to_owned())
    }
}

async fn open(name: &str) -> Result<Database, OpenDbError> {
    Database::open(name)
        .with_version(VERSION)
        .with_on_upgrade_needed(|_, database| {
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
            Ok(())
        })
        .await
}

/// A transaction that may write: even a reader sets damaged records aside.
fn begin(
    database: &Database,
    durability: TransactionDurability,
) -> Result<Transaction<'_>, String> {
    database
        .transaction([CHARGES, QUARANTINE])
        .with_mode(TransactionMode::Readwrite)
        .with_options(TransactionOptions::new().with_durability(durability))
        .build()
        .map_err(text)
}

async fn apply_in(
    transaction: &Transaction<'_>,
    ops: &[Op],
    at: ApplyAt,
) -> Result<Outcome<Vec<Applied>>, Error> {
    let stores = Stores::of(transaction)?;
    let mut outcome = Outcome::<Vec<Applied>>::default();
    for op in ops {
        let key = op.key().as_str();
        let row: Option<JsValue> = stores.charges.get(key).primitive()?.await?;
        let applied = match stores.current(row, &mut outcome.damages).await? {
            Ok(current) => op.apply(current, at),
            Err(why) => Applied::unreadable(why),
        };
        match (applied.write, &applied.record) {
            (Write::Put, Some(record)) => {
                // An error of the request aborts the transaction, which `commit` reports.
                drop(stores.charges.put(row_of(record)).serde()?);
            }
            (Write::Delete, _) => drop(stores.charges.delete(key).build()?),
            (Write::Keep, _) | (Write::Put, None) => {}
        }
        outcome.value.push(applied);
    }
    Ok(outcome)
}

async fn load_in(transaction: &Transaction<'_>) -> Result<Outcome<Vec<Record>>, Error> {
    let stores = Stores::of(transaction)?;
    let mut outcome = Outcome::<Vec<Record>>::default();
    let rows = stores.charges.get_all::<JsValue>().primitive()?.await?;
    for row in rows {
        let current = stores.current(row.ok(), &mut outcome.damages).await?;
        // What can't be read has been reported.
        outcome.value.extend(current.ok().flatten());
    }
    Ok(outcome)
}

/// The object stores of one transaction.
struct Stores<'a> {
    charges: ObjectStore<'a>,
    quarantine: ObjectStore<'a>,
}

impl<'a> Stores<'a> {
    fn of(transaction: &'a Transaction<'a>) -> Result<Stores<'a>, Error> {
        Ok(Stores {
            charges: transaction.object_store(CHARGES)?,
            quarantine: transaction.object_store(QUARANTINE)?,
        })
    }

    /// The record in this row; why not, if there is something that must stay as it is. Sets aside
    /// what is damaged.
    async fn current(
        &self,
        row: Option<JsValue>,
        damages: &mut Vec<String>,
    ) -> Result<Result<Option<Record>, String>, Error> {
        let Some(row) = row else {
            return Ok(Ok(None));
        };
        let key = Reflect::get(&row, &"key".into()).ok();
        let key = key.and_then(|key| key.as_string()).unwrap_or_default();
        let parsed: Option<Row> = serde_wasm_bindgen::from_value(row.clone()).ok();
        match inspect(&key, parsed.map(Row::into_stored).as_ref()) {
            Found::Record(record) => Ok(Ok(Some(*record))),
            Found::Newer(why) => {
                damages.push(why.clone());
                Ok(Err(why))
            }
            Found::Damaged(why) => {
                damages.push(why);
                self.charges.delete(key.as_str()).build()?.await?;
                self.quarantine.add(row).primitive()?.await?;
                Ok(Ok(None))
            }
        }
    }
}

fn row_of(record: &Record) -> Row {
    let state = match record.state() {
        State::Waiting(_) | State::Attempting(_) => "open",
        State::Parked(_) => "parked",
        State::Settled(_) => "settled",
    };
    // A record has a JSON form; an empty one would be found damaged, not believed.
    let Stored {
        format,
        check,
        body,
    } = codec::encode(record).unwrap_or_default();
    Row {
        key: record.charge().key.as_str().to_owned(),
        state: state.to_owned(),
        sequence: record.sequence(),
        format,
        check,
        body,
    }
}

fn text(error: Error) -> String {
    error.to_string()
}
