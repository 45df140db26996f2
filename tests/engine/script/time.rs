//! Time in a scenario: what happens until when.

use tollbox::core::record::Record;

use super::{Happening, World};

/// More than any scenario takes to settle.
const HOUR_MS: u64 = 3_600_000;

impl World {
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
        // A tab that can't write doesn't get to know what others have done.
        if self.tabs.iter().all(|tab| tab.failures == 0) {
            self.check_end();
        }
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
