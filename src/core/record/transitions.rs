//! The ways of a record from one state to another, and no others.

use super::state::Due;
use super::{Claim, Conclusion, Failure, Parked, Purpose, Record, State, Verdict, Waiting};
use crate::core::outcome::{FailureReason, OpenReason, ParkReason};

impl Record {
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
}
