//! The shared journal: transactions that commit or fail as a whole.

use std::collections::{BTreeMap, BTreeSet};

use tollbox::core::charge::Key;
use tollbox::core::engine::Event;
use tollbox::core::journal::{Applied, ApplyAt, Op, Write};
use tollbox::core::record::{Record, State};
use tollbox::core::session::Session;

use super::happening::Happening;
use super::tab::TabId;
use super::trace;
use super::world::World;

#[derive(Default)]
pub struct Journal {
    pub records: BTreeMap<Key, Record>,
    /// The records before the last relaxed transactions, which a crash may restore.
    pub undo: Vec<(Key, Option<Record>)>,
    pub full: bool,
    /// The mark of the last sign-out.
    pub mark: u64,
    /// The mark in localStorage, which other processes see a moment later.
    pub lagging_mark: u64,
    pub lags_until_ms: u64,
    /// Charges whose records were damaged.
    pub lost: BTreeSet<Key>,
    /// Records forgotten in the fallback that the database may still have.
    pub ended: Vec<Record>,
}

impl World {
    pub fn commit(&mut self, tab: TabId, session: Session, ops: Vec<Op>, relaxed: bool) {
        let alive = self.place(tab).is_some();
        if !alive && !self.orphans.contains(&tab) {
            return;
        }
        let writes = ops.iter().any(|op| !matches!(op, Op::Read { .. }));
        let result = if self.journal.full && writes {
            Err("the quota is exceeded".to_owned())
        } else if self.mix.fail_conclusion > 0
            && ops.iter().any(says_untaken)
            && self.dice.chance(self.mix.fail_conclusion)
        {
            Err("this can't be written".to_owned())
        } else if self.dice.chance(self.mix.abort_write) {
            Err("the transaction was aborted".to_owned())
        } else {
            Ok(self.apply(session, &ops, relaxed))
        };
        self.counts.transactions += 1;
        self.counts.failed_transactions += u64::from(result.is_err());
        self.note(|| format!("tab{tab}: its transaction {}", trace::result(&result)));
        let in_ms = self.dice.between(0, 3);
        let at_ms = self.mono_ms;
        self.plan(in_ms, Happening::Committed { tab, result, at_ms });
    }

    fn apply(&mut self, session: Session, ops: &[Op], relaxed: bool) -> Vec<Applied> {
        let at = ApplyAt::new(self.wall_ms, session).marked(self.journal.mark);
        if !relaxed {
            self.journal.undo.clear();
        }
        let mut results = Vec::with_capacity(ops.len());
        for op in ops {
            let before = self.journal.records.get(op.key()).cloned();
            let applied = match &before {
                None if self.journal.lost.contains(op.key()) => op.apply_after_loss(at),
                _ => op.apply(before.clone(), at),
            };
            if relaxed && applied.write != Write::Keep {
                self.journal.undo.push((op.key().clone(), before));
            }
            match (applied.write, &applied.record) {
                (Write::Put, Some(record)) => {
                    if !record.is_held() {
                        self.books.ended.insert(op.key().clone());
                    }
                    self.journal
                        .records
                        .insert(op.key().clone(), record.clone());
                }
                (Write::Put, None) => {
                    self.violate("contract", format!("{} puts nothing", trace::op(op)));
                }
                (Write::Delete, _) => self.delete(op.key()),
                (Write::Keep, _) => {}
            }
            if matches!(op, Op::Enqueue { .. }) && applied.done {
                // The user asked for it, perhaps in another tab, before it was given up there.
                self.books.said_untaken.remove(op.key());
            }
            results.push(applied);
        }
        results
    }

    fn delete(&mut self, key: &Key) {
        let Some(record) = self.journal.records.remove(key) else {
            return;
        };
        if !matches!(record.state(), State::Settled(_)) {
            let state = trace::record(&record);
            self.violate(
                "2 nothing lost",
                format!("the open charge {state} is deleted"),
            );
        }
        if self.database.is_some() && record.is_adopted() {
            self.journal.ended.push(record);
        }
        self.books.forgotten.insert(key.clone());
    }

    pub fn committed(&mut self, tab: TabId, result: Result<Vec<Applied>, String>, at_ms: u64) {
        if let Some(place) = self.place(tab) {
            self.tabs[place].writing = false;
            let failures = &mut self.tabs[place].failures;
            *failures = if result.is_err() { *failures + 1 } else { 0 };
            if result.is_err() {
                let calls = self.books.calls.values_mut();
                for asked in calls.filter(|asked| asked.tab == tab) {
                    asked.failures += 1;
                }
            }
            self.tabs[place].speaks_of_ms = Some(at_ms);
            self.tell(tab, Event::Journaled(result));
        }
        if let Some(place) = self.place(tab) {
            self.tabs[place].speaks_of_ms = None;
        }
        self.heed_mark(tab);
    }

    pub fn load(&mut self, tab: TabId, all: bool) {
        if self.place(tab).is_none() {
            return;
        }
        let records = match self.dice.chance(self.mix.fail_read) {
            true => Err("it can't be read".to_owned()),
            false => {
                let records = self.journal.records.values();
                let unsettled = |record: &&Record| record.is_held() || record.is_retryable();
                Ok(records
                    .filter(|record| all || unsettled(record))
                    .cloned()
                    .collect())
            }
        };
        if !self.mix.no_locks {
            let alive = self.tabs.iter().map(|tab| format!("tab{}", tab.id));
            let alive = alive.collect();
            self.tell(tab, Event::Alive(alive));
        }
        if all && records.is_ok() && !self.journal.lost.is_empty() {
            let lost = self.journal.lost.iter().cloned().collect();
            self.tell(tab, Event::RecordsLost(lost));
        }
        self.heed_mark(tab);
        self.tell(tab, Event::Loaded(records));
    }

    /// The browser has died: writes that were not forced to the disk may be undone.
    pub fn lose_relaxed_writes(&mut self) {
        if self.dice.chance(500) {
            for (key, before) in std::mem::take(&mut self.journal.undo).into_iter().rev() {
                let line = before.as_ref().map(trace::record);
                self.note(|| format!("{key} is as it was: {line:?}"));
                if let Some(record) = before {
                    if record.receipt().is_some() {
                        self.books.forgotten.remove(&key);
                    }
                    self.journal.records.insert(key, record);
                } else {
                    self.journal.records.remove(&key);
                }
            }
        }
    }

    pub fn wipe_journal(&mut self) {
        self.note(|| "the journal is WIPED".to_owned());
        for key in self.user.keys() {
            self.books.wiped.insert(key);
        }
        self.journal = Journal {
            // The mark in localStorage stays.
            mark: self.journal.mark,
            ..Journal::default()
        };
        for tab in &mut self.tabs {
            for key in tab.seen.keys().cloned().collect::<Vec<_>>() {
                tab.unsee(&key);
            }
        }
    }
}

/// Whether this concludes an attempt that took nothing.
fn says_untaken(op: &Op) -> bool {
    match op {
        Op::Conclude { conclusion, .. } => conclusion.says_untaken(),
        _ => false,
    }
}
