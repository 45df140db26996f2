//! A charge at rest: where it stands, and the only ways from there.
//!
//! ```text
//!  open ──► Waiting ──── begin ───► Attempting ───► Settled: Charged, the end
//!            ▲ ▲ │ ▲                 │  │  └──────► Settled: Declined, Failed
//!            │ │ │ └── no verdict ───┘  │                │
//!            │ │ └──── cancel ──► Settled: Failed        │
//!            │ └─────── reopen ─── Parked ◄── park ──────┤
//!            └───────────────────── ask again, take up ──┘
//! ```
//!
//! `docs/states.md` has them all, and what they are called outside.
//!
//! Each state is a type of its own, and its methods are the transitions that leave it. A receipt
//! has none: what is charged stays charged.

mod adoption;
mod state;
mod transitions;
mod verdict;

use serde::{Deserialize, Serialize};

pub use self::state::{Attempting, Claim, Parked, Purpose, State, Waiting};
pub use self::verdict::{Cause, Conclusion, Decline, Failure, Receipt, Verdict};
use super::charge::Charge;
use super::clock::CLOCK_SLACK_MS;

/// A charge and where it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    charge: Charge,
    sequence: u64,
    revision: u64,
    attempts: u32,
    spent: u32,
    updated_at_ms: u64,
    /// The wall clock was set back since it was taken on, so its age is not known.
    #[serde(default)]
    ageless: bool,
    /// It failed and was taken up again by itself, which is done once.
    #[serde(default)]
    taken_up: bool,
    /// It was in a storage of which a crash may leave an earlier state, so it may have been
    /// attempted more often than it says.
    #[serde(default)]
    adopted: bool,
    /// Whether and when its key was sent before it was taken on is not known, nor has the server
    /// been asked.
    #[serde(default)]
    unknown_past: bool,
    state: State,
}

impl Record {
    /// A charge just taken on.
    pub fn open(charge: Charge, sequence: u64) -> Record {
        Record {
            sequence,
            revision: 1,
            attempts: 0,
            spent: 0,
            updated_at_ms: charge.created_at_ms,
            ageless: false,
            taken_up: false,
            adopted: false,
            unknown_past: false,
            state: State::Waiting(Waiting::default()),
            charge,
        }
    }

    /// A charge not taken on.
    pub fn refused(charge: Charge, sequence: u64, failure: Failure) -> Record {
        Record {
            state: State::Settled(Verdict::Failed(failure)),
            ..Record::open(charge, sequence)
        }
    }

    /// What is to be paid.
    pub fn charge(&self) -> &Charge {
        &self.charge
    }

    /// Where it stands.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// Its place in the order in which charges were taken on.
    pub fn sequence(&self) -> u64 {
        self.sequence
    }

    /// Grows with every change.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// Charge requests so far.
    pub fn attempts(&self) -> u32 {
        self.attempts
    }

    /// Whether a charge request may have left, as far as the record can tell.
    pub fn may_have_left(&self) -> bool {
        self.attempts > 0 || self.adopted
    }

    /// Whether another storage has, or had, a state of it, too.
    pub fn is_adopted(&self) -> bool {
        self.adopted
    }

    /// Whether a charge request may have left of which the record does not tell, and the server
    /// has not said since that it never charged it.
    pub fn may_have_left_unseen(&self) -> bool {
        let cleared = match &self.state {
            State::Waiting(waiting) => waiting.cleared(),
            State::Attempting(_) | State::Parked(_) | State::Settled(_) => false,
        };
        self.adopted && !cleared
    }

    /// Charge requests since it was last (re)opened: what counts against `maxTotalAttempts`.
    pub fn spent(&self) -> u32 {
        self.spent
    }

    /// Whether this is an earlier state of the same taking on. A key that was let go, or whose
    /// record is lost, and that is taken on again begins anew: perhaps at the same place in the
    /// order, since tabs whose clock was set back just count on.
    pub fn is_older_than(&self, other: &Record) -> bool {
        let same = self.charge.created_at_ms == other.charge.created_at_ms;
        same && self.is_before(other)
    }

    /// As [`Record::is_older_than`], of records of which one may have joined another: it is as old
    /// as the older of both.
    fn is_before(&self, other: &Record) -> bool {
        self.sequence == other.sequence && self.revision < other.revision
    }

    /// How long ago it was taken on, in milliseconds; `None` where the clock was set back since, or
    /// its key may be older.
    pub fn age_ms(&self, wall_ms: u64) -> Option<u64> {
        let age_ms = wall_ms.checked_sub(self.charge.created_at_ms)?;
        let unknown = self.ageless || self.unknown_past || self.is_after(wall_ms);
        (!unknown).then_some(age_ms)
    }

