//! A charge at rest: its states, and the only transitions between them.
//!
//! ```text
//!  open ──► Waiting ──── begin ───► Attempting ───► Settled: Charged, the end
//!            ▲ ▲ │ ▲                 │  │  └──────► Settled: Declined, Failed
//!            │ │ │ └── no verdict ───┘  │                │
//!            │ │ └──── cancel ──► Settled: Failed        │
//!            │ └─────── reopen ─── Parked ◄── park ──────┤
//!            └───────────────────── ask again, reopen ───┘
//! ```
//!
//! `docs/states.md` lists all of them, with their public names.
//!
//! Each state is a type of its own, and its methods are the transitions that leave it. A receipt
//! has none: a charged charge stays charged.

mod state;
mod verdict;

use self::state::Due;
pub use self::state::{Attempting, Claim, Parked, Purpose, State, Waiting};
pub use self::verdict::{Cause, Conclusion, Decline, Failure, Receipt, Verdict};
use super::charge::Charge;
use super::clock::CLOCK_SLACK_MS;
use crate::core::reason::{FailureReason, OpenReason, ParkReason};
use crate::core::text::Detail;

/// A charge and its state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    charge: Charge,
    sequence: u64,
    revision: u64,
    attempts: u32,
    spent: u32,
    updated_at_ms: u64,
    /// Whether the wall clock was set back since it was taken on, so that its age is unknown.
    ageless: bool,
    /// Whether it failed and was reopened automatically, which happens once.
    reopened_once: bool,
    /// Whether it was in a storage in which a crash may leave an earlier state, so that it may have
    /// been attempted more often than recorded.
    adopted: bool,
    /// Whether its key may have been sent, at an unknown time, before it was taken on, and the
    /// server has not been asked since.
    unknown_past: bool,
    state: State,
}

json_members! { stored Record {
    charge, sequence, revision, attempts, spent, updated_at_ms, ageless, reopened_once, adopted,
    unknown_past, state,
} }

impl Record {
    /// A newly taken-on charge.
    pub fn open(charge: Charge, sequence: u64) -> Record {
        Record {
            sequence,
            revision: 1,
            attempts: 0,
            spent: 0,
            updated_at_ms: charge.created_at_ms,
            ageless: false,
            reopened_once: false,
            adopted: false,
            unknown_past: false,
            state: State::Waiting(Waiting::default()),
            charge,
        }
    }

    /// A charge that failed before it was stored.
    pub fn failed(charge: Charge, sequence: u64, failure: Failure) -> Record {
        Record {
            state: State::Settled(Verdict::Failed(failure)),
            ..Record::open(charge, sequence)
        }
    }

    /// The charge itself.
    pub fn charge(&self) -> &Charge {
        &self.charge
    }

    /// Its state.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// Its place in the order in which charges were taken on.
    pub fn sequence(&self) -> u64 {
        self.sequence
    }

    /// The revision, which grows with every change.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// Charge requests so far.
    pub fn attempts(&self) -> u32 {
        self.attempts
    }

    /// Whether a charge request may have left, as far as the record shows.
    pub fn may_have_left(&self) -> bool {
        self.attempts > 0 || self.adopted
    }

    /// Whether another storage has, or had, a state of it.
    pub fn is_adopted(&self) -> bool {
        self.adopted
    }

    /// Whether a charge request may have left without a trace in the record, and the server has not
    /// said since that it never charged it.
    pub fn may_have_left_unseen(&self) -> bool {
        let cleared = match &self.state {
            State::Waiting(waiting) => waiting.cleared(),
            State::Attempting(_) | State::Parked(_) | State::Settled(_) => false,
        };
        self.adopted && !cleared
    }

    /// Charge requests since it was last (re)opened, which count against `maxTotalAttempts`.
    pub fn spent(&self) -> u32 {
        self.spent
    }

    /// Whether this is an earlier state since the same taking-on. A key that was dropped, or whose
    /// record is lost, begins anew when it is taken on again: perhaps at the same place in the
    /// order, since tabs whose clock was set back just count on.
    ///
    /// A receipt is the end, also where it is told before it is written, and something else was being
    /// written meanwhile: nothing without one is later.
    pub fn is_older_than(&self, other: &Record) -> bool {
        let same = self.charge.created_at_ms == other.charge.created_at_ms;
        let ended = other.receipt().is_some() && self.receipt().is_none();
        same && (self.is_before(other) || ended && self.sequence == other.sequence)
    }

