//! The end of a run: whether all is settled, and whether what is left agrees with the ledger.

use tollbox::core::outcome::FailureReason;
use tollbox::core::record::{Record, State, Verdict};

use super::books::Asked;
use crate::world::driver::Driver;
use crate::world::happening::Happening;
use crate::world::tab::{Life, Tab};
use crate::world::{World, trace};

impl<D: Driver> World<D> {
    /// Whether nothing is open, on its way or waited for.
    pub fn is_settled(&self) -> bool {
        !self
            .happenings
            .any(|happening| self.has_to_happen(happening))
            && !self.journal.records.values().any(Record::is_open)
            && !self.tabs.iter().any(|tab| tab.writing)
            && !self
                .tabs
                .iter()
                .any(|tab| tab.frozen_until_ms > self.now.mono_ms)
            && self.unanswered().is_none()
    }

    /// Whether it concerns a charge: a request on its way, a transaction of a dead tab.
    fn has_to_happen(&self, happening: &Happening<D::Own>) -> bool {
        match happening {
            Happening::Arrive { .. } => true,
            Happening::Commit { tab, .. } => self.orphans.contains(tab),
            _ => false,
        }
    }

    /// A call that should have an answer by now.
    fn unanswered(&self) -> Option<String> {
        let waits = |asked: &Asked| {
            let place = self.place(asked.tab)?;
            // A signed-out client does nothing for an open charge.
            let over = self.tabs[place].life == Life::SignedOut || self.is_over(place);
            let patient = asked.what == "settled" && over;
            (!patient).then(|| format!("{asked:?}"))
        };
        self.books.calls.values().find_map(waits)
    }

    pub fn what_is_open(&self) -> String {
        let records = self
            .journal
            .records
            .values()
            .filter(|record| record.is_open());
        let records: Vec<String> = records.map(trace::record).take(3).collect();
        format!("{records:?} and so on, unanswered: {:?}", self.unanswered())
    }

    /// Checks that nothing is left to do, and that what is left is right.
    pub fn check_end(&mut self) {
        self.check_journal();
        if self.journal.records.values().any(Record::is_open) {
            let open = self.what_is_open();
            self.violate("5 liveness", format!("at the end there is {open}"));
        }
        for tab in 0..self.tabs.len() {
            self.check_rest(tab);
        }
    }

    /// Checks the journal at any moment: its verdicts are the ledger's, and nothing is lost.
    pub fn check_journal(&mut self) {
        let records: Vec<Record> = self.journal.records.values().cloned().collect();
        for record in &records {
            self.check_verdict(record);
        }
        for key in self.books.promised.clone() {
            if !self.journal.records.contains_key(&key) && !self.may_be_gone(key.as_str()) {
                self.violate("2 nothing lost", format!("{key} was promised, and is gone"));
            }
        }
    }

    /// Checks that a settled record agrees with the ledger.
    fn check_verdict(&mut self, record: &Record) {
        let charge = record.charge();
        let charged = self.is_charged(&charge.key, charge.amount.get());
        let excused = self.is_excused(charge.key.as_str());
        let line = trace::record(record);
        match record.state() {
            State::Waiting(_) | State::Attempting(_) => {}
            State::Parked(_) => self.counts.parked += 1,
            State::Settled(Verdict::Charged(_)) if !charged => {
                self.violate("3 the truth", format!("the ledger does not have {line}"));
            }
            State::Settled(Verdict::Charged(_)) => {}
            State::Settled(Verdict::Declined(_)) => {
                self.counts.declined += 1;
                if charged && !excused {
                    self.violate("3 the truth", format!("the ledger has {line}"));
                }
            }
            State::Settled(Verdict::Failed(failure)) => {
                self.counts.failed += 1;
                let conflict = failure.reason == FailureReason::Conflict;
                if charged && !excused && !conflict {
                    self.violate("3 the truth", format!("the ledger has {line}"));
                }
            }
        }
    }

    /// Checks that a tab has nothing left to do, and knows it.
    fn check_rest(&mut self, place: usize) {
        let tab = &self.tabs[place];
        let at_work = tab.life == Life::Live && !self.is_over(place);
        let Some(snapshot) = tab.snapshot.clone().filter(|_| at_work) else {
            return;
        };
        let (id, queue) = (tab.id, snapshot.queue);
        let parked: u64 = {
            let records = self.journal.records.values();
            let parked = records.filter(|record| matches!(record.state(), State::Parked(_)));
            parked.map(|record| record.charge().amount.get()).sum()
        };
        // The tasks of all live tabs: each has heard of the others by now.
        let mut tasks: u64 = self.tabs.iter().map(Tab::task_points).sum();
        if self.now.mono_ms < self.books.tasks_unsure_until_ms {
            tasks += self.tasks_elsewhere(tab.id);
        }
        if queue.pending + queue.retrying > 0 {
            let what = format!("tab{id} still believes in open charges: {queue:?}");
            return self.violate("5 liveness", what);
        }
        if queue.held_points.get() > parked + tasks {
            let what = format!(
                "tab{id} holds {}, of {parked} parked and {tasks} of tasks",
                queue.held_points
            );
            return self.violate("6 the counts", what);
        }
        if snapshot.flush.is_some() || snapshot.stats.open > 0 {
            let what = format!("tab{id} is not at rest: {snapshot:?}");
            self.violate("6 the counts", what);
        }
    }
}
