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

use serde::{Deserialize, Serialize};

use super::charge::Charge;
use super::outcome::{DeclineReason, FailureReason, OpenReason, ParkReason};
use super::points::Points;

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

/// Where a charge stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum State {
    /// Open, nobody is sending it.
    Waiting(Waiting),
    /// Open, one tab has the right to send it or to look it up.
    Attempting(Attempting),
    /// Without a verdict, and no longer tried.
    Parked(Parked),
    /// With a verdict.
    Settled(Verdict),
}

/// The final word on a charge.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "verdict", rename_all = "snake_case")]
pub enum Verdict {
    /// The server has taken the points.
    Charged(Receipt),
    /// The server has declined.
    Declined(Decline),
    /// Nothing was taken, and not for the balance's sake.
    Failed(Failure),
}

/// What the server says of a charge that it has taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// The server's name for the charge.
    pub charge_id: String,
    /// When the server took it, RFC 3339.
    pub charged_at: String,
    /// The balance that came with the answer.
    pub balance: Points,
    /// The version of that balance.
    pub version: u64,
    /// The server had charged this key before.
    pub replayed: bool,
}

/// The server's decision to take nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decline {
    /// Why.
    pub reason: DeclineReason,
    /// The balance that the server named.
    pub balance: Option<Points>,
    /// For people.
    pub detail: String,
}

/// Why nothing was taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// Why.
    pub reason: FailureReason,
    /// Whether trying again may succeed.
    pub retryable: bool,
    /// For people.
    pub detail: String,
}

/// Why an attempt brought no verdict.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cause {
    /// In a word.
    pub reason: OpenReason,
    /// For people.
    pub detail: String,
}

/// One tab's timed right to work on one charge.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// The tab.
    pub tab: String,
    /// When the right ends, milliseconds since the Unix epoch.
    pub until_ms: u64,
}

impl Claim {
    /// Whether it holds at `wall_ms`. One that ends further ahead than `longest_ms` was made
    /// before the clock was set back, and does not hold.
    pub fn holds_at(&self, wall_ms: u64, longest_ms: u64) -> bool {
        let left = self.until_ms.saturating_sub(wall_ms);
        left > 0 && left <= longest_ms
    }
}

/// What a claim is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// To send the charge.
    Send,
    /// To ask the server whether it has charged this key, which can harm nothing.
    LookUp,
}

/// Open, and nobody is sending it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiting {
    next_attempt_at_ms: u64,
    cause: Option<Cause>,
    /// An attempt may have reached the server and no conclusive answer came.
    in_doubt: bool,
    /// Since the last sending the server has said that it never charged this key.
    cleared: bool,
    /// Look-ups in a row that brought no answer.
    look_ups: u32,
}

impl Waiting {
    /// When the next attempt is due, milliseconds since the Unix epoch.
    pub fn next_attempt_at_ms(&self) -> u64 {
        self.next_attempt_at_ms
    }

    /// Why the last attempt brought no verdict.
    pub fn cause(&self) -> Option<&Cause> {
        self.cause.as_ref()
    }

    /// Whether an attempt may have reached the server.
    pub fn in_doubt(&self) -> bool {
        self.in_doubt
    }

    /// Whether the server said, since the last sending, that it never charged this key.
    pub fn cleared(&self) -> bool {
        self.cleared
    }

    /// Look-ups in a row that brought no answer.
    pub fn look_ups(&self) -> u32 {
        self.look_ups
    }

    fn begin(self, number: u32, purpose: Purpose, claim: Claim) -> Attempting {
        Attempting {
            claim,
            purpose,
            number,
            before: self,
        }
    }

    fn park(reason: ParkReason, detail: String) -> Parked {
        Parked { reason, detail }
    }
}

/// Open, and one tab has the right to work on it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempting {
    claim: Claim,
    purpose: Purpose,
    number: u32,
    before: Waiting,
}

impl Attempting {
    /// Whose right it is.
    pub fn claim(&self) -> &Claim {
        &self.claim
    }

    /// What for.
    pub fn purpose(&self) -> Purpose {
        self.purpose
    }

    /// The attempt's number.
    pub fn number(&self) -> u32 {
        self.number
    }

    /// How it stood before.
    pub fn before(&self) -> &Waiting {
        &self.before
    }

    /// The claimant went away without a word: what it was doing may have reached the server.
    fn abandoned(self) -> Waiting {
        match self.purpose {
            Purpose::Send => Waiting {
                in_doubt: true,
                cleared: false,
                ..self.before
            },
            Purpose::LookUp => self.before,
        }
    }

    fn answered_without_verdict(
        self,
        next_attempt_at_ms: u64,
        cause: Cause,
        doubt: bool,
    ) -> Waiting {
        match self.purpose {
            Purpose::Send => Waiting {
                next_attempt_at_ms,
                cause: Some(cause),
                in_doubt: doubt || self.before.in_doubt,
                cleared: false,
                look_ups: 0,
            },
            Purpose::LookUp => Waiting {
                next_attempt_at_ms,
                cause: Some(cause),
                look_ups: self.before.look_ups.saturating_add(1),
                ..self.before
            },
        }
    }