    /// As [`Record::is_older_than`], for records of which one may have joined another, and which
    /// then has the age of the older one.
    fn is_before(&self, other: &Record) -> bool {
        self.sequence == other.sequence && self.revision < other.revision
    }

    /// Its age since it was taken on, in milliseconds; `None` if the clock was set back since, or
    /// its key may be older.
    pub fn age_ms(&self, wall_ms: u64) -> Option<u64> {
        let age_ms = wall_ms.checked_sub(self.charge.created_at_ms)?;
        let unknown = self.ageless || self.unknown_past || self.is_after(wall_ms);
        (!unknown).then_some(age_ms)
    }

    /// Whether the time at which its key was first sent, if it was, is unknown.
    pub fn has_unknown_past(&self) -> bool {
        self.unknown_past
    }

    /// Whether its age is known to be uncertain.
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

    /// Whether it has no verdict and is still being tried.
    pub fn is_open(&self) -> bool {
        match &self.state {
            State::Waiting(_) | State::Attempting(_) => true,
            State::Parked(_) | State::Settled(_) => false,
        }
    }

    /// Whether its points are held: it is open, or parked without a verdict.
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

    /// Whether it failed, is retryable, and has not been reopened automatically.
    pub fn may_be_reopened(&self) -> bool {
        self.is_retryable() && !self.reopened_once
    }

    /// Whether it failed, nothing taken, and is retryable.
    pub fn is_retryable(&self) -> bool {
        matches!(&self.state, State::Settled(Verdict::Failed(failure)) if failure.retryable)
    }

    /// The claim on it, if it is being attempted.
    pub fn claim(&self) -> Option<&Claim> {
        match &self.state {
            State::Attempting(attempting) => Some(attempting.claim()),
            State::Waiting(_) | State::Parked(_) | State::Settled(_) => None,
        }
    }

    /// Until when an unanswered request may still reach the server, milliseconds since the Unix
    /// epoch.
    pub fn may_arrive_until_ms(&self) -> u64 {
        match &self.state {
            State::Waiting(waiting) => waiting.may_arrive_until_ms(),
            State::Attempting(attempting) => attempting.before().may_arrive_until_ms(),
            State::Parked(parked) => parked.may_arrive_until_ms(),
            State::Settled(_) => 0,
        }
    }

    /// How long that was when it was written, in milliseconds.
    pub fn may_arrive_for_ms(&self) -> u64 {
        match &self.state {
            State::Waiting(waiting) => waiting.may_arrive_for_ms(),
            State::Attempting(attempting) => attempting.before().may_arrive_for_ms(),
            State::Parked(parked) => parked.may_arrive_for_ms(),
            State::Settled(_) => 0,
        }
    }

    /// The purpose and number of the attempt under way.
    pub fn attempt(&self) -> Option<(Purpose, u32)> {
        match &self.state {
            State::Attempting(attempting) => Some((attempting.purpose(), attempting.number())),
            State::Waiting(_) | State::Parked(_) | State::Settled(_) => None,
        }
    }

    /// Whether its user cancelled it while it is still open.
    pub fn is_cancelling(&self) -> bool {
        self.waits()
            .is_some_and(|waits| waits.cancel_detail().is_some())
    }

    /// Whether nothing was taken by its last request, while an earlier one is in doubt.
    pub fn has_provisional_verdict(&self) -> bool {
        self.waits()
            .is_some_and(|waits| waits.provisional_verdict().is_some())
    }

    /// Why it was not taken on, if it was not.
    pub fn failure(&self) -> Option<&Failure> {
        match &self.state {
            State::Settled(Verdict::Failed(failure)) => Some(failure),
            State::Settled(Verdict::Charged(_) | Verdict::Declined(_))
            | State::Waiting(_)
            | State::Attempting(_)
            | State::Parked(_) => None,
        }
    }

    /// Whether the server must be asked about its key before it is sent again: it was cancelled,
    /// answered with a provisional verdict, or parked.
    pub fn is_only_looked_up(&self) -> bool {
        let parked = self.waits().is_some_and(Waiting::look_up_first);
        self.is_cancelling() || self.has_provisional_verdict() || parked
    }

    /// Its waiting state, or the one before the attempt under way.
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

