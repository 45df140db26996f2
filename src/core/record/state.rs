//! Where a charge stands: each state is a type of its own, and its methods are the transitions
//! that leave it.

use serde::{Deserialize, Serialize};

use super::verdict::{Cause, Verdict};
use crate::core::outcome::ParkReason;

/// Where a charge stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
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

/// One tab's timed right to work on one charge.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// The tab.
    pub tab: String,
    /// When the right ends, milliseconds since the Unix epoch.
    pub until_ms: u64,
    /// How long it lasts at most, in milliseconds: its tab's own limits decide that, whoever
    /// judges it. One that does not say does not hold.
    #[serde(default)]
    pub length_ms: u64,
}

impl Claim {
    /// Whether it holds at `wall_ms`. One that ends further ahead than it is long was made before
    /// the clock was set back, and does not hold.
    pub fn holds_at(&self, wall_ms: u64) -> bool {
        let left = self.until_ms.saturating_sub(wall_ms);
        let holds = left > 0 && left <= self.lasts_ms() && !defect!(NoClaimsNoKeys);
        holds || defect!(ClaimNeverEnds)
    }

    /// How long it lasts at most, in milliseconds.
    pub fn lasts_ms(&self) -> u64 {
        match defect!(ClaimOfOneLength) {
            true => self.length_ms.min(6_000),
            false => self.length_ms,
        }
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

/// When the next attempt is due.
#[derive(Clone, Copy, Debug)]
pub(super) struct Due {
    at_ms: u64,
    in_ms: u64,
}

impl Due {
    /// In so many milliseconds from `wall_ms` on.
    pub(super) fn after(wall_ms: u64, in_ms: u64) -> Due {
        Due {
            at_ms: wall_ms.saturating_add(in_ms),
            in_ms,
        }
    }
}

/// Open, and nobody is sending it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiting {
    next_attempt_at_ms: u64,
    /// How long that was, when it was written down; milliseconds.
    #[serde(default)]
    next_attempt_in_ms: u64,
    cause: Option<Cause>,
    /// An attempt may have reached the server and no conclusive answer came.
    in_doubt: bool,
    /// Since the last sending the server has said that it never charged this key.
    cleared: bool,
    /// Look-ups in a row that brought no answer.
    look_ups: u32,
    /// Until when an unanswered sending may still arrive; milliseconds since the Unix epoch.
    #[serde(default)]
    may_arrive_until_ms: u64,
    /// How long that was, when it was written down; milliseconds.
    #[serde(default)]
    may_arrive_for_ms: u64,
    /// Its user gave it up, and this is what to tell once it is known that nothing was taken.
    #[serde(default)]
    given_up: Option<String>,
    /// The server asked the whole queue to wait for as long as this charge does.
    #[serde(default)]
    holds_queue: bool,
    /// The server is to be asked what it knows of the key before it is sent again.
    #[serde(default)]
    look_up_first: bool,
    /// The server refused to charge it, after an earlier sending whose end nobody knows.
    #[serde(default)]
    refusal: Option<Verdict>,
}

impl Waiting {
    /// Of a charge of whose past nothing is known: what was sent may still arrive for so long.
    pub(super) fn doubted(wall_ms: u64, may_arrive_for_ms: u64) -> Waiting {
        Waiting {
            in_doubt: true,
            may_arrive_until_ms: wall_ms.saturating_add(may_arrive_for_ms),
            may_arrive_for_ms,
            ..Waiting::default()
        }
    }

    /// Not taken on for this reason, which is told once it is known that nothing was taken before.
    pub(super) fn turned_down(self, refusal: Verdict) -> Waiting {
        Waiting {
            refusal: Some(refusal),
            ..self
        }
    }

    /// It was told as not taken by somebody who did not know of it: so it stays, unless the server
    /// says that it has charged it.
    pub(super) fn told_final(self, refusal: Verdict) -> Waiting {
        Waiting {
            in_doubt: true,
            cleared: false,
            ..self.hurried().turned_down(refusal)
        }
    }

    /// It may have been sent since the server said that it never charged it.
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

    /// How long after it was written down that instant came, in milliseconds: nobody waits longer,
    /// whatever the wall clock says by now.
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

    /// Whether the server said, since the last sending, that it never charged this key.
    pub fn cleared(&self) -> bool {
        self.cleared
    }

    /// Look-ups in a row that brought no answer.
    pub fn look_ups(&self) -> u32 {
        self.look_ups
    }

    /// Until when a sending without an answer may still reach the server, milliseconds since
    /// the Unix epoch: before that, "nothing was taken" is nobody's to say.
    pub fn may_arrive_until_ms(&self) -> u64 {
        self.may_arrive_until_ms
    }

    /// How long after it was written down that instant came, in milliseconds: nobody waits longer,
    /// whatever the wall clock says by now.
    pub fn may_arrive_for_ms(&self) -> u64 {
        self.may_arrive_for_ms
    }

    /// What its user is told once it is known that nothing was taken, if they gave it up.
    pub fn given_up(&self) -> Option<&str> {
        self.given_up.as_deref()
    }

    /// Whether the server asked the whole queue to wait until its next attempt.
    pub fn holds_queue(&self) -> bool {
        self.holds_queue
    }