    fn not_sent(self, next_attempt_at_ms: u64, cause: Cause) -> Waiting {
        Waiting {
            next_attempt_at_ms,
            cause: Some(cause),
            ..self.before
        }
    }

    fn never_charged(self, next_attempt_at_ms: u64) -> Waiting {
        Waiting {
            next_attempt_at_ms,
            in_doubt: false,
            cleared: true,
            look_ups: 0,
            ..self.before
        }
    }
}

/// Without a verdict, and no longer tried.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parked {
    reason: ParkReason,
    detail: String,
}

impl Parked {
    /// Why.
    pub fn reason(&self) -> ParkReason {
        self.reason
    }

    /// For people.
    pub fn detail(&self) -> &str {
        &self.detail
    }

    fn reopen(self) -> Waiting {
        Waiting {
            in_doubt: true,
            ..Waiting::default()
        }
    }
}

/// What an attempt came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Conclusion {
    /// A verdict.
    Settled(Verdict),
    /// No verdict; this attempt certainly took nothing.
    TurnedAway(Cause),
    /// No verdict; this attempt may have taken the points.
    Lost(Cause),
    /// The request never left.
    NotSent(Cause),
    /// The server says that it never charged this key.
    NeverCharged,
    /// No verdict is to be had: stop trying, keep, and show.
    Park(ParkReason, String),
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

    /// Whether it failed, nothing taken, but may yet succeed.
    pub fn is_retryable(&self) -> bool {
        matches!(&self.state, State::Settled(Verdict::Failed(failure)) if failure.retryable)
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
                if !attempting.claim.holds_at(wall_ms, longest_ms)
                    || attempting.claim.tab == claim.tab =>
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

    /// Takes note of what an attempt of `tab` came to; `None` where that changes nothing.
    ///
    /// That the points are taken is believed from anybody at any time. Everything else counts
    /// only from the tab whose attempt is under way: a verdict of `declined` that arrives while
    /// another tab is sending the charge again is no longer certain.
    pub fn conclude(
        self,
        tab: &str,
        conclusion: Conclusion,
        next_attempt_at_ms: u64,
        wall_ms: u64,
    ) -> Option<Record> {
        if let State::Settled(Verdict::Charged(_)) = &self.state {
            return None;
        }
        if let Conclusion::Settled(verdict @ Verdict::Charged(_)) = conclusion {
            return Some(self.turned(State::Settled(verdict), wall_ms));
        }
        let attempting = match self.state.clone() {
            State::Attempting(attempting) if attempting.claim.tab == tab => attempting,
            State::Attempting(_) | State::Waiting(_) | State::Parked(_) | State::Settled(_) => {
                return None;
            }
        };
        let sent = attempting.purpose == Purpose::Send;
        let mut record = self;
        let state = match conclusion {
            Conclusion::Settled(verdict) => State::Settled(verdict),
            Conclusion::TurnedAway(cause) => State::Waiting(attempting.answered_without_verdict(
                next_attempt_at_ms,
                cause,
                false,
            )),
            Conclusion::Lost(cause) => {
                State::Waiting(attempting.answered_without_verdict(next_attempt_at_ms, cause, true))
            }
            Conclusion::NotSent(cause) => {
                record.attempts = record.attempts.saturating_sub(u32::from(sent));
                record.spent = record.spent.saturating_sub(u32::from(sent));
                State::Waiting(attempting.not_sent(next_attempt_at_ms, cause))
            }
            Conclusion::NeverCharged => {
                State::Waiting(attempting.never_charged(next_attempt_at_ms))
            }
            Conclusion::Park(reason, detail) => State::Parked(Waiting::park(reason, detail)),
        };
        Some(record.turned(state, wall_ms))
    }

    /// Takes up again what is parked, declined or failed, and makes due at once what waits;
    /// `None` where it is charged or being attempted.
    pub fn reopen(self, wall_ms: u64) -> Option<Record> {
        let waiting = match self.state.clone() {
            State::Waiting(waiting) => Waiting {
                next_attempt_at_ms: 0,
                look_ups: 0,
                ..waiting
            },
            State::Parked(parked) => parked.reopen(),
            State::Settled(Verdict::Declined(_) | Verdict::Failed(_)) => Waiting::default(),
            State::Settled(Verdict::Charged(_)) | State::Attempting(_) => return None,
        };
        let record = Record { spent: 0, ..self };
        Some(record.turned(State::Waiting(waiting), wall_ms))
    }

    /// Gives up a charge that has certainly taken nothing: never sent, or looked up since.
    pub fn cancel(self, wall_ms: u64) -> Option<Record> {
        let untouched = match &self.state {
            State::Waiting(waiting) => self.attempts == 0 || waiting.cleared,
            State::Attempting(_) | State::Parked(_) | State::Settled(_) => false,
        };
        untouched.then(|| {
            let failure = Failure {
                reason: FailureReason::Cancelled,
                retryable: false,
                detail: "given up before anything was taken".to_owned(),
            };
            self.turned(State::Settled(Verdict::Failed(failure)), wall_ms)
        })
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