    /// Claims a waiting charge, or one whose claimant is gone; `None` if another tab holds a claim
    /// or it is not open.
    pub fn begin(self, purpose: Purpose, claim: Claim, wall_ms: u64) -> Option<Record> {
        if purpose == Purpose::Send && self.is_cancelling() {
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

    /// Records the conclusion of this attempt of `tab`; `None` if that changes nothing.
    ///
    /// A receipt is believed from any source at any time. Everything else counts only from the tab
    /// whose attempt is under way: a `declined` that arrives while another tab is sending the
    /// charge again is no longer certain. Neither is one after a request whose fate is unknown,
    /// since the party that rejects it may not have looked at what the key has done.
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
            // The request that may still arrive was sent a moment ago, and its key is remembered as
            // long as that of a request sent now.
            record.unknown_past = false;
        }
        let counts = !defect!(CountsPutOffAttempts);
        let state = match conclusion {
            Conclusion::Settled(verdict) => match sent && record.may_be_taken_by_earlier() {
                true => State::Waiting(attempting.rejected(due, verdict)),
                false => State::Settled(verdict),
            },
            Conclusion::TurnedAway(cause) => {
                // A request to wait or for another token uses no attempt up.
                let put_off = matches!(cause.reason, OpenReason::Busy | OpenReason::Unauthorized);
                record.spent = record
                    .spent
                    .saturating_sub(u32::from(sent && put_off && counts));
                State::Waiting(attempting.turned_away(due, cause))
            }
            Conclusion::BatchRejected(cause) => {
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
            Conclusion::TooEarly(verdict) => State::Waiting(match verdict {
                Some(verdict) => attempting.rejected(due, verdict),
                None => attempting.too_early(due),
            }),
            Conclusion::NotSent(cause) => {
                record.attempts = record.attempts.saturating_sub(u32::from(sent));
                record.spent = record.spent.saturating_sub(u32::from(sent));
                State::Waiting(attempting.not_sent(due, cause))
            }
            Conclusion::NeverCharged => match attempting.before().provisional_verdict() {
                Some(verdict) if !record.is_cancelling() => State::Settled(verdict.clone()),
                Some(_) | None => State::Waiting(attempting.never_charged(due)),
            },
            Conclusion::Park(reason, detail) => State::Parked(attempting.park(reason, detail)),
        };
        Some(record.turned(state, wall_ms).cancelled_if_untaken())
    }

    /// Whether a request before the attempt under way may have taken the points.
    fn may_be_taken_by_earlier(&self) -> bool {
        let State::Attempting(attempting) = &self.state else {
            return false;
        };
        let before = attempting.before();
        let unseen = self.adopted && !before.cleared();
        (before.in_doubt() || unseen) && !defect!(BelievesRejectionInDoubt)
    }

    /// A cancelled charge ends as soon as it has certainly taken nothing.
    fn cancelled_if_untaken(self) -> Record {
        let detail = match &self.state {
            State::Waiting(waiting)
                if !self.may_have_left() || waiting.cleared() || defect!(CancelsWithoutAsking) =>
            {
                waiting.cancel_detail().cloned()
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

    /// Reopens, for its user, a charge that is parked, declined, failed or cancelled, and makes a
    /// waiting one due at once; `None` if it is charged or being attempted.
    pub fn ask_again(self, wall_ms: u64) -> Option<Record> {
        let waiting = match self.state.clone() {
            State::Waiting(waiting) => waiting.hurried(),
            State::Parked(parked) => parked.reopen(),
            State::Settled(Verdict::Declined(_) | Verdict::Failed(_)) => Waiting::default(),
            State::Settled(Verdict::Charged(_)) | State::Attempting(_) => return None,
        };
        let record = Record {
            reopened_once: false,
            ..self
        };
        Some(record.waits_again(waiting.wanted(), wall_ms))
    }

    /// Its user requests it again during an attempt: it is no longer cancelled, and earlier
    /// verdicts say nothing of this try.
    pub fn wanted_after_all(self, wall_ms: u64) -> Record {
        match self.state.clone() {
            State::Attempting(attempting) => {
                self.turned(State::Attempting(attempting.wanted()), wall_ms)
            }
            State::Waiting(_) | State::Parked(_) | State::Settled(_) => self,
        }
    }

    /// Reopens a charge that is parked, or failed and retryable, and makes a waiting one due at
    /// once; `None` for all others. A cancelled charge stays cancelled.
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

    /// As [`Record::reopen`], for a failed charge, without its user: once.
    pub fn reopen_once(self, wall_ms: u64) -> Option<Record> {
        if self.reopened_once || !self.is_retryable() {
            return None;
        }
        let record = Record {
            reopened_once: true,
            ..self
        };
        record.reopen(wall_ms)
    }

    fn waits_again(self, waiting: Waiting, wall_ms: u64) -> Record {
        let record = Record { spent: 0, ..self };
        record.turned(State::Waiting(waiting), wall_ms)
    }

    /// Cancels a charge: at once if it has certainly taken nothing (never sent, or looked up
    /// since), else as soon as that is known. It is never sent again; `None` if it is settled or
    /// cancelled already.
    pub fn cancel(self, wall_ms: u64) -> Option<Record> {
        if self.is_cancelling() {
            return None;
        }
        let detail = match self.may_have_left() {
            true => Detail::Cancelled,
            false => Detail::CancelledUnsent,
        };
        let state = match self.state.clone() {
            State::Waiting(waiting) => State::Waiting(waiting.cancelled(detail)),
            State::Attempting(attempting) => State::Attempting(attempting.cancelled(detail)),
            State::Parked(parked) => State::Waiting(parked.reopen().cancelled(detail)),
            State::Settled(_) => return None,
        };
        Some(self.turned(state, wall_ms).cancelled_if_untaken())
    }

    /// Notes that its tab has seen the wall clock set back since it was taken on, so that the age
    /// of its key is unknown. `None` if it has its verdict, or this is noted already.
    pub fn loses_age(self) -> Option<Record> {
        let matters = !self.ageless && self.is_held();
        // The times stay as written: the wait is counted from then.
        matters.then(|| Record {
            ageless: true,
            revision: self.revision.saturating_add(1),
            ..self
        })
    }

    /// Refuses a new charge: at once, or once it is known that nothing was taken before.
    pub fn turned_down(self, failure: Failure) -> Record {
        let verdict = Verdict::Failed(failure);
        let state = match self.state.clone() {
            State::Waiting(waiting) if waiting.in_doubt() => {
                State::Waiting(waiting.turned_down(verdict))
            }
            State::Waiting(_) | State::Attempting(_) | State::Parked(_) | State::Settled(_) => {
                State::Settled(verdict)
            }
        };
        Record { state, ..self }
    }

    /// Refuses to reopen a declined or failed charge: `None` for all others.
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

    /// Marks a charge that the journal has lost and whose fate is unknown.
    pub fn vanished(self, wall_ms: u64) -> Record {
        let parked = Parked::new(ParkReason::RetriesExhausted, Detail::Gone);
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

    /// Marks a record adopted from another storage.
    pub fn adopted(self) -> Record {
        Record {
            adopted: true,
            ..self
        }
    }

    /// A newly taken-on charge whose key may have been sent before by a client whose record is lost
    /// or unreadable: that request may still arrive for `may_arrive_for_ms`.
    pub fn in_doubt(self, wall_ms: u64, may_arrive_for_ms: u64) -> Record {
        Record {
            adopted: true,
            unknown_past: true,
            state: State::Waiting(Waiting::doubted(wall_ms, may_arrive_for_ms)),
            ..self
        }
    }

    /// Notes that its key was used elsewhere for another charge, which may have been made at an
    /// unknown time. `None` if that changes nothing.
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

    /// This record in a store that may show an earlier state of it: it may have been sent since,
    /// whatever it says.
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

    /// This record joined with `other`, another storage's state of the same charge; `None` if that
    /// changes nothing.
    ///
    /// A receipt counts more than anything else. An open state counts more than a verdict of
    /// "nothing taken": the verdict was true when it was reported, but a caller who got `queued` or
    /// `unknown` was promised that the charge goes on. Yet if the verdict was reported without
    /// knowledge of the open state, that ends the same way once a look-up shows that nothing was
    /// taken.
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

    /// This open record, whose charge another storage has reported as not taken, finally.
    fn told_final_elsewhere(self, other: &Record, wall_ms: u64) -> Option<Record> {
        if self.sequence == other.sequence || !self.is_held() || self.has_provisional_verdict() {
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
