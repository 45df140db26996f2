//! The shared journal: the records at rest, and how one operation of a transaction changes them.

use std::collections::{BTreeMap, BTreeSet};

use tollbox::core::charge::Key;
use tollbox::core::journal::{Applied, ApplyAt, Op, Write};
use tollbox::core::points::Points;
use tollbox::core::record::Record;
use tollbox::core::snapshot::{BillingStatus, QueueCounts};

#[derive(Default)]
pub struct Journal {
    pub records: BTreeMap<Key, Record>,
    /// The records before the last relaxed transactions, which a crash may restore.
    pub undo: Vec<(Key, Option<Record>)>,
    /// How often anything in it has changed.
    pub changes: u64,
    /// How often by a transaction that no crash undoes, and the changes after the last.
    pub commits: u64,
    pub lasting_changes: u64,
    /// The queue that a tab has noted for the next start, with the commits and changes by then.
    pub noted: Option<(u64, u64, QueueCounts)>,
    /// Whether nothing can be written for want of room.
    pub full: bool,
    /// The mark of the last sign-out.
    pub mark: u64,
    /// The mark in localStorage, which other processes see a moment later.
    pub lagging_mark: u64,
    pub lags_until_ms: u64,
    /// Charges whose records were damaged at rest.
    pub lost: BTreeSet<Key>,
    /// When the browser last evicted it.
    pub wiped_ms: u64,
    /// Records forgotten in the fallback that the database may still have.
    pub ended: Vec<Record>,
}

impl Journal {
    /// Applies one operation, and gives the record that it has deleted, if any.
    pub fn apply(&mut self, op: &Op, at: ApplyAt, relaxed: bool) -> (Applied, Option<Record>) {
        let before = self.records.get(op.key()).cloned();
        let applied = match &before {
            None if self.lost.contains(op.key()) => op.apply_after_loss(at),
            _ => op.apply(before.clone(), at),
        };
        if relaxed && applied.write != Write::Keep {
            self.undo.push((op.key().clone(), before));
        }
        let mut deleted = None;
        match (applied.write, &applied.record) {
            (Write::Put, Some(record)) => {
                self.records.insert(op.key().clone(), record.clone());
            }
            (Write::Delete, _) => deleted = self.records.remove(op.key()),
            (Write::Put, None) => panic!("{op:?} puts nothing"),
            (Write::Keep, _) => {}
        }
        (applied, deleted)
    }

    /// What a tab reads: all records, or those that are not at rest.
    pub fn read(&self, all: bool) -> Vec<Record> {
        let unsettled = |record: &&Record| record.is_held() || record.is_retryable();
        let records = self.records.values();
        records
            .filter(|record| all || unsettled(record))
            .cloned()
            .collect()
    }

    /// Something in it has changed.
    pub fn has_changed(&mut self, relaxed: bool) {
        self.changes += 1;
        if !relaxed {
            self.commits += 1;
            self.lasting_changes = self.changes;
        }
    }

    /// What is noted of the queue, where nothing has changed since.
    pub fn noted_queue(&self) -> Option<QueueCounts> {
        let (commits, changes, queue) = self.noted?;
        (commits == self.commits && changes == self.changes).then_some(queue)
    }

    /// Its queue, counted record by record.
    pub fn queue(&self) -> QueueCounts {
        let of = |status| {
            let records = self.records.values();
            records
                .filter(|record| BillingStatus::of(record) == status)
                .count()
        };
        let held = self.records.values().filter(|record| record.is_held());
        let held: u64 = held.map(|record| record.charge().amount.get()).sum();
        QueueCounts {
            pending: of(BillingStatus::Pending),
            retrying: of(BillingStatus::Retrying),
            failed: of(BillingStatus::Failed),
            unknown: of(BillingStatus::Unknown),
            held_points: Points::new(held).unwrap(),
        }
    }

    /// The mark as the process of another tab sees it.
    pub fn mark_seen(&self, now_ms: u64) -> u64 {
        match now_ms < self.lags_until_ms {
            true => self.lagging_mark,
            false => self.mark,
        }
    }
}
