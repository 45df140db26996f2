//! A charge at rest: where it stands, and the only ways from there.
//!
//! ```text
//!            ┌───────────── reopen ─────────────┐
//!            ▼                                  │
//!  open ─► Waiting ── begin ─► Attempting ──► Settled(Declined | Failed)
//!            ▲ │                 │  │   └───► Settled(Charged)   the end
//!            │ │ park            │  └─ park ─► Parked ── reopen ─► Waiting
//!            │ └────────► Parked │
//!            └── lost, turned away, look-up ┘
//! ```
//!
//! Each state is a type of its own, and its methods are the transitions that leave it. A receipt
//! has none: what is charged stays charged.

mod state;
mod verdict;

use serde::{Deserialize, Serialize};

pub use self::state::{Attempting, Claim, Parked, Purpose, State, Waiting};
pub use self::verdict::{Cause, Conclusion, Decline, Failure, Receipt, Verdict};
use super::charge::Charge;
use super::outcome::FailureReason;

/// A charge and where it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    charge: Charge,
    sequence: u64,
    revision: u64,
    attempts: u32,
    spent: u32,
    updated_at_ms: u64,
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

    /// Charge requests since it was last (re)opened: what counts against `maxTotalAttempts`.
    pub fn spent(&self) -> u32 {
        self.spent
    }

    /// Whether this is an earlier state of the same taking on. A key that was let go and taken on
    /// again begins anew.
    pub fn is_older_than(&self, other: &Record) -> bool {
        self.sequence == other.sequence && self.revision < other.revision
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

    /// Whether it failed, nothing taken, but may yet succeed.
    pub fn is_retryable(&self) -> bool {
        matches!(&self.state, State::Settled(Verdict::Failed(failure)) if failure.retryable)
    }

    /// Ends the claim of this tab, which is known to be dead.
    pub fn released_by(self, dead: Option<&str>) -> Record {
        match self.state.clone() {
            State::Attempting(attempting) if Some(attempting.claim().tab.as_str()) == dead => {
                Record {
                    state: State::Waiting(attempting.abandoned()),
                    ..self
                }
            }
            State::Attempting(_) | State::Waiting(_) | State::Parked(_) | State::Settled(_) => self,
        }
    }

    /// Claims a waiting charge, or one whose claimant has gone; `None` where another tab holds
    /// it or it is not open.
    pub fn begin(
        self,
        purpose: Purpose,
        claim: Claim,
        wall_ms: u64,
        longest_ms: u64,
    ) -> Option<Record> {
        let waiting = match self.state.clone() {
            State::Waiting(waiting) => waiting,
            State::Attempting(attempting)
                if !attempting.claim().holds_at(wall_ms, longest_ms)
                    || attempting.claim().tab == claim.tab =>
            {
                attempting.abandoned()
            }
            State::Attempting(_) | State::Parked(_) | State::Settled(_) => return None,
        };
        let sending = u32::from(purpose == Purpose::Send);
        let attempts = self.attempts.saturating_add(sending);
        Some(Record {
            attempts,
            spent: self.spent.saturating_add(sending),
            ..self.turned(
                State::Attempting(waiting.begin(attempts, purpose, claim)),
                wall_ms,
            )
        })
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

    /// The attempt that is under way: what for, and its number.
    pub fn attempt(&self) -> Option<(Purpose, u32)> {
        match &self.state {
            State::Attempting(attempting) => Some((attempting.purpose(), attempting.number())),
            State::Waiting(_) | State::Parked(_) | State::Settled(_) => None,
        }
    }

    /// Takes note of what this attempt of `tab` came to; `None` where that changes nothing.
    ///
    /// That the points are taken is believed from anybody at any time. Everything else counts
    /// only from the tab whose attempt is under way: a verdict of `declined` that arrives while
    /// another tab is sending the charge again is no longer certain.
    pub fn conclude(
        self,
        tab: &str,
        attempt: Option<(Purpose, u32)>,
        conclusion: Conclusion,
        next_attempt_at_ms: u64,
        wall_ms: u64,
    ) -> Option<Record> {
        if let Conclusion::Settled(verdict) = &conclusion
            && defect!(BelievesLapsedClaim)
        {
            return Some(self.turned(State::Settled(verdict.clone()), wall_ms));
        }
        if let State::Settled(Verdict::Charged(_)) = &self.state {
            return None;
        }
        if let Conclusion::Settled(verdict @ Verdict::Charged(_)) = conclusion {
            return Some(self.turned(State::Settled(verdict), wall_ms));
        }
        let attempting = match self.state.clone() {
            State::Attempting(attempting)
                if attempting.claim().tab == tab && self.attempt() == attempt =>
            {
                attempting
            }
            State::Attempting(_) | State::Waiting(_) | State::Parked(_) | State::Settled(_) => {
                return None;
            }
        };
        let sent = attempting.purpose() == Purpose::Send;
        let mut record = self;
        let state = match conclusion {
            Conclusion::Settled(verdict) => State::Settled(verdict),
            Conclusion::TurnedAway(cause) => {
                State::Waiting(attempting.turned_away(next_attempt_at_ms, cause))
            }
            Conclusion::Held(cause) => State::Waiting(attempting.held(next_attempt_at_ms, cause)),
            Conclusion::Lost(cause, may_arrive_until_ms) => {
                State::Waiting(attempting.lost(next_attempt_at_ms, cause, may_arrive_until_ms))
            }
            Conclusion::TooEarly => State::Waiting(attempting.too_early(next_attempt_at_ms)),
            Conclusion::NotSent(cause) => {
                record.attempts = record.attempts.saturating_sub(u32::from(sent));
                record.spent = record.spent.saturating_sub(u32::from(sent));
                State::Waiting(attempting.not_sent(next_attempt_at_ms, cause))
            }
            Conclusion::NeverCharged => {
                State::Waiting(attempting.never_charged(next_attempt_at_ms))
            }
            Conclusion::Park(reason, detail) => State::Parked(attempting.park(reason, detail)),
        };
        Some(record.turned(state, wall_ms).given_up_if_untaken())
    }

    /// What was given up ends as soon as it has certainly taken nothing.
    fn given_up_if_untaken(self) -> Record {
        let detail = match &self.state {
            State::Waiting(waiting)
                if self.attempts == 0 || waiting.cleared() || defect!(CancelsWithoutAsking) =>
            {
                waiting.given_up().map(str::to_owned)
            }
            State::Waiting(_) | State::Attempting(_) | State::Parked(_) | State::Settled(_) => None,
        };
        match detail {
            Some(detail) => Record {
                state: State::Settled(Verdict::Failed(Failure {
                    reason: FailureReason::Cancelled,
                    retryable: false,
                    detail,
                })),
                ..self
            },
            None => self,
        }
    }

    /// Takes up again, for its user, what is parked, declined, failed or given up, and makes due
    /// at once what waits; `None` where it is charged or being attempted.
    pub fn ask_again(self, wall_ms: u64) -> Option<Record> {
        let record = self.reopen(wall_ms)?;
        Some(match record.state.clone() {
            State::Waiting(waiting) => Record {
                state: State::Waiting(waiting.wanted()),
                ..record
            },
            State::Attempting(_) | State::Parked(_) | State::Settled(_) => record,
        })
    }

    /// Takes up again what is parked, declined or failed, and makes due at once what waits;
    /// `None` where it is charged or being attempted. What was given up stays given up.
    pub fn reopen(self, wall_ms: u64) -> Option<Record> {
        let waiting = match self.state.clone() {
            State::Waiting(waiting) => waiting.hurried(),
            State::Parked(parked) => parked.reopen(),
            State::Settled(Verdict::Declined(_) | Verdict::Failed(_)) => Waiting::default(),
            State::Settled(Verdict::Charged(_)) | State::Attempting(_) => return None,
        };
        let record = Record { spent: 0, ..self };
        Some(record.turned(State::Waiting(waiting), wall_ms))
    }

    /// Gives a charge up: at once where it has certainly taken nothing (never sent, or looked up
    /// since), else as soon as that is known. It is never sent again; `None` where it is settled
    /// or given up already.
    pub fn cancel(self, detail: String, wall_ms: u64) -> Option<Record> {
        if self.given_up() {
            return None;
        }
        let state = match self.state.clone() {
            State::Waiting(waiting) => State::Waiting(waiting.gives_up(detail)),
            State::Attempting(attempting) => State::Attempting(attempting.gives_up(detail)),
            State::Parked(parked) => State::Waiting(parked.reopen().gives_up(detail)),
            State::Settled(_) => return None,
        };
        Some(self.turned(state, wall_ms).given_up_if_untaken())
    }

    /// Whether its user gave it up, and it is still open.
    pub fn given_up(&self) -> bool {
        match &self.state {
            State::Waiting(waiting) => waiting.given_up().is_some(),
            State::Attempting(attempting) => attempting.before().given_up().is_some(),
            State::Parked(_) | State::Settled(_) => false,
        }
    }

    /// Refuses to take up again what is declined or failed: `None` for everything else.
    pub fn refuse(self, failure: Failure, wall_ms: u64) -> Option<Record> {
        match &self.state {
            State::Settled(Verdict::Declined(_) | Verdict::Failed(_)) => {
                Some(self.turned(State::Settled(Verdict::Failed(failure)), wall_ms))
            }
            State::Settled(Verdict::Charged(_))
            | State::Waiting(_)
            | State::Attempting(_)
            | State::Parked(_) => None,
        }
    }

    fn turned(self, state: State, wall_ms: u64) -> Record {
        Record {
            revision: self.revision.saturating_add(1),
            updated_at_ms: wall_ms,
            state,
            ..self
        }
    }
}

#[cfg(test)]
mod tests;
