//! The ends of attempts.

use tollbox::core::outcome::{DeclineReason, FailureReason, OpenReason, ParkReason};
use tollbox::core::points::Points;
use tollbox::core::record::{Cause, Conclusion, Decline, Failure, Receipt, Verdict};
use tollbox::core::text::Detail;

/// The end of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum End {
    Charged,
    Declined,
    /// The server never charged it.
    NeverCharged,
    /// The same, and the attempts are used up.
    Exhausted,
    /// The server won't tell, and nothing else is left to try.
    Parked,
    /// The server had no time.
    TurnedAway,
    NotSent,
    /// No answer came; this request, or an earlier one, may still arrive for this long.
    Lost(u64),
    /// Nothing was taken, but an earlier sending may still arrive for this long.
    TooEarly(u64),
    /// Declined, but an earlier sending may still arrive for this long.
    DeclinedTooEarly(u64),
}

impl End {
    pub fn conclusion(self) -> Conclusion {
        let cause = Cause {
            reason: OpenReason::Unreachable,
            detail: Detail::Said(None),
        };
        match self {
            End::Charged => Conclusion::Settled(Verdict::Charged(Receipt {
                charge_id: String::new(),
                charged_at: String::new(),
                balance: Points::ZERO,
                version: 1,
                held: None,
                replayed: false,
            })),
            End::Declined => Conclusion::Settled(declined()),
            End::NeverCharged => Conclusion::NeverCharged,
            End::Exhausted => Conclusion::Settled(Verdict::Failed(Failure {
                reason: FailureReason::RetriesExhausted,
                retryable: true,
                detail: Detail::Said(None),
            })),
            End::Parked => Conclusion::Park(ParkReason::RetriesExhausted, Detail::Said(None)),
            End::TurnedAway => Conclusion::TurnedAway(cause),
            End::NotSent => Conclusion::NotSent(cause),
            End::Lost(for_ms) => Conclusion::Lost(cause, for_ms),
            End::TooEarly(_) => Conclusion::TooEarly(None),
            End::DeclinedTooEarly(_) => Conclusion::TooEarly(Some(declined())),
        }
    }

    /// The delay of the next attempt: none, except to wait for earlier sendings.
    pub fn next_in_ms(self) -> u64 {
        match self {
            End::TooEarly(for_ms) | End::DeclinedTooEarly(for_ms) => for_ms,
            End::Charged
            | End::Declined
            | End::NeverCharged
            | End::Exhausted
            | End::Parked
            | End::TurnedAway
            | End::NotSent
            | End::Lost(_) => 0,
        }
    }
}

fn declined() -> Verdict {
    Verdict::Declined(Decline {
        reason: DeclineReason::InsufficientBalance,
        balance: None,
        detail: Detail::Said(None),
    })
}
