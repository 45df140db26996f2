//! The states of a charge: each is a type of its own, and its methods are the transitions that
//! leave it.

use super::verdict::{Cause, Verdict};
use crate::core::reason::ParkReason;
use crate::core::text::Detail;

/// The state of a charge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// Open, and not being sent.
    Waiting(Waiting),
    /// Open, and claimed by one tab for sending or a look-up.
    Attempting(Attempting),
    /// Parked: without a verdict, and no longer tried.
    Parked(Parked),
    /// With a verdict.
    Settled(Verdict),
}

json_cases! { State {
    Waiting(waiting) = "waiting",
    Attempting(attempting) = "attempting",
    Parked(parked) = "parked",
    Settled(verdict) = "settled",
} }

/// One tab's timed right to work on one charge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The tab.
    pub tab: String,
    /// When the claim ends, milliseconds since the Unix epoch.
    pub until_ms: u64,
    /// Its longest duration, in milliseconds. The claiming tab's own limits decide that, whichever
    /// tab judges it.
    pub length_ms: u64,
}

json_members! { stored Claim { tab, until_ms, length_ms } }

impl Claim {
    /// Whether it holds at `wall_ms`. A claim that ends further ahead than it is long was made
    /// before the clock was set back, and does not hold.
    pub fn holds_at(&self, wall_ms: u64) -> bool {
        let left = self.until_ms.saturating_sub(wall_ms);
        let holds = left > 0 && left <= self.lasts_ms() && !defect!(NoClaimsNoKeys);
        holds || defect!(ClaimNeverEnds)
    }

    /// Its longest duration, in milliseconds.
    pub fn lasts_ms(&self) -> u64 {
        match defect!(ClaimOfOneLength) {
            true => self.length_ms.min(6_000),
            false => self.length_ms,
        }
    }
}

/// The purpose of a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// To send the charge.
    Send,
    /// To ask the server whether it has charged this key, which is harmless.
    LookUp,
}

json_cases! { Purpose { Send = "send", LookUp = "look_up" } }

/// When the next attempt is due.
#[derive(Clone, Copy, Debug)]
pub(super) struct Due {
    at_ms: u64,
    in_ms: u64,
}

impl Due {
    /// This many milliseconds after `wall_ms`.
    pub(super) fn after(wall_ms: u64, in_ms: u64) -> Due {
        Due {
            at_ms: wall_ms.saturating_add(in_ms),
            in_ms,
        }
    }
}

/// The state of an open charge that is not being sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Waiting {
    next_attempt_at_ms: u64,
    /// The delay when it was written, in milliseconds.
    next_attempt_in_ms: u64,
    cause: Option<Cause>,
    /// Whether an attempt may have reached the server without a conclusive answer.
    in_doubt: bool,
    /// Whether the server has said, since the last sending, that it never charged this key.
    cleared: bool,
    /// Consecutive look-ups without an answer.
    look_ups: u32,
    /// Until when an unanswered request may still arrive; milliseconds since the Unix epoch.
    may_arrive_until_ms: u64,
    /// The duration of that when it was written, in milliseconds.
    may_arrive_for_ms: u64,
    /// Set if its user cancelled it: the detail to report once it is known that nothing was taken.
    cancel_detail: Option<Detail>,
    /// Whether the server asked the whole queue to wait as long as this charge.
    holds_queue: bool,
    /// Whether the server must be asked about the key before it is sent again.
    look_up_first: bool,
    /// The verdict, if nothing has been taken by an earlier request in doubt.
    provisional_verdict: Option<Verdict>,
}

json_members! { stored Waiting {
    next_attempt_at_ms, next_attempt_in_ms, cause, in_doubt, cleared, look_ups,
    may_arrive_until_ms, may_arrive_for_ms, cancel_detail, holds_queue, look_up_first,
    provisional_verdict,
} }

impl Waiting {
    /// The state of a charge with an unknown past: an earlier request may still arrive for
    /// `may_arrive_for_ms`.
    pub(super) fn doubted(wall_ms: u64, may_arrive_for_ms: u64) -> Waiting {
        Waiting {
            in_doubt: true,
            may_arrive_until_ms: wall_ms.saturating_add(may_arrive_for_ms),
            may_arrive_for_ms,
            ..Waiting::default()
        }
    }

    /// Turned down for this reason, which is reported once it is known that nothing was taken
    /// before.
    pub(super) fn turned_down(self, verdict: Verdict) -> Waiting {
        Waiting {
            provisional_verdict: Some(verdict),
            ..self
        }
    }

    /// Reported as not taken by a tab that did not know of this state. That stands unless the
    /// server says that it has charged it.
    pub(super) fn told_final(self, verdict: Verdict) -> Waiting {
        Waiting {
            in_doubt: true,
            cleared: false,
            ..self.hurried().turned_down(verdict)
        }
    }

    /// Withdraws the server's "never charged", since it may have been sent again after it.
    pub(super) fn uncleared(self) -> Waiting {
        Waiting {
            cleared: false,
            ..self
        }
    }

