//! One charge in two storages: which of its two states counts.
//!
//! IndexedDB may be out of order for a while, in which the charge is taken on, and perhaps made,
//! in localStorage. Of that a crash may leave an earlier state, so it counts as one that may have
//! been attempted. The key keeps a charge that is tried twice from being made twice.

use super::{Record, State, Verdict, Waiting};

impl Record {
    /// Taken over from another storage.
    pub fn adopted(self) -> Record {
        Record {
            adopted: true,
            ..self
        }
    }

    /// Just taken on, though a charge of its key may have been sent before by somebody whose record
    /// is lost or can't be read: that may still arrive for so long.
    pub fn in_doubt(self, wall_ms: u64, may_arrive_for_ms: u64) -> Record {
        Record {
            adopted: true,
            unknown_past: true,
            state: State::Waiting(Waiting::doubted(wall_ms, may_arrive_for_ms)),
            ..self
        }
    }

    /// Its key was used for another charge elsewhere, which may have been made: when, nobody here
    /// knows. `None` where that changes nothing.
    pub fn shares_key(self, wall_ms: u64) -> Option<Record> {
        if self.receipt().is_some() || self.unknown_past {
            return None;
        }
        let record = Record {
            unknown_past: true,
            ..self.doubted()
        };
        let state = record.state.clone();
        Some(record.turned(state, wall_ms))
    }

    /// This record where the store may show an earlier state of it: whatever it says, it may have
    /// been sent since.
    pub fn doubted(self) -> Record {
        let state = match self.state.clone() {
            State::Waiting(waiting) => State::Waiting(waiting.uncleared()),
            State::Attempting(attempting) => State::Attempting(attempting.uncleared()),
            unclear @ (State::Parked(_) | State::Settled(_)) => unclear,
        };
        Record {
            state,
            ..self.adopted()
        }
    }

    /// This record, now that another storage has `other` of the same charge; `None` where that
    /// changes nothing.
    ///
    /// A receipt counts more than anything else. What is open counts more than a verdict that
    /// nothing was taken: that was so when it was told, and whoever was told `queued` or
    /// `unknown` was promised that it goes on. But what was told as final without knowledge of the
    /// open one is told of that as well, once it is looked up that nothing was taken.
    pub fn joined_by(self, other: &Record, wall_ms: u64) -> Option<Record> {
        if other.is_before(&self) || self.receipt().is_some() {
            return None;
        }
        if *other == self {
            return (!self.adopted && self.is_held()).then(|| self.adopted());
        }
        let later = match (&self.state, &other.state) {
            (_, State::Settled(Verdict::Charged(_))) => true,
            (State::Waiting(_) | State::Attempting(_) | State::Parked(_), State::Settled(_)) => {
                self.is_before(other)
            }
            (State::Settled(_), _) => true,
            (State::Waiting(_) | State::Attempting(_) | State::Parked(_), _) => {
                self.is_before(other) || other.attempts > self.attempts
            }
        };
        if !later {
            return self.told_final_elsewhere(other, wall_ms);
        }
        let mut charge = other.charge.clone();
        charge.created_at_ms = charge.created_at_ms.min(self.charge.created_at_ms);
        let joined = Record {
            charge,
            sequence: self.sequence,
            revision: self.revision.max(other.revision),
            attempts: self.attempts.max(other.attempts),
            ageless: self.ageless || other.ageless,
            unknown_past: self.unknown_past && other.unknown_past,
            ..other.clone().adopted()
        };
        Some(joined.turned(other.state.clone(), wall_ms))
    }

    /// This open record, whose charge another storage has told as not taken, and for good.
    fn told_final_elsewhere(self, other: &Record, wall_ms: u64) -> Option<Record> {
        if self.sequence == other.sequence || !self.is_held() || self.is_refused() {
            return None;
        }
        let verdict = match &other.state {
            State::Settled(verdict @ Verdict::Declined(_)) => verdict.clone(),
            State::Settled(verdict @ Verdict::Failed(failure)) if !failure.retryable => {
                verdict.clone()
            }
            State::Settled(Verdict::Charged(_) | Verdict::Failed(_))
            | State::Waiting(_)
            | State::Attempting(_)
            | State::Parked(_) => return None,
        };
        let state = match self.state.clone() {
            State::Waiting(waiting) => State::Waiting(waiting.told_final(verdict)),
            State::Attempting(attempting) => State::Attempting(attempting.told_final(verdict)),
            State::Parked(parked) => State::Waiting(parked.reopen().told_final(verdict)),
            State::Settled(_) => return None,
        };
        Some(self.adopted().turned(state, wall_ms))
    }
}
