//! Verdicts, and the conclusions of attempts.

use crate::core::points::Points;
use crate::core::reason::{DeclineReason, FailureReason, OpenReason, ParkReason};
use crate::core::text::Detail;

/// The server's final word on a charge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The server has taken the points.
    Charged(Receipt),
    /// The server has declined.
    Declined(Decline),
    /// Nothing was taken, for another reason than the balance.
    Failed(Failure),
}

json_cases! { Verdict {
    Charged(receipt) = "charged",
    Declined(decline) = "declined",
    Failed(failure) = "failed",
} }

/// The server's receipt for a charge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// The server's id of the charge.
    pub charge_id: String,
    /// When the server took it, RFC 3339.
    pub charged_at: String,
    /// The balance that came with the answer.
    pub balance: Points,
    /// The version of that balance.
    pub version: u64,
    /// The points that the server held then, where it keeps holds.
    pub held: Option<Points>,
    /// The server had charged this key before.
    pub replayed: bool,
}

json_members! { stored Receipt { charge_id, charged_at, balance, version, held, replayed } }

/// The server's decision to take nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decline {
    /// The reason.
    pub reason: DeclineReason,
    /// The balance that the server reported.
    pub balance: Option<Points>,
    /// What there is to tell.
    pub detail: Detail,
}

json_members! { stored Decline { reason, balance, detail } }

/// A failure: nothing was taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The reason.
    pub reason: FailureReason,
    /// Whether a retry may succeed.
    pub retryable: bool,
    /// What there is to tell.
    pub detail: Detail,
}

json_members! { stored Failure { reason, retryable, detail } }

/// Why an attempt brought no verdict.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cause {
    /// The reason.
    pub reason: OpenReason,
    /// What there is to tell.
    pub detail: Detail,
}

json_members! { stored Cause { reason, detail } }

/// The conclusion of an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Conclusion {
    /// A verdict.
    Settled(Verdict),
    /// No verdict; this attempt certainly took nothing.
    TurnedAway(Cause),
    /// As `TurnedAway`, together with the rest of its batch: it is sent again alone, and the
    /// attempt does not count against `maxTotalAttempts`.
    BatchRejected(Cause),
    /// As `TurnedAway`, and the server asked the whole queue to wait until the next attempt.
    Held(Cause),
    /// No verdict; this attempt may have taken the points, and it or an earlier one may yet, for
    /// this many milliseconds from now.
    Lost(Cause, u64),
    /// As `Lost`, while nothing showed that there is a server at all: it does not count against
    /// `maxTotalAttempts`.
    LostOnTrial(Cause, u64),
    /// The server says that nothing was taken, but an earlier request may still arrive. If that was
    /// its answer to a sending, this is the rejection.
    TooEarly(Option<Verdict>),
    /// The request never left.
    NotSent(Cause),
    /// The server says that it never charged this key.
    NeverCharged,
    /// A verdict is unobtainable: stop trying, keep, and show.
    Park(ParkReason, Detail),
}

impl Conclusion {
    /// Whether it says that nothing has been taken, by this attempt or any before it.
    pub fn says_untaken(&self) -> bool {
        match self {
            Conclusion::Settled(Verdict::Declined(_) | Verdict::Failed(_))
            | Conclusion::NeverCharged => true,
            Conclusion::Settled(Verdict::Charged(_))
            | Conclusion::TurnedAway(_)
            | Conclusion::BatchRejected(_)
            | Conclusion::Held(_)
            | Conclusion::Lost(..)
            | Conclusion::LostOnTrial(..)
            | Conclusion::TooEarly(_)
            | Conclusion::NotSent(_)
            | Conclusion::Park(..) => false,
        }
    }

    /// The verdict, if it is one.
    pub fn verdict(self) -> Option<Verdict> {
        match self {
            Conclusion::Settled(verdict) => Some(verdict),
            Conclusion::TurnedAway(_)
            | Conclusion::BatchRejected(_)
            | Conclusion::Held(_)
            | Conclusion::Lost(..)
            | Conclusion::LostOnTrial(..)
            | Conclusion::TooEarly(_)
            | Conclusion::NotSent(_)
            | Conclusion::NeverCharged
            | Conclusion::Park(..) => None,
        }
    }

    /// Whether it is the server's statement that it did not know the key when asked.
    pub fn tells_of_key(&self) -> bool {
        match self {
            Conclusion::NeverCharged | Conclusion::TooEarly(_) => true,
            Conclusion::Settled(_)
            | Conclusion::TurnedAway(_)
            | Conclusion::BatchRejected(_)
            | Conclusion::Held(_)
            | Conclusion::Lost(..)
            | Conclusion::LostOnTrial(..)
            | Conclusion::NotSent(_)
            | Conclusion::Park(..) => false,
        }
    }
}