    /// When the next attempt is due, milliseconds since the Unix epoch.
    pub fn next_attempt_at_ms(&self) -> u64 {
        self.next_attempt_at_ms
    }

    /// How long that was when it was written, in milliseconds. No tab waits longer, whatever the
    /// wall clock says by now.
    pub fn next_attempt_in_ms(&self) -> u64 {
        self.next_attempt_in_ms
    }

    /// Why the last attempt brought no verdict.
    pub fn cause(&self) -> Option<&Cause> {
        self.cause.as_ref()
    }

    /// Whether an attempt may have reached the server.
    pub fn in_doubt(&self) -> bool {
        self.in_doubt
    }

    /// Whether the server has said, since the last sending, that it never charged this key.
    pub fn cleared(&self) -> bool {
        self.cleared
    }

    /// Consecutive look-ups without an answer.
    pub fn look_ups(&self) -> u32 {
        self.look_ups
    }

    /// Until when an unanswered request may still reach the server, milliseconds since the Unix
    /// epoch: until then "nothing taken" is never certain.
    pub fn may_arrive_until_ms(&self) -> u64 {
        self.may_arrive_until_ms
    }

    /// How long that was when it was written, in milliseconds. No tab waits longer, whatever the
    /// wall clock says by now.
    pub fn may_arrive_for_ms(&self) -> u64 {
        self.may_arrive_for_ms
    }

    /// If its user cancelled it, the detail to report once it is known that nothing was taken.
    pub fn cancel_detail(&self) -> Option<&Detail> {
        self.cancel_detail.as_ref()
    }

    /// Whether the server asked the whole queue to wait until its next attempt.
    pub fn holds_queue(&self) -> bool {
        self.holds_queue
    }

    /// Whether the server must be asked about the key before it is sent again.
    pub fn look_up_first(&self) -> bool {
        self.look_up_first
    }

    /// The verdict on a later request than the one in doubt, to be reported once it is
    /// known that none of them took anything.
    pub fn provisional_verdict(&self) -> Option<&Verdict> {
        self.provisional_verdict.as_ref()
    }

    /// Claims it for one tab.
    pub(super) fn begin(self, number: u32, purpose: Purpose, claim: Claim) -> Attempting {
        Attempting {
            claim,
            purpose,
            number,
            before: Waiting {
                holds_queue: false,
                ..self
            },
        }
    }

    /// Makes it due at once.
    pub(super) fn hurried(self) -> Waiting {
        Waiting {
            next_attempt_at_ms: 0,
            next_attempt_in_ms: 0,
            look_ups: 0,
            holds_queue: false,
            ..self
        }
    }

    /// Cancels it, with a look-up due at once.
    pub(super) fn cancelled(self, detail: Detail) -> Waiting {
        Waiting {
            cancel_detail: Some(detail),
            ..self.hurried()
        }
    }

    /// Requested again by its user.
    pub(super) fn wanted(self) -> Waiting {
        Waiting {
            cancel_detail: None,
            provisional_verdict: None,
            look_up_first: false,
            ..self
        }
    }
}

/// The state of an open charge that one tab has claimed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempting {
    claim: Claim,
    purpose: Purpose,
    number: u32,
    before: Waiting,
}

json_members! { stored Attempting { claim, purpose, number, before } }

impl Attempting {
    /// The claim.
    pub fn claim(&self) -> &Claim {
        &self.claim
    }

    /// The purpose of the attempt.
    pub fn purpose(&self) -> Purpose {
        self.purpose
    }

    /// The attempt's number.
    pub fn number(&self) -> u32 {
        self.number
    }

    /// The state before the claim.
    pub fn before(&self) -> &Waiting {
        &self.before
    }

    /// Whether the server's "never charged" holds even if the claimant vanishes.
    pub fn stays_cleared(&self) -> bool {
        self.purpose == Purpose::LookUp && self.before.cleared
    }

    /// The claimant vanished: its request may have reached the server.
    pub(super) fn abandoned(self) -> Waiting {
        match self.purpose {
            Purpose::Send => Waiting {
                in_doubt: true,
                cleared: false,
                // Later than anything sent before.
                may_arrive_until_ms: self.claim.until_ms,
                may_arrive_for_ms: self.claim.lasts_ms(),
                ..self.before
            },
            Purpose::LookUp => self.before,
        }
    }

    /// The server answered, without a verdict; this attempt took nothing.
    pub(super) fn turned_away(self, due: Due, cause: Cause) -> Waiting {
        match self.purpose {
            Purpose::Send => Waiting {
                next_attempt_at_ms: due.at_ms,
                next_attempt_in_ms: due.in_ms,
                cause: Some(cause),
                cleared: false,
                look_ups: 0,
                ..self.before
            },
            Purpose::LookUp => Waiting {
                next_attempt_at_ms: due.at_ms,
                next_attempt_in_ms: due.in_ms,
                cause: Some(cause),
                look_ups: self.before.look_ups.saturating_add(1),
                ..self.before
            },
        }
    }

