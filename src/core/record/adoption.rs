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
    /// `unknown` was promised that it goes on.
    pub fn joined_by(self, other: &Record, wall_ms: u64) -> Option<Record> {
        if other.is_older_than(&self) || self.receipt().is_some() {
            return None;
        }
        if *other == self {
            return (!self.adopted && self.is_held()).then(|| self.adopted());
        }
        let later = match (&self.state, &other.state) {
            (_, State::Settled(Verdict::Charged(_))) => true,
            (State::Waiting(_) | State::Attempting(_) | State::Parked(_), State::Settled(_)) => {
                self.is_older_than(other)
            }
            (State::Settled(_), _) => true,
            (State::Waiting(_) | State::Attempting(_) | State::Parked(_), _) => {
                self.is_older_than(other) || other.attempts > self.attempts
            }
        };
        if !later {
            return None;
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
}
