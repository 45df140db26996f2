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

    /// One tab takes the right to work on it.
    pub(super) fn begin(self, number: u32, purpose: Purpose, claim: Claim) -> Attempting {
        Attempting {
            claim,
            purpose,
            number,
            before: self,
        }
    }

    /// Due at once.
    pub(super) fn hurried(self) -> Waiting {
        Waiting {
            next_attempt_at_ms: 0,
            look_ups: 0,
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

    /// The claimant went away without a word: what it was doing may have reached the server.
    pub(super) fn abandoned(self) -> Waiting {
        match self.purpose {
            Purpose::Send => Waiting {
                in_doubt: true,
                cleared: false,
                ..self.before
            },
            Purpose::LookUp => self.before,
        }
    }

    pub(super) fn answered_without_verdict(
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

    pub(super) fn not_sent(self, next_attempt_at_ms: u64, cause: Cause) -> Waiting {
        Waiting {
            next_attempt_at_ms,
            cause: Some(cause),
            ..self.before
        }
    }

    pub(super) fn never_charged(self, next_attempt_at_ms: u64) -> Waiting {
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
    pub(super) fn new(reason: ParkReason, detail: String) -> Parked {
        Parked { reason, detail }
    }

    /// Why.
    pub fn reason(&self) -> ParkReason {
        self.reason
    }

    /// For people.
    pub fn detail(&self) -> &str {
        &self.detail
    }

    /// To be tried again: whether it was charged is as open as before.
    pub(super) fn reopen(self) -> Waiting {
        Waiting {
            in_doubt: true,
            ..Waiting::default()
        }
    }
}
