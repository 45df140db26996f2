//! Transactions of the journal, which commit or fail as a whole, and readings of all of it.

use tollbox::core::charge::Key;
use tollbox::core::engine::Event;
use tollbox::core::journal::{Applied, ApplyAt, Op, Write};
use tollbox::core::record::{Record, State};
use tollbox::core::session::Session;

use super::driver::Driver;
use super::happening::Happening;
use super::journal::Journal;
use super::tab::TabId;
use super::{World, trace};

impl<D: Driver> World<D> {
    pub fn order_write(&mut self, place: usize, ops: Vec<Op>, relaxed: bool) {
        let tab = &mut self.tabs[place];
        let (id, session) = (tab.id, tab.session);
        tab.journal_orders += 1;
        // No browser freezes a page whose transaction is under way.
        tab.frozen_until_ms = 0;
        if std::mem::replace(&mut tab.writing, true) {
            self.violate("contract", format!("tab{id} has two journal orders open"));
        }
        let in_ms = self.driver.commit_ms();
        for op in &ops {
            if let Op::Forget { key } = op {
                // From now on the client does not know the charge.
                self.books.forgotten.insert(key.clone());
            }
        }
        let commit = Happening::Commit {
            tab: id,
            session,
            ops,
            relaxed,
        };
        self.plan(in_ms, commit);
    }

    pub fn commit(&mut self, tab: TabId, session: Session, ops: &[Op], relaxed: bool) {
        let alive = self.place(tab).is_some();
        if !alive && !self.orphans.contains(&tab) {
            return;
        }
        let result = match D::write_fault(self, tab, ops) {
            Some(fault) => Err(fault),
            None => {
                self.check_known(tab, ops);
                let before = self.journal.changes;
                let applied = self.apply(session, ops, relaxed);
                if applied.iter().any(|applied| applied.write != Write::Keep) {
                    self.journal.has_changed(relaxed);
                    self.told(tab, before);
                }
                Ok(applied)
            }
        };
        self.counts.transactions += 1;
        self.counts.failed_transactions += u64::from(result.is_err());
        self.note(|| format!("tab{tab}: its transaction {}", trace::result(&result)));
        let in_ms = self.driver.committed_ms();
        let at_ms = self.now.mono_ms;
        self.plan(in_ms, Happening::Committed { tab, result, at_ms });
    }

    /// The store writes without reading where nobody else has changed the journal since its client
    /// last heard of it: then the client's records are those at rest.
    fn check_known(&mut self, tab: TabId, ops: &[Op]) {
        let Some(place) = self.place(tab) else {
            return;
        };
        let tab = &self.tabs[place];
        let reads = ops.iter().any(|op| matches!(op, Op::Read { .. }));
        if reads || tab.known_at != Some(self.journal.changes) {
            return;
        }
        let differs = |key: &&Key| {
            let known = tab.engine.record_at_rest(key);
            known.is_some_and(|known| self.journal.records.get(key) != Some(known))
        };
        let wrong = ops.iter().map(Op::key).chain(tab.seen.keys()).find(differs);
        if let Some(key) = wrong.cloned() {
            let what = format!("tab{} is wrong about {key} at rest", tab.id);
            self.violate("contract", what);
        }
    }

    /// The tab hears what its change came to, and knows everything if it did before.
    fn told(&mut self, tab: TabId, before: u64) {
        let after = self.journal.changes;
        if let Some(place) = self.place(tab) {
            let tab = &mut self.tabs[place];
            tab.told = match tab.told {
                (from, to) if to == before => (from, after),
                _ => (after, after),
            };
            if tab.known_at == Some(before) {
                tab.known_at = Some(after);
            }
        }
    }

    fn apply(&mut self, session: Session, ops: &[Op], relaxed: bool) -> Vec<Applied> {
        let at = ApplyAt::new(self.now.wall_ms, session).marked(self.journal.mark);
        if !relaxed {
            self.journal.undo.clear();
        }
        let mut results = Vec::with_capacity(ops.len());
        for op in ops {
            let (applied, deleted) = self.journal.apply(op, at, relaxed);
            if let (Write::Put, Some(record)) = (applied.write, &applied.record)
                && !record.is_held()
            {
                self.books.ended.insert(op.key().clone());
            }
            if let Some(record) = deleted {
                self.note_deletion(record);
            }
            if matches!(op, Op::Enqueue { .. }) && applied.done {
                // The user asked for it, perhaps in another tab, before it was given up there.
                self.books.said_untaken.remove(op.key());
            }
            results.push(applied);
        }
        results
    }

