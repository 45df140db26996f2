//! The run of one seed, and the checks at its end.

use tollbox::core::outcome::FailureReason;
use tollbox::core::record::{Record, State, Verdict};

use super::class::Classes;
use super::happening::Happening;
use super::tab::{Life, Tab};
use super::trace::{self, Trace};
use super::world::World;

/// The time within which everything settles once faults have stopped and `Retry-After` is over.
const SETTLED_WITHIN_MS: u64 = 1_800_000;
/// Enough for every tab to read the journal once more by itself, and for an idle one to find that
/// it was wiped.
const LAST_LOOK_MS: u64 = 70_000;
/// The most rounds of such reads, repeated if charges were taken up meanwhile.
const LOOKS: u32 = 4;
const LAST_LOOK_AFTER_A_WIPE_MS: u64 = 310_000;

/// Runs one seed to its end.
pub fn run(seed: u64, classes: Classes, late_ms: u64, trace: Trace) -> World {
    let mut world = World::new(seed, classes, late_ms, trace);
    world.open();
    world.plan(500, Happening::Act);
    while world.calm_since_ms.is_none() && world.step() {}
    let patience_ms = world.longest_patience_ms();
    let late_ms = world.calm_since_ms.unwrap_or(world.mono_ms) + patience_ms + SETTLED_WITHIN_MS;
    while world.violation.is_none() && !world.is_settled() {
        if world.mono_ms > late_ms || !world.step() {
            let open = world.what_is_open();
            world.violate("5 liveness", format!("not settled in time: {open}"));
        }
    }
    let last_look_ms = match world.books.none_is_gone() {
        true => LAST_LOOK_MS,
        false => LAST_LOOK_AFTER_A_WIPE_MS,
    };
    // Charges taken up meanwhile get their time, and then all tabs read once more.
    for _ in 0..LOOKS {
        let before = world.state_of_charges();
        let end_ms = world.mono_ms + last_look_ms;
        while world.violation.is_none() && world.mono_ms < end_ms && world.step() {}
        if world.state_of_charges() == before {
            break;
        }
    }
    if world.violation.is_none() {
        world.check_end();
    }
    world
}

impl World {
    /// The longest that a server has asked a tab to wait from now on.
    fn longest_patience_ms(&self) -> u64 {
        self.longest_hold_ms.saturating_sub(self.mono_ms)
    }

    /// Grows with every change of a charge in the journal.
    fn state_of_charges(&self) -> u64 {
        let records = self.journal.records.values();
        let changed = records.map(|record| (record.is_open(), record.revision()));
        changed
            .map(|(open, revision)| revision + u64::from(open))
            .sum()
    }

    fn is_settled(&self) -> bool {
        self.backend.on_the_way == 0
            && !self.orphans_write()
            && !self.journal.records.values().any(Record::is_open)
            && !self.tabs.iter().any(|tab| tab.writing)
            && !self
                .tabs
                .iter()
                .any(|tab| tab.frozen_until_ms > self.mono_ms)
            && self.unanswered().is_none()
    }

    /// Whether a transaction of a dead tab has yet to commit.
    fn orphans_write(&self) -> bool {
        self.happenings.values().any(|happening| {
            matches!(happening, Happening::Commit { tab, .. } if self.orphans.contains(tab))
        })
    }

    /// A call that should have an answer by now.
    fn unanswered(&self) -> Option<String> {
        let waits = |asked: &super::books::Asked| {
            let place = self.place(asked.tab)?;
            // A signed-out client does nothing for an open charge.
            let over = self.tabs[place].life == Life::SignedOut || self.is_over(place);
            let patient = asked.what == "settled" && over;
            (!patient).then(|| format!("{asked:?}"))
        };
        self.books.calls.values().find_map(waits)
    }

    fn what_is_open(&self) -> String {
        let records = self
            .journal
            .records
            .values()
            .filter(|record| record.is_open());
        let records: Vec<String> = records.map(trace::record).take(3).collect();
        format!("{records:?} and so on, unanswered: {:?}", self.unanswered())
    }

    fn check_end(&mut self) {
        let records: Vec<Record> = self.journal.records.values().cloned().collect();
        for record in &records {
            self.check_final(record);
        }
        for key in self.books.promised.clone() {
            let kept = records.iter().any(|record| record.charge().key == key);
            if !kept && !self.may_be_gone(key.as_str()) {
                self.violate("2 nothing lost", format!("{key} was promised, and is gone"));
            }
        }
        for tab in 0..self.tabs.len() {
            self.check_rest(tab);
        }
    }

    /// Checks that a settled record agrees with the ledger.
    fn check_final(&mut self, record: &Record) {
        let charge = record.charge();
        let charged = self.is_charged(&charge.key, charge.amount.get());
        let excused = self.is_excused(charge.key.as_str());
        let line = trace::record(record);
        match record.state() {
            State::Waiting(_) | State::Attempting(_) => {
                self.violate("5 liveness", format!("at the end there is {line}"));
            }
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
        if self.mono_ms < self.books.tasks_unsure_until_ms {
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
