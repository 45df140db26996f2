//! One flush, from its start to its report.

use super::super::CallId;
use crate::core::charge::Key;
use crate::core::ordered::LongSet;
use crate::core::outbox::Outbox;
use crate::core::reason::OpenReason;
use crate::core::record::State;
use crate::core::snapshot::{FlushProgress, FlushReport};
use crate::core::stats::Class;

/// One flush, from its start to its report.
#[derive(Debug, Default)]
pub struct Run {
    callers: Vec<CallId>,
    left: LongSet<Key>,
    total: usize,
    /// Whether a charge has had its turn and is still open.
    unsettled: bool,
    /// Whether the token was rejected for one of these, whatever happened to it since.
    unauthorized: bool,
    report: FlushReport,
}

impl Run {
    pub(super) fn add(&mut self, keys: Vec<Key>, caller: Option<CallId>) {
        for key in keys {
            if self.left.insert(key, ()).is_none() {
                self.total = self.total.saturating_add(1);
            }
        }
        self.callers.extend(caller);
    }

    /// The charges that have not had their turn.
    pub fn left(&self) -> impl Iterator<Item = &Key> {
        self.left.keys()
    }

    pub fn has_left(&self, key: &Key) -> bool {
        self.left.contains_key(key)
    }

    pub fn is_through(&self) -> bool {
        self.left.is_empty()
    }

    pub(super) fn progress(&self) -> Option<FlushProgress> {
        (self.total > 0).then(|| FlushProgress {
            done: self.total.saturating_sub(self.left.len()),
            total: self.total,
        })
    }

    /// A charge has had its turn, with any result; false if it was none of these.
    pub(super) fn is_through_with(&mut self, key: &Key, outbox: &Outbox) -> bool {
        if self.left.remove(key).is_none() {
            return false;
        }
        let Some(record) = outbox.get(key).map(|entry| &entry.record) else {
            return true;
        };
        let report = &mut self.report;
        let count = match Class::of(record) {
            Class::Charged => &mut report.charged,
            Class::Declined => &mut report.declined,
            Class::Failed => &mut report.failed,
            Class::Unknown => &mut report.unknown,
            Class::Open => {
                self.unsettled = true;
                self.unauthorized |= match record.state() {
                    State::Waiting(waiting) => waiting
                        .cause()
                        .is_some_and(|cause| cause.reason == OpenReason::Unauthorized),
                    State::Attempting(_) | State::Parked(_) | State::Settled(_) => false,
                };
                return true;
            }
        };
        *count = count.saturating_add(1);
        true
    }

    /// Why it stops with charges still open, while the gate is closed for `closed`.
    pub fn stopped_by(&self, closed: Option<OpenReason>) -> Option<OpenReason> {
        let rejected = self.unauthorized.then_some(OpenReason::Unauthorized);
        closed.or(rejected).filter(|_| self.unsettled)
    }

    pub(super) fn has_callers(&self) -> bool {
        !self.callers.is_empty()
    }

    /// Its report, the calls that wait for it, and whether it had anything to do.
    pub(super) fn report(self) -> (FlushReport, Vec<CallId>, bool) {
        (self.report, self.callers, self.total > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn run_with_nothing_to_do_shows_no_progress() {
        assert_eq!(Run::default().progress(), None);
    }
}