    /// As [`Attempting::turned_away`], and the whole queue waits as long as this charge.
    pub(super) fn held(self, due: Due, cause: Cause) -> Waiting {
        Waiting {
            holds_queue: true,
            ..match self.purpose {
                Purpose::Send => self.turned_away(due, cause),
                Purpose::LookUp => self.not_sent(due, cause),
            }
        }
    }

    /// This attempt may have taken the points; it or an earlier one may yet, for
    /// `may_arrive_for_ms` from now.
    pub(super) fn lost(self, due: Due, cause: Cause, may_arrive_for_ms: u64) -> Waiting {
        let wall_ms = due.at_ms.saturating_sub(due.in_ms);
        Waiting {
            in_doubt: true,
            may_arrive_until_ms: wall_ms.saturating_add(may_arrive_for_ms),
            may_arrive_for_ms,
            ..self.turned_away(due, cause)
        }
    }

    /// The server says that nothing was taken, but an earlier request may still arrive.
    pub(super) fn too_early(self, due: Due) -> Waiting {
        Waiting {
            next_attempt_at_ms: due.at_ms,
            next_attempt_in_ms: due.in_ms,
            in_doubt: true,
            cleared: false,
            ..self.before
        }
    }

    /// The server rejected this sending, which says nothing of an earlier one in doubt.
    pub(super) fn rejected(self, due: Due, verdict: Verdict) -> Waiting {
        Waiting {
            next_attempt_at_ms: due.at_ms,
            next_attempt_in_ms: due.in_ms,
            in_doubt: true,
            cleared: false,
            look_ups: 0,
            provisional_verdict: Some(verdict),
            ..self.before
        }
    }

    /// As [`Waiting::told_final`].
    pub(super) fn told_final(self, verdict: Verdict) -> Attempting {
        Attempting {
            before: self.before.told_final(verdict),
            ..self
        }
    }

    /// As [`Waiting::uncleared`].
    pub(super) fn uncleared(self) -> Attempting {
        Attempting {
            before: self.before.uncleared(),
            ..self
        }
    }

    pub(super) fn not_sent(self, due: Due, cause: Cause) -> Waiting {
        Waiting {
            next_attempt_at_ms: due.at_ms,
            next_attempt_in_ms: due.in_ms,
            cause: Some(cause),
            ..self.before
        }
    }

    /// Its user cancels it during the attempt.
    pub(super) fn cancelled(self, detail: Detail) -> Attempting {
        Attempting {
            before: self.before.cancelled(detail),
            ..self
        }
    }

    /// Its user requests it again during the attempt.
    pub(super) fn wanted(self) -> Attempting {
        Attempting {
            before: self.before.wanted(),
            ..self
        }
    }

    /// A verdict is unobtainable: parks it.
    pub(super) fn park(self, reason: ParkReason, detail: Detail) -> Parked {
        Parked {
            may_arrive_until_ms: self.before.may_arrive_until_ms,
            may_arrive_for_ms: self.before.may_arrive_for_ms,
            cancel_detail: self.before.cancel_detail,
            ..Parked::new(reason, detail)
        }
    }

    pub(super) fn never_charged(self, due: Due) -> Waiting {
        Waiting {
            next_attempt_at_ms: due.at_ms,
            next_attempt_in_ms: due.in_ms,
            in_doubt: false,
            cleared: true,
            look_ups: 0,
            look_up_first: false,
            ..self.before
        }
    }
}

/// The state of a charge without a verdict that is no longer tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parked {
    reason: ParkReason,
    detail: Detail,
    may_arrive_until_ms: u64,
    may_arrive_for_ms: u64,
    cancel_detail: Option<Detail>,
}

json_members! { stored Parked {
    reason, detail, may_arrive_until_ms, may_arrive_for_ms, cancel_detail,
} }

impl Parked {
    pub(super) fn new(reason: ParkReason, detail: Detail) -> Parked {
        Parked {
            reason,
            detail,
            may_arrive_until_ms: 0,
            may_arrive_for_ms: 0,
            cancel_detail: None,
        }
    }

    /// Why it was parked.
    pub fn reason(&self) -> ParkReason {
        self.reason
    }

    /// What there is to tell.
    pub fn detail(&self) -> &Detail {
        &self.detail
    }

    /// Until when an unanswered request may still reach the server, milliseconds since the Unix
    /// epoch.
    pub fn may_arrive_until_ms(&self) -> u64 {
        self.may_arrive_until_ms
    }

    /// How long that was when it was written, in milliseconds.
    pub fn may_arrive_for_ms(&self) -> u64 {
        self.may_arrive_for_ms
    }

    /// Waits again; whether it was charged is as uncertain as before.
    pub(super) fn reopen(self) -> Waiting {
        Waiting {
            in_doubt: true,
            may_arrive_until_ms: self.may_arrive_until_ms,
            may_arrive_for_ms: self.may_arrive_for_ms,
            cancel_detail: self.cancel_detail,
            look_up_first: true,
            ..Waiting::default()
        }
    }
}
