//! The final word on a charge, and what an attempt for one came to.

use serde::{Deserialize, Serialize};

use crate::core::outcome::{DeclineReason, FailureReason, OpenReason, ParkReason};
use crate::core::points::Points;

/// The final word on a charge.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
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

/// What an attempt came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Conclusion {
    /// A verdict.
    Settled(Verdict),
    /// No verdict; this attempt certainly took nothing.
    TurnedAway(Cause),
    /// As `TurnedAway`, with all others of its batch: it goes out again alone, and the attempt
    /// does not count against `maxTotalAttempts`.
    BatchRefused(Cause),
    /// As `TurnedAway`, and the server asked the whole queue to wait until the next attempt.
    Held(Cause),
    /// No verdict; this attempt may have taken the points, and it or an earlier one may yet, for
    /// so many milliseconds from now.
    Lost(Cause, u64),
    /// As `Lost`, while nothing showed that there is a server at all: it does not count against
    /// `maxTotalAttempts`.
    LostOnTrial(Cause, u64),
    /// The server says that nothing was taken, but an earlier sending may still arrive. Where that
    /// was its answer to a sending, this is what it refused it with.
    TooEarly(Option<Verdict>),
    /// The request never left.
    NotSent(Cause),
    /// The server says that it never charged this key.
    NeverCharged,
    /// No verdict is to be had: stop trying, keep, and show.
    Park(ParkReason, String),
}

impl Conclusion {
    /// Whether it says that nothing has been taken, by this attempt and by all before it.
    pub fn says_untaken(&self) -> bool {
        match self {
            Conclusion::Settled(Verdict::Declined(_) | Verdict::Failed(_))
            | Conclusion::NeverCharged => true,
            Conclusion::Settled(Verdict::Charged(_))
            | Conclusion::TurnedAway(_)
            | Conclusion::BatchRefused(_)
            | Conclusion::Held(_)
            | Conclusion::Lost(..)
            | Conclusion::LostOnTrial(..)
            | Conclusion::TooEarly(_)
            | Conclusion::NotSent(_)
            | Conclusion::Park(..) => false,
        }
    }

    /// The verdict, if it has come to one.
    pub fn verdict(self) -> Option<Verdict> {
        match self {
            Conclusion::Settled(verdict) => Some(verdict),
            Conclusion::TurnedAway(_)
            | Conclusion::BatchRefused(_)
            | Conclusion::Held(_)
            | Conclusion::Lost(..)
            | Conclusion::LostOnTrial(..)
            | Conclusion::TooEarly(_)
            | Conclusion::NotSent(_)
            | Conclusion::NeverCharged
            | Conclusion::Park(..) => None,
        }
    }

    /// Whether it is the server's word that it did not know the key when it was asked.
    pub fn tells_of_key(&self) -> bool {
        match self {
            Conclusion::NeverCharged | Conclusion::TooEarly(_) => true,
            Conclusion::Settled(_)
            | Conclusion::TurnedAway(_)
            | Conclusion::BatchRefused(_)
            | Conclusion::Held(_)
            | Conclusion::Lost(..)
            | Conclusion::LostOnTrial(..)
            | Conclusion::NotSent(_)
            | Conclusion::Park(..) => false,
        }
    }
}
