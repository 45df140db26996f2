//! What a transaction writes: operations, and what puts right what is amiss.

use wasm_bindgen::JsValue;

use super::bindings::{self, Transaction};
use super::rows::{self, Read};
use crate::browser::clock::now;
use crate::browser::store::{AtRest, Found, News};
use crate::core::charge::Key;
use crate::core::journal::{Applied, ApplyAt, Op, Write};
use crate::core::ordered::{Map, Set, set_of};
use crate::core::record::{Record, State};

/// What operations come to, on what is assumed to be at rest.
pub struct Assumed {
    /// The result of each, in order.
    pub applied: Vec<Applied>,
    /// The rows to be added, as [`rows::text`] makes them.
    pub added: String,
    /// The rows to be changed, likewise.
    pub changed: String,
    /// Those of open charges that are claimed, where they are so many that one row has them all.
    pub claimed: String,
}

/// From so many claims on, one row has them all.
const FEWEST_CLAIMS: usize = 8;

/// Which rows a charge's is among.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Among {
    Added,
    Changed,
    /// Changed as well, and at rest it waited: only such a charge's claim may stand in for its row.
    Waiting,
}

/// Applies operations to what `at_rest` knows of their charges, and where it knows nothing of a new
/// one, to nothing; `None` where that may not be all. `is_lost` tells what was lost elsewhere.
pub fn apply_to_known(
    ops: &[Op],
    at: ApplyAt,
    at_rest: AtRest<'_>,
    is_lost: &impl Fn(&Key) -> bool,
) -> Option<Assumed> {
    let mut records: Map<Key, (Among, Option<Record>)> = Map::new();
    let mut applied = Vec::with_capacity(ops.len());
    for op in ops {
        let (among, current) = match (records.get(op.key()), op) {
            (Some(known), _) => known.clone(),
            (None, Op::Read { .. } | Op::Adopt { .. } | Op::Forget { .. }) => return None,
            (None, op) => match at_rest(op.key()) {
                Some(record) if matches!(record.state(), State::Waiting(_)) => {
                    (Among::Waiting, Some(record))
                }
                Some(record) => (Among::Changed, Some(record)),
                None if matches!(op, Op::Enqueue { .. }) && !is_lost(op.key()) => {
                    (Among::Added, None)
                }
                None => return None,
            },
        };
        let result = op.apply(current.clone(), at);
        let after = match result.write {
            Write::Keep => current,
            Write::Put => result.record.clone(),
            Write::Delete => return None,
        };
        records.insert(op.key().clone(), (among, after));
        applied.push(result);
    }
    let of = |wanted: Among| -> Vec<&Record> {
        let records = records.values().filter_map(|(among, record)| {
            let record = record.as_ref()?;
            let among = match among {
                Among::Waiting if record.claim().is_none() => Among::Changed,
                among @ (Among::Added | Among::Changed | Among::Waiting) => *among,
            };
            (among == wanted).then_some(record)
        });
        records.collect()
    };
    let (mut changed, mut claimed) = (of(Among::Changed), of(Among::Waiting));
    if claimed.len() < FEWEST_CLAIMS {
        changed.append(&mut claimed);
    }
    Some(Assumed {
        applied,
        added: rows::text(&of(Among::Added)),
        changed: rows::text(&changed),
        claimed: rows::text(&claimed),
    })
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
    let rows = transaction.rows();
    for ((place, read), key) in rows::read_all(&rows)
        .into_iter()
        .enumerate()
        .zip(keys.keys())
    {
        let found = match read {
            Some(read) => sift(transaction, read.found, || rows.at(place), news),
            None if transaction.is_lost(place) || is_lost(key) => Current::Lost,
            None => Current::Nothing,
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
    let mut records = Vec::new();
    for key in changed.keys() {
        match current.get(key) {
            Some(Current::Record(record)) => records.push(&**record),
            Some(Current::Nothing) | None => transaction.remove(&key.as_str().into()),
            Some(Current::Lost | Current::Unreadable(_)) => {}
        }
    }
    transaction.put(&rows::text(&records));
    results
}

/// Sets aside what is damaged, and puts what the index does not find into its place.
pub fn mend(transaction: &Transaction, news: &mut Vec<News>) {
    let rows = transaction.rows();
    for (place, read) in rows::read_all(&rows).into_iter().enumerate() {
        let Some(Read { found, in_place }) = read else {
            continue;
        };
        // What can't be read has been reported.
        if let Current::Record(record) = sift(transaction, found, || rows.at(place), news)
            && !in_place
        {
            transaction.put(&rows::text(&[&*record]));
        }
    }
}

/// Forgets everything in which nothing is left to do, of what the index has as settled.
pub fn forget_settled(transaction: &Transaction) {
    for record in records(transaction) {
        // The record counts, not where the index has it.
        if !record.is_held() && !record.is_retryable() {
            transaction.remove(&record.charge().key.as_str().into());
        }
    }
}

/// Nothing that is there counts as never sent, or as not charged, any more.
pub fn doubt_all(transaction: &Transaction) {
    // What is charged stays so. What can't be read is found again by the next reading.
    let records = records(transaction).filter(|record| record.receipt().is_none());
    let doubted: Vec<Record> = records.map(|record| record.doubted()).collect();
    transaction.put(&rows::text(&doubted.iter().collect::<Vec<_>>()));
}

/// The records among what the transaction has read.
fn records(transaction: &Transaction) -> impl Iterator<Item = Record> {
    let read = rows::read_all(&transaction.rows()).into_iter().flatten();
    read.filter_map(|read| match read.found {
        Found::Record(record) => Some(*record),
        Found::Newer(_) | Found::Damaged(_) => None,
    })
}

/// Keeps those of `keys` in mind of which there is no row, and tells which they are.
pub fn lose_missing(transaction: &Transaction, keys: &[Key]) -> Vec<Key> {
    let there = transaction.rows().keys();
    let there = set_of(there.iter().filter_map(|key| key.as_string()));
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

/// The record that was found in a row. Sets aside what is damaged, and keeps in mind that it was
/// there.
fn sift(
    transaction: &Transaction,
    found: Found,
    row: impl Fn() -> JsValue,
    news: &mut Vec<News>,
) -> Current {
    match found {
        Found::Record(record) => Current::Record(record),
        Found::Newer(why) => {
            news.push(News::LeftAlone(why.clone()));
            Current::Unreadable(why)
        }
        Found::Damaged(why) => {
            let row = row();
            transaction.lose(&bindings::key_of(&row), &why);
            transaction.set_aside(&row, &why, now().wall_ms as f64);
            news.push(News::SetAside(why));
            Current::Lost
        }
    }
}