    /// Whether it is not known when its key was first sent, if it was.
    pub fn has_unknown_past(&self) -> bool {
        self.unknown_past
    }

    /// Whether it is known that its age is not.
    pub fn is_ageless(&self) -> bool {
        self.ageless
    }

    fn is_after(&self, wall_ms: u64) -> bool {
        self.updated_at_ms > wall_ms.saturating_add(CLOCK_SLACK_MS)
    }

    /// When it last changed, milliseconds since the Unix epoch.
    pub fn updated_at_ms(&self) -> u64 {
        self.updated_at_ms
    }

    /// Whether it has no verdict and is being tried.
    pub fn is_open(&self) -> bool {
        match &self.state {
            State::Waiting(_) | State::Attempting(_) => true,
            State::Parked(_) | State::Settled(_) => false,
        }
    }

    /// Whether its points count as held: it is open, or parked without a verdict.
    pub fn is_held(&self) -> bool {
        match &self.state {
            State::Waiting(_) | State::Attempting(_) | State::Parked(_) => true,
            State::Settled(_) => false,
        }
    }

    /// The server's receipt, if it is charged.
    pub fn receipt(&self) -> Option<&Receipt> {
        match &self.state {
            State::Settled(Verdict::Charged(receipt)) => Some(receipt),
            State::Settled(Verdict::Declined(_) | Verdict::Failed(_))
            | State::Waiting(_)
            | State::Attempting(_)
            | State::Parked(_) => None,
        }
    }

    /// Whether it failed, may yet succeed, and has not been taken up again by itself.
    pub fn may_be_taken_up(&self) -> bool {
        self.is_retryable() && !self.taken_up
    }

    /// Whether it failed, nothing taken, but may yet succeed.
    pub fn is_retryable(&self) -> bool {
        matches!(&self.state, State::Settled(Verdict::Failed(failure)) if failure.retryable)
    }

    /// Who has the right to work on it.
    pub fn claim(&self) -> Option<&Claim> {
        match &self.state {
            State::Attempting(attempting) => Some(attempting.claim()),
            State::Waiting(_) | State::Parked(_) | State::Settled(_) => None,
        }
    }

    /// Until when a sending without an answer may still reach the server, milliseconds since the
    /// Unix epoch.
    pub fn may_arrive_until_ms(&self) -> u64 {
        match &self.state {
            State::Waiting(waiting) => waiting.may_arrive_until_ms(),
            State::Attempting(attempting) => attempting.before().may_arrive_until_ms(),
            State::Parked(parked) => parked.may_arrive_until_ms(),
            State::Settled(_) => 0,
        }
    }

    /// How long after it was written down that instant came, in milliseconds.
    pub fn may_arrive_for_ms(&self) -> u64 {
        match &self.state {
            State::Waiting(waiting) => waiting.may_arrive_for_ms(),
            State::Attempting(attempting) => attempting.before().may_arrive_for_ms(),
            State::Parked(parked) => parked.may_arrive_for_ms(),
            State::Settled(_) => 0,
        }
    }

    /// The attempt that is under way: what for, and its number.
    pub fn attempt(&self) -> Option<(Purpose, u32)> {
        match &self.state {
            State::Attempting(attempting) => Some((attempting.purpose(), attempting.number())),
            State::Waiting(_) | State::Parked(_) | State::Settled(_) => None,
        }
    }

    /// Whether its user gave it up, and it is still open.
    pub fn given_up(&self) -> bool {
        self.waits().is_some_and(|waits| waits.given_up().is_some())
    }

    /// Whether the server refused it, an earlier sending is in doubt, and it is still open.
    pub fn is_refused(&self) -> bool {
        self.waits().is_some_and(|waits| waits.refusal().is_some())
    }

    /// Why it was not taken on, where it was not.
    pub fn refusal(&self) -> Option<&Failure> {
        match &self.state {
            State::Settled(Verdict::Failed(failure)) => Some(failure),
            State::Settled(Verdict::Charged(_) | Verdict::Declined(_))
            | State::Waiting(_)
            | State::Attempting(_)
            | State::Parked(_) => None,
        }
    }

    /// Whether it is not sent before the server has been asked what it knows of its key: its user
    /// gave it up, the server refused it, or it was parked.
    pub fn is_only_looked_up(&self) -> bool {
        let parked = self.waits().is_some_and(Waiting::look_up_first);
        self.given_up() || self.is_refused() || parked
    }

    /// How it waits, or did before the attempt that is under way.
    fn waits(&self) -> Option<&Waiting> {
        match &self.state {
            State::Waiting(waiting) => Some(waiting),
            State::Attempting(attempting) => Some(attempting.before()),
            State::Parked(_) | State::Settled(_) => None,
        }
    }
}

#[cfg(test)]
mod tests;
