//! What a transaction writes: operations, and what puts right what is amiss.

use js_sys::Array;
use wasm_bindgen::JsValue;

use super::bindings::{self, Transaction};
use super::rows;
use crate::browser::clock::now;
use crate::browser::store::{Found, News};
use crate::core::charge::Key;
use crate::core::journal::{Applied, ApplyAt, Op, Write};
use crate::core::ordered::{Map, Set, set_of};
use crate::core::record::Record;

/// What operations on charges that the journal does not have come to.
pub struct New {
    /// The result of each, in order.
    pub applied: Vec<Applied>,
    /// The rows of these charges.
    pub rows: Array,
}

/// Applies operations to charges of which there is nothing; `None` where there may be something.
pub fn apply_to_nothing(ops: &[Op], at: ApplyAt, is_lost: &impl Fn(&Key) -> bool) -> Option<New> {
    let takes_on = |op: &Op| matches!(op, Op::Enqueue { .. }) && !is_lost(op.key());
    if ops.is_empty() || !ops.iter().all(takes_on) {
        return None;
    }
    let mut records: Map<Key, Record> = Map::new();
    let mut applied = Vec::with_capacity(ops.len());
    for op in ops {
        let result = op.apply(records.get(op.key()).cloned(), at);
        if let (Write::Put, Some(record)) = (result.write, &result.record) {
            records.insert(op.key().clone(), record.clone());
        }
        applied.push(result);
    }
    let rows = records.values().map(rows::row).collect();
    Some(New { applied, rows })
}

/// The keys of these operations, each once, in the order in which [`apply`] looks for their rows.
pub fn keys_of(ops: &[Op]) -> Set<Key> {
    set_of(ops.iter().map(|op| op.key().clone()))
}

/// Applies all of these to what the transaction has read under `keys`: at most one write a charge,
/// however many operations. `is_lost` tells what was lost elsewhere.
pub fn apply(
    transaction: &Transaction,
    keys: &Set<Key>,
    ops: &[Op],
    at: ApplyAt,
    is_lost: &impl Fn(&Key) -> bool,
    news: &mut Vec<News>,
) -> Vec<Applied> {
    let mut current = Map::new();
    for ((key, place), row) in keys.keys().zip(0..).zip(transaction.rows().iter()) {
        let found = match row.is_undefined() {
            false => sift(transaction, &row, news),
            true if transaction.is_lost(place) || is_lost(key) => Current::Lost,
            true => Current::Nothing,
        };
        current.insert(key.clone(), found);
    }
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
    for key in changed.keys() {
        match current.get(key) {
            Some(Current::Record(record)) => transaction.put(&rows::row(record)),
            Some(Current::Nothing) | None => transaction.remove(&key.as_str().into()),
            Some(Current::Lost | Current::Unreadable(_)) => {}
        }
    }
    results
}

/// Sets aside what is damaged, and puts what the index does not find into its place.
pub fn mend(transaction: &Transaction, news: &mut Vec<News>) {
    for row in transaction.rows().iter().filter(|row| !row.is_undefined()) {
        let in_place = rows::read(&row).in_place;
        // What can't be read has been reported.
        if let Current::Record(record) = sift(transaction, &row, news)
            && !in_place
        {
            transaction.put(&rows::row(&record));
        }
    }
}

/// Forgets everything in which nothing is left to do, of what the index has as settled.
pub fn forget_settled(transaction: &Transaction) {
    for row in transaction.rows().iter() {
        // The record counts, not where the index has it.
        if let Found::Record(record) = rows::read(&row).found
            && !record.is_held()
            && !record.is_retryable()
        {
            transaction.remove(&bindings::key_of(&row));
        }
    }
}

/// Nothing that is there counts as never sent, or as not charged, any more.
pub fn doubt_all(transaction: &Transaction) {
    for row in transaction.rows().iter() {
        // What is charged stays so. What can't be read is found again by the next reading.
        if let Found::Record(record) = rows::read(&row).found
            && record.receipt().is_none()
        {
            transaction.put(&rows::row(&record.doubted()));
        }
    }
}

/// Keeps those of `keys` in mind of which there is no row, and tells which they are.
pub fn lose_missing(transaction: &Transaction, keys: &[Key]) -> Vec<Key> {
    let rows = transaction.rows();
    let there = rows.iter().filter(|row| !row.is_undefined());
    let there = set_of(there.filter_map(|row| bindings::key_of(&row).as_string()));
    let missing = keys.iter().filter(|key| !there.contains_key(key.as_str()));
    let missing: Vec<Key> = missing.cloned().collect();
    for key in &missing {
        let why = "it was open, and its record is gone";
        transaction.lose(&key.as_str().into(), why);
    }
    missing
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

/// The record in this row. Sets aside what is damaged, and keeps in mind that it was there.
fn sift(transaction: &Transaction, row: &JsValue, news: &mut Vec<News>) -> Current {
    match rows::read(row).found {
        Found::Record(record) => Current::Record(record),
        Found::Newer(why) => {
            news.push(News::LeftAlone(why.clone()));
            Current::Unreadable(why)
        }
        Found::Damaged(why) => {
            transaction.lose(&bindings::key_of(row), &why);
            transaction.set_aside(row, &why, now().wall_ms as f64);
            news.push(News::SetAside(why));
            Current::Lost
        }
    }
}
