//! One charge in two storages: which of its two states counts.
//!
//! IndexedDB may be out of order for a while, in which the charge is taken on, and perhaps made,
//! in localStorage. Of that a crash may leave an earlier state, so it counts as one that may have
//! been attempted. The key keeps a charge that is tried twice from being made twice.

use super::{Record, State, Verdict};

impl Record {
    /// Taken over from another storage.
    pub fn adopted(self) -> Record {
        Record {
            adopted: true,
            ..self
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
            ..other.clone().adopted()
        };
        Some(joined.turned(other.state.clone(), wall_ms))
    }
}
