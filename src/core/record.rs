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

mod state;
mod verdict;

use self::state::Due;
pub use self::state::{Attempting, Claim, Parked, Purpose, State, Waiting};
pub use self::verdict::{Cause, Conclusion, Decline, Failure, Receipt, Verdict};
use super::charge::Charge;
use super::clock::CLOCK_SLACK_MS;
use crate::core::outcome::{FailureReason, OpenReason, ParkReason};
use serde::{Deserialize, Serialize};

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
    pub fn begin(self, purpose: Purpose, claim: Claim, wall_ms: u64) -> Option<Record> {
        if purpose == Purpose::Send && self.given_up() {
            return None;
        }
        let waiting = match self.state.clone() {
            State::Waiting(waiting) => waiting,
            State::Attempting(attempting)
                if !attempting.claim().holds_at(wall_ms) || attempting.claim().tab == claim.tab =>
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

    /// Takes note of what this attempt of `tab` came to; `None` where that changes nothing.
    ///
    /// That the points are taken is believed from anybody at any time. Everything else counts
    /// only from the tab whose attempt is under way: a verdict of `declined` that arrives while
    /// another tab is sending the charge again is no longer certain. Nor is one after a sending
    /// whose end nobody knows: whoever refuses may not have looked at what the key has done.
    pub fn conclude(
        self,
        tab: &str,
        attempt: Option<(Purpose, u32)>,
        conclusion: Conclusion,
        next_attempt_in_ms: u64,
        wall_ms: u64,
    ) -> Option<Record> {
        let due = Due::after(wall_ms, next_attempt_in_ms);
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
        if !sent && conclusion.tells_of_key() {
            // What may still arrive was sent a moment ago, and its key is remembered as long as
            // that of what is sent now.
            record.unknown_past = false;
        }
        let counts = !defect!(CountsPutOffAttempts);
        let state = match conclusion {
            Conclusion::Settled(verdict) => match sent && record.may_be_taken_by_earlier() {
                true => State::Waiting(attempting.refused(due, verdict)),
                false => State::Settled(verdict),
            },
            Conclusion::TurnedAway(cause) => {
                // What only asks for patience, or for another token, uses no attempt up.
                let put_off = matches!(cause.reason, OpenReason::Busy | OpenReason::Unauthorized);
                record.spent = record
                    .spent
                    .saturating_sub(u32::from(sent && put_off && counts));
                State::Waiting(attempting.turned_away(due, cause))
            }
            Conclusion::BatchRefused(cause) => {
                record.spent = record.spent.saturating_sub(u32::from(sent));
                State::Waiting(attempting.turned_away(due, cause))
            }
            Conclusion::Held(cause) => {
                record.spent = record.spent.saturating_sub(u32::from(sent && counts));
                State::Waiting(attempting.held(due, cause))
            }
            Conclusion::Lost(cause, may_arrive_for_ms) => {
                State::Waiting(attempting.lost(due, cause, may_arrive_for_ms))
            }
            Conclusion::LostOnTrial(cause, may_arrive_for_ms) => {
                record.spent = record.spent.saturating_sub(u32::from(sent));
                State::Waiting(attempting.lost(due, cause, may_arrive_for_ms))
            }
            Conclusion::TooEarly(refusal) => State::Waiting(match refusal {
                Some(refusal) => attempting.refused(due, refusal),
                None => attempting.too_early(due),
            }),
            Conclusion::NotSent(cause) => {
                record.attempts = record.attempts.saturating_sub(u32::from(sent));
                record.spent = record.spent.saturating_sub(u32::from(sent));
                State::Waiting(attempting.not_sent(due, cause))
            }
            Conclusion::NeverCharged => match attempting.before().refusal() {
                Some(refusal) if !record.given_up() => State::Settled(refusal.clone()),
                Some(_) | None => State::Waiting(attempting.never_charged(due)),
            },
            Conclusion::Park(reason, detail) => State::Parked(attempting.park(reason, detail)),
        };
        Some(record.turned(state, wall_ms).given_up_if_untaken())
    }

    /// Whether a sending before the one that is under way may have taken the points.
    fn may_be_taken_by_earlier(&self) -> bool {
        let State::Attempting(attempting) = &self.state else {
            return false;
        };
        let before = attempting.before();
        let unseen = self.adopted && !before.cleared();
        (before.in_doubt() || unseen) && !defect!(BelievesRefusalInDoubt)
    }

    /// What was given up ends as soon as it has certainly taken nothing.
    fn given_up_if_untaken(self) -> Record {
        let detail = match &self.state {
            State::Waiting(waiting)
                if !self.may_have_left() || waiting.cleared() || defect!(CancelsWithoutAsking) =>
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
        let waiting = match self.state.clone() {
            State::Waiting(waiting) => waiting.hurried(),
            State::Parked(parked) => parked.reopen(),
            State::Settled(Verdict::Declined(_) | Verdict::Failed(_)) => Waiting::default(),
            State::Settled(Verdict::Charged(_)) | State::Attempting(_) => return None,
        };
        let record = Record {
            taken_up: false,
            ..self
        };
        Some(record.waits_again(waiting.wanted(), wall_ms))
    }

    /// Its user asks for it again while it is being worked on: it is no longer given up, and what
    /// refused it before tells nothing of this try.
    pub fn wanted_after_all(self, wall_ms: u64) -> Record {
        match self.state.clone() {
            State::Attempting(attempting) => {
                self.turned(State::Attempting(attempting.wanted()), wall_ms)
            }
            State::Waiting(_) | State::Parked(_) | State::Settled(_) => self,
        }
    }

    /// Takes up again what is parked, or failed and may yet succeed, and makes due at once what
    /// waits; `None` for all else. What was given up stays given up.
    pub fn reopen(self, wall_ms: u64) -> Option<Record> {
        let waiting = match self.state.clone() {
            State::Waiting(waiting) => waiting.hurried(),
            State::Parked(parked) => parked.reopen(),
            State::Settled(Verdict::Failed(failure)) if failure.retryable => Waiting::default(),
            State::Settled(Verdict::Charged(_) | Verdict::Declined(_) | Verdict::Failed(_))
            | State::Attempting(_) => return None,
        };
        Some(self.waits_again(waiting, wall_ms))
    }

    /// As [`Record::reopen`], for what failed, without its user: once.
    pub fn take_up(self, wall_ms: u64) -> Option<Record> {
        if self.taken_up || !self.is_retryable() {
            return None;
        }
        let record = Record {
            taken_up: true,
            ..self
        };
        record.reopen(wall_ms)
    }

    fn waits_again(self, waiting: Waiting, wall_ms: u64) -> Record {
        let record = Record { spent: 0, ..self };
        record.turned(State::Waiting(waiting), wall_ms)
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

    /// Its tab has seen the wall clock set back since it was taken on: how old its key is, nobody
    /// knows from now on. `None` for what has its verdict, and where it is noted already.
    pub fn loses_age(self) -> Option<Record> {
        let matters = !self.ageless && self.is_held();
        // Its times stay as they were written down: how long it waits is counted from then.
        matters.then(|| Record {
            ageless: true,
            revision: self.revision.saturating_add(1),
            ..self
        })
    }

    /// Refuses to take on what is new: at once, or once it is known that nothing was taken before.
    pub fn turned_down(self, failure: Failure) -> Record {
        let refusal = Verdict::Failed(failure);
        let state = match self.state.clone() {
            State::Waiting(waiting) if waiting.in_doubt() => {
                State::Waiting(waiting.turned_down(refusal))
            }
            State::Waiting(_) | State::Attempting(_) | State::Parked(_) | State::Settled(_) => {
                State::Settled(refusal)
            }
        };
        Record { state, ..self }
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

    /// The journal has lost it: nobody can tell what became of it.
    pub fn vanished(self, detail: String, wall_ms: u64) -> Record {
        let parked = Parked::new(ParkReason::RetriesExhausted, detail);
        self.turned(State::Parked(parked), wall_ms)
    }

    pub(super) fn turned(self, state: State, wall_ms: u64) -> Record {
        Record {
            ageless: self.ageless || self.is_after(wall_ms),
            revision: self.revision.saturating_add(1),
            updated_at_ms: wall_ms,
            state,
            ..self
        }
    }

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

#[cfg(test)]
mod tests;