    /// Whether the server is to be asked what it knows of the key before it is sent again.
    pub fn look_up_first(&self) -> bool {
        self.look_up_first
    }

    /// What the server answered to a later sending than the one that is in doubt: to be told once
    /// it is known that none of them took anything.
    pub fn refusal(&self) -> Option<&Verdict> {
        self.refusal.as_ref()
    }

    /// One tab takes the right to work on it.
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

    /// Due at once.
    pub(super) fn hurried(self) -> Waiting {
        Waiting {
            next_attempt_at_ms: 0,
            next_attempt_in_ms: 0,
            look_ups: 0,
            holds_queue: false,
            ..self
        }
    }

    /// Given up by its user, and to be looked up at once.
    pub(super) fn gives_up(self, detail: String) -> Waiting {
        Waiting {
            given_up: Some(detail),
            ..self.hurried()
        }
    }

    /// Asked for again by its user.
    pub(super) fn wanted(self) -> Waiting {
        Waiting {
            given_up: None,
            refusal: None,
            look_up_first: false,
            ..self
        }
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

    /// Whether the server's word that it never charged this key holds even if the claimant goes
    /// away without a word.
    pub fn stays_cleared(&self) -> bool {
        self.purpose == Purpose::LookUp && self.before.cleared
    }

    /// The claimant went away without a word: what it was doing may have reached the server.
    pub(super) fn abandoned(self) -> Waiting {
        match self.purpose {
            Purpose::Send => Waiting {
                in_doubt: true,
                cleared: false,
                // Later than whatever was sent before.
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

    /// This attempt may have taken the points; it or an earlier one may yet, for so long from now
    /// on.
    pub(super) fn lost(self, due: Due, cause: Cause, may_arrive_for_ms: u64) -> Waiting {
        let wall_ms = due.at_ms.saturating_sub(due.in_ms);
        Waiting {
            in_doubt: true,
            may_arrive_until_ms: wall_ms.saturating_add(may_arrive_for_ms),
            may_arrive_for_ms,
            ..self.turned_away(due, cause)
        }
    }

    /// The server says that nothing was taken, but an earlier sending may still arrive.
    pub(super) fn too_early(self, due: Due) -> Waiting {
        Waiting {
            next_attempt_at_ms: due.at_ms,
            next_attempt_in_ms: due.in_ms,
            in_doubt: true,
            cleared: false,
            ..self.before
        }
    }

    /// The server refused this sending. An earlier one is in doubt, of which that says nothing.
    pub(super) fn refused(self, due: Due, refusal: Verdict) -> Waiting {
        Waiting {
            next_attempt_at_ms: due.at_ms,
            next_attempt_in_ms: due.in_ms,
            in_doubt: true,
            cleared: false,
            look_ups: 0,
            refusal: Some(refusal),
            ..self.before
        }
    }

    /// As [`Waiting::told_final`].
    pub(super) fn told_final(self, refusal: Verdict) -> Attempting {
        Attempting {
            before: self.before.told_final(refusal),
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

    /// Its user gives it up while it is being worked on.
    pub(super) fn gives_up(self, detail: String) -> Attempting {
        Attempting {
            before: self.before.gives_up(detail),
            ..self
        }
    }

    /// Its user asks for it again while it is being worked on.
    pub(super) fn wanted(self) -> Attempting {
        Attempting {
            before: self.before.wanted(),
            ..self
        }
    }

    /// No verdict is to be had.
    pub(super) fn park(self, reason: ParkReason, detail: String) -> Parked {
        Parked {
            may_arrive_until_ms: self.before.may_arrive_until_ms,
            may_arrive_for_ms: self.before.may_arrive_for_ms,
            given_up: self.before.given_up,
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

/// Without a verdict, and no longer tried.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parked {
    reason: ParkReason,
    detail: String,
    #[serde(default)]
    may_arrive_until_ms: u64,
    #[serde(default)]
    may_arrive_for_ms: u64,
    #[serde(default)]
    given_up: Option<String>,
}

impl Parked {
    pub(super) fn new(reason: ParkReason, detail: String) -> Parked {
        Parked {
            reason,
            detail,
            may_arrive_until_ms: 0,
            may_arrive_for_ms: 0,
            given_up: None,
        }
    }

    /// Why.
    pub fn reason(&self) -> ParkReason {
        self.reason
    }

    /// For people.
    pub fn detail(&self) -> &str {
        &self.detail
    }

    /// Until when a sending without an answer may still reach the server, milliseconds since
    /// the Unix epoch.
    pub fn may_arrive_until_ms(&self) -> u64 {
        self.may_arrive_until_ms
    }

    /// How long after it was written down that instant came, in milliseconds.
    pub fn may_arrive_for_ms(&self) -> u64 {
        self.may_arrive_for_ms
    }

    /// To be tried again: whether it was charged is as open as before.
    pub(super) fn reopen(self) -> Waiting {
        Waiting {
            in_doubt: true,
            may_arrive_until_ms: self.may_arrive_until_ms,
            may_arrive_for_ms: self.may_arrive_for_ms,
            given_up: self.given_up,
            look_up_first: true,
            ..Waiting::default()
        }
    }
}