    fn note_deletion(&mut self, record: Record) {
        if !matches!(record.state(), State::Settled(_)) {
            let state = trace::record(&record);
            self.violate(
                "2 nothing lost",
                format!("the open charge {state} is deleted"),
            );
        }
        self.books.forgotten.insert(record.charge().key.clone());
        D::deleted(self, record);
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
            if at_ms <= self.journal.wiped_ms {
                // A page hears of its transaction before it reads another database.
                self.tabs[place].known_at = None;
            }
            self.tell(tab, Event::Journaled(result));
        }
        if let Some(place) = self.place(tab) {
            self.tabs[place].speaks_of_ms = None;
        }
        self.heed_mark(tab);
    }

    pub fn order_load(&mut self, tab: TabId, all: bool) {
        let in_ms = self.driver.load_ms();
        self.plan(in_ms, Happening::Load { tab, all });
    }

    pub fn load(&mut self, tab: TabId, all: bool) {
        if self.place(tab).is_none() {
            return;
        }
        let mut records = match self.driver.read_fault() {
            Some(fault) => Err(fault),
            None => Ok(self.journal.read(all)),
        };
        let changes = self.journal.changes;
        if let Ok(records) = &mut records
            && let Some((count, in_ms)) = self.driver.page(records.len())
        {
            let rest = records.split_off(count);
            let page = std::mem::replace(records, rest);
            self.tell(tab, Event::LoadedPage(page));
            let records = Ok(std::mem::take(records));
            let rest = Happening::LoadRest {
                tab,
                all,
                changes,
                records,
            };
            return self.plan(in_ms, rest);
        }
        self.load_rest(tab, all, changes, records);
    }

    /// The reading of the journal ends, some of which its tab may have heard before. There had been
    /// so many `changes` when it was read.
    pub fn load_rest(
        &mut self,
        tab: TabId,
        all: bool,
        changes: u64,
        records: Result<Vec<Record>, String>,
    ) {
        if self.place(tab).is_none() {
            return;
        }
        if self.driver.knows_the_living() {
            let alive = self.tabs.iter().map(super::Tab::name).collect();
            self.tell(tab, Event::Alive(alive));
        }
        if all && records.is_ok() && !self.journal.lost.is_empty() {
            let lost = self.journal.lost.iter().cloned().collect();
            self.tell(tab, Event::RecordsLost(lost));
        }
        self.heed_mark(tab);
        let is_whole = all && records.is_ok();
        self.tell(tab, Event::Loaded(records));
        if let Some(place) = self.place(tab).filter(|_| is_whole)
            && !self.tabs[place].engine.is_reading()
        {
            let (from, to) = self.tabs[place].told;
            let goes_on = from <= changes + 1 && to > changes;
            self.tabs[place].known_at = Some(if goes_on { to } else { changes });
        }
    }

    /// Opens the database again, and moves the charges of the fallback over.
    pub fn move_over(&mut self, fallback: Journal) {
        let at = ApplyAt::new(self.now.wall_ms, Session::since(self.journal.mark));
        // The database was written to last.
        self.journal.undo.clear();
        self.journal.has_changed(false);
        let records = fallback.ended.into_iter();
        for record in records.chain(fallback.records.into_values()) {
            let (applied, _) = self.journal.apply(&Op::Adopt { record }, at, false);
            if let Some(record) = applied.record {
                self.note(|| format!("moved over: {}", trace::record(&record)));
            }
        }
        self.journal.lost.extend(fallback.lost);
    }

    /// Damages one record at rest. The store sets it aside, and remembers its key.
    pub fn damage(&mut self, key: Key) -> Option<Record> {
        let record = self.journal.records.remove(&key);
        self.journal.has_changed(true);
        if let Some(record) = &record {
            self.note(|| format!("DAMAGED: {}", trace::record(record)));
        }
        self.journal.undo.retain(|(undone, _)| *undone != key);
        self.journal.lost.insert(key.clone());
        self.books.damaged.insert(key);
        record
    }

    /// The browser evicts the journal under running tabs.
    pub fn wipe_journal(&mut self) {
        self.note(|| "the journal is WIPED".to_owned());
        self.books.wiped.extend(self.books.wanted.iter().cloned());
        self.journal = Journal {
            // The mark in localStorage stays.
            mark: self.journal.mark,
            wiped_ms: self.now.mono_ms,
            // No count of the other database's is one of this.
            changes: self.journal.changes + 1_000_000,
            lasting_changes: self.journal.changes + 1_000_000,
            ..Journal::default()
        };
        for tab in &mut self.tabs {
            // Another database has taken its place.
            tab.known_at = None;
            tab.told = (0, 0);
            for key in tab.seen.keys().cloned().collect::<Vec<_>>() {
                tab.unsee(&key);
            }
        }
    }
}
