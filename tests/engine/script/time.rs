//! Time in a scenario: what happens until when.

use tollbox::core::record::Record;

use super::{Happening, World};

/// More than any scenario takes to settle.
const HOUR_MS: u64 = 3_600_000;

impl World {
    pub fn jump_wall(&mut self, by_ms: i64) {
        self.note(|| format!("the wall clock jumps by {by_ms} ms"));
        self.now.wall_ms = self.now.wall_ms.checked_add_signed(by_ms).unwrap();
        // A machine that slept has waited too, by its wall clock.
        let slept_ms = u64::try_from(by_ms).unwrap_or(0);
        for tab in &mut self.tabs {
            tab.held_until_ms = tab.held_until_ms.saturating_sub(slept_ms);
        }
    }

    /// Runs until `done`, and fails if nothing is left to happen before that.
    pub fn run_until(&mut self, mut done: impl FnMut(&World) -> bool) {
        while !done(self) {
            if !self.step(u64::MAX - 1) {
                self.fail("nothing more happens, and what was waited for has not");
            }
        }
    }

    pub fn run_for(&mut self, ms: u64) {
        let until_ms = self.now.mono_ms + ms;
        while self.step(until_ms) {}
        self.advance_to(until_ms);
    }

    /// Runs until no charge is open and nothing is left to happen.
    pub fn settle(&mut self) {
        let start_ms = self.now.mono_ms;
        self.run_until(|world| {
            if world.now.mono_ms - start_ms > HOUR_MS {
                world.fail("not settled within an hour");
            }
            world.happenings.is_empty()
                && !world.journal.records.values().any(Record::is_open)
                && world.books.calls.is_empty()
        });
    }

    /// Runs until every call has its answer.
    pub fn settle_calls(&mut self) {
        self.run_until(|world| world.books.calls.is_empty());
    }

    /// Takes out the first matching happening.
    pub fn take_out(&mut self, is: impl Fn(&Happening) -> bool) -> Happening {
        self.happenings.take(is).unwrap()
    }

    /// Postpones the first matching happening to `at_ms`, after all else of that moment.
    pub fn postpone(&mut self, is: impl Fn(&Happening) -> bool, at_ms: u64) {
        let happening = self.take_out(is);
        self.happenings.plan_last(at_ms, happening);
    }
}
