//! Writing the journal: operations inside one transaction, and putting right what is amiss.

use indexed_db_futures::error::Error;
use indexed_db_futures::object_store::ObjectStore;
use indexed_db_futures::prelude::*;
use indexed_db_futures::transaction::Transaction;
use wasm_bindgen::JsValue;

use super::identity;
use super::lost::Lost;
use super::quarantine::Quarantine;
use super::reading::in_state;
use super::rows::{self, Row, SETTLED};
use super::schema::{BY_STATE, CHARGES, JOURNAL};
use crate::browser::store::{Found, News};
use crate::core::charge::Key;
use crate::core::journal::{Applied, ApplyAt, Op, Write};
use crate::core::ordered::{Map, Set, set_of};
use crate::core::record::Record;

/// What operations came to.
pub struct Written {
    /// Each, in order.
    pub applied: Vec<Applied>,
    /// How many transactions have been committed that no crash undoes, this one among them, if it
    /// is one.
    pub commits: Option<u64>,
}

/// Applies all of these: one read and at most one write a charge, however many operations. `counts`
/// where no crash undoes the transaction; `is_lost` tells what was lost elsewhere.
pub async fn apply(
    transaction: &Transaction<'_>,
    ops: &[Op],
    at: ApplyAt,
    counts: bool,
    is_lost: &impl Fn(&Key) -> bool,
    news: &mut Vec<News>,
) -> Result<Written, Error> {
    let stores = Stores::of(transaction)?;
    let mut current = stores.read_all(ops, is_lost, news).await?;
    let mut changed = Set::new();
    let mut results = Vec::with_capacity(ops.len());
    for op in ops {
        let applied = match current.get(op.key()) {
            Some(Current::Unreadable(why)) => Applied::unreadable(why.clone()),
            Some(Current::Record(record)) => op.apply(Some((**record).clone()), at),
            Some(Current::Lost) => op.apply_after_loss(at),
            Some(Current::Nothing) | None => op.apply(None, at),
        };
        match applied.write {
            Write::Keep => {}
            Write::Put | Write::Delete => {
                current.insert(op.key().clone(), Current::of(applied.record.clone()));
                changed.insert(op.key().clone(), ());
            }
        }
        results.push(applied);
    }
    // All asked for before the first is awaited.
    let (mut puts, mut deletions) = (Vec::new(), Vec::new());
    for key in changed.keys() {
        match current.get(key) {
            Some(Current::Record(record)) => {
                puts.push(stores.charges.put(Row::of(record)).serde()?);
            }
            Some(Current::Nothing) | None => {
                deletions.push(stores.charges.delete(key.as_str()).primitive()?);
            }
            Some(Current::Lost | Current::Unreadable(_)) => {}
        }
    }
    for put in puts {
        put.await?;
    }
    for deletion in deletions {
        deletion.await?;
    }
    let commits = match counts && !changed.is_empty() {
        true => Some(count_commit(transaction).await?),
        false => None,
    };
    Ok(Written {
        applied: results,
        commits,
    })
}

async fn count_commit(transaction: &Transaction<'_>) -> Result<u64, Error> {
    let journal = transaction.object_store(JOURNAL)?;
    let commits = identity::commits(&journal).await?.saturating_add(1);
    identity::set_commits(&journal, commits)?;
    Ok(commits)
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
            if let Current::Record(record) = stores.sift(&row, news)?
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

/// What is there of a charge.
enum Current {
    Nothing,
    Record(Box<Record>),
    /// There was a record.
    Lost,
    /// There is something that must stay as it is. Why; for people.
    Unreadable(String),
}

impl Current {
    fn of(record: Option<Record>) -> Current {
        record.map_or(Current::Nothing, |record| Current::Record(Box::new(record)))
    }
}

/// The object stores of one transaction.
struct Stores<'a> {
    charges: ObjectStore<'a>,
    quarantine: Quarantine<'a>,
    lost: Lost<'a>,
}

impl<'a> Stores<'a> {
    fn of(transaction: &'a Transaction<'a>) -> Result<Stores<'a>, Error> {
        Ok(Stores {
            charges: transaction.object_store(CHARGES)?,
            quarantine: Quarantine::of(transaction)?,
            lost: Lost::of(transaction)?,
        })
    }

    /// All reads are asked for before the first is awaited.
    async fn read_all(
        &self,
        ops: &[Op],
        is_lost: &impl Fn(&Key) -> bool,
        news: &mut Vec<News>,
    ) -> Result<Map<Key, Current>, Error> {
        let keys = set_of(ops.iter().map(|op| op.key().clone()));
        let mut requests = Vec::with_capacity(keys.len());
        for (key, ()) in keys {
            let request = self
                .charges
                .get::<JsValue, _, _>(key.as_str())
                .primitive()?;
            requests.push((key, request));
        }
        let any_lost = self.lost.count()?;
        let mut current = Map::new();
        for (key, request) in requests {
            let found = match request.await? {
                Some(row) => self.sift(&row, news)?,
                None if is_lost(&key) => Current::Lost,
                None => Current::Nothing,
            };
            current.insert(key, found);
        }
        if any_lost.await? > 0 {
            for (key, found) in &mut current {
                if matches!(found, Current::Nothing) && self.lost.has(key).await? {
                    *found = Current::Lost;
                }
            }
        }
        Ok(current)
    }

    /// The record in this row. Sets aside what is damaged, and keeps in mind that it was there.
    fn sift(&self, row: &JsValue, news: &mut Vec<News>) -> Result<Current, Error> {
        match rows::read(row).found {
            Found::Record(record) => Ok(Current::Record(record)),
            Found::Newer(why) => {
                news.push(News::LeftAlone(why.clone()));
                Ok(Current::Unreadable(why))
            }
            Found::Damaged(why) => {
                let key = rows::key_of(row);
                self.lost.add(&key, &why)?;
                drop(self.charges.delete(key).build()?);
                self.quarantine.add(row, &why)?;
                news.push(News::SetAside(why));
                Ok(Current::Lost)
            }
        }
    }
}
