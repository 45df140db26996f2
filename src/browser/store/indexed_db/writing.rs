//! Writing the journal: operations inside one transaction, and putting right what is amiss.

use indexed_db_futures::error::Error;
use indexed_db_futures::object_store::ObjectStore;
use indexed_db_futures::prelude::*;
use indexed_db_futures::transaction::Transaction;
use wasm_bindgen::JsValue;

use super::quarantine::Quarantine;
use super::reading::in_state;
use super::rows::{self, Row, SETTLED};
use super::schema::{BY_STATE, CHARGES};
use crate::browser::store::{Found, News};
use crate::core::charge::Key;
use crate::core::journal::{Applied, ApplyAt, Op, Write};
use crate::core::ordered::{Map, Set, set_of};
use crate::core::record::Record;

/// Applies all of these: one read and at most one write a charge, however many operations.
pub async fn apply(
    transaction: &Transaction<'_>,
    ops: &[Op],
    at: ApplyAt,
    news: &mut Vec<News>,
) -> Result<Vec<Applied>, Error> {
    let stores = Stores::of(transaction)?;
    let mut current = stores.read_all(ops, news).await?;
    let mut changed = Set::new();
    let mut results = Vec::with_capacity(ops.len());
    for op in ops {
        let applied = match current.get(op.key()) {
            Some(Err(why)) => Applied::unreadable(why.clone()),
            Some(Ok(record)) => op.apply(record.clone(), at),
            None => op.apply(None, at),
        };
        match applied.write {
            Write::Keep => {}
            Write::Put | Write::Delete => {
                current.insert(op.key().clone(), Ok(applied.record.clone()));
                changed.insert(op.key().clone(), ());
            }
        }
        results.push(applied);
    }
    for key in changed.keys() {
        match current.get(key) {
            // An error of the request aborts the transaction, which `commit` reports.
            Some(Ok(Some(record))) => drop(stores.charges.put(Row::of(record)).serde()?),
            Some(Ok(None)) | None => drop(stores.charges.delete(key.as_str()).build()?),
            Some(Err(_)) => {}
        }
    }
    Ok(results)
}

/// Sets aside what is damaged, and puts what the index does not find into its place.
pub async fn mend(
    transaction: &Transaction<'_>,
    keys: &[JsValue],
    news: &mut Vec<News>,
) -> Result<(), Error> {
    let stores = Stores::of(transaction)?;
    for key in keys {
        let row: Option<JsValue> = stores.charges.get(key.clone()).primitive()?.await?;
        if let Some(row) = row {
            let in_place = rows::read(&row).in_place;
            // What can't be read has been reported.
            if let Ok(Some(record)) = stores.sift(&row, news)?
                && !in_place
            {
                drop(stores.charges.put(Row::of(&record)).serde()?);
            }
        }
    }
    Ok(())
}

/// Forgets everything in which nothing is left to do.
pub async fn forget_settled(transaction: &Transaction<'_>) -> Result<(), Error> {
    let charges = transaction.object_store(CHARGES)?;
    let by_state = charges.index(BY_STATE)?;
    let settled = by_state.get_all::<JsValue>();
    let rows = settled
        .with_query::<JsValue, _>(in_state(SETTLED))
        .primitive()?
        .await?;
    for row in rows.filter_map(Result::ok) {
        // The record counts, not where the index has it.
        if let Found::Record(record) = rows::read(&row).found
            && !record.is_held()
            && !record.is_retryable()
        {
            drop(charges.delete(rows::key_of(&row)).build()?);
        }
    }
    Ok(())
}

/// The record of a charge; why not, if there is something that must stay as it is.
type Current = Result<Option<Record>, String>;

/// The object stores of one transaction.
struct Stores<'a> {
    charges: ObjectStore<'a>,
    quarantine: Quarantine<'a>,
}

impl<'a> Stores<'a> {
    fn of(transaction: &'a Transaction<'a>) -> Result<Stores<'a>, Error> {
        Ok(Stores {
            charges: transaction.object_store(CHARGES)?,
            quarantine: Quarantine::of(transaction)?,
        })
    }

    /// All reads are asked for before the first is awaited.
    async fn read_all(&self, ops: &[Op], news: &mut Vec<News>) -> Result<Map<Key, Current>, Error> {
        let keys = set_of(ops.iter().map(|op| op.key().clone()));
        let mut requests = Vec::with_capacity(keys.len());
        for (key, ()) in keys {
            let request = self
                .charges
                .get::<JsValue, _, _>(key.as_str())
                .primitive()?;
            requests.push((key, request));
        }
        let mut current = Map::new();
        for (key, request) in requests {
            let record = match request.await? {
                Some(row) => self.sift(&row, news)?,
                None => Ok(None),
            };
            current.insert(key, record);
        }
        Ok(current)
    }

    /// The record in this row. Sets aside what is damaged.
    fn sift(&self, row: &JsValue, news: &mut Vec<News>) -> Result<Current, Error> {
        match rows::read(row).found {
            Found::Record(record) => Ok(Ok(Some(*record))),
            Found::Newer(why) => {
                news.push(News::LeftAlone(why.clone()));
                Ok(Err(why))
            }
            Found::Damaged(why) => {
                drop(self.charges.delete(rows::key_of(row)).build()?);
                self.quarantine.add(row, &why)?;
                news.push(News::SetAside(why));
                Ok(Ok(None))
            }
        }
    }
}
