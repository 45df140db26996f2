//! What an attempt came to.

use tollbox::core::outcome::{DeclineReason, FailureReason, OpenReason, ParkReason};
use tollbox::core::points::Points;
use tollbox::core::record::{Cause, Conclusion, Decline, Failure, Receipt, Verdict};

/// What an attempt came to.
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
    /// No answer came; for how long this request, or an earlier one, may still arrive.
    Lost(u64),
    /// Nothing was taken, but for so long an earlier sending may arrive.
    TooEarly(u64),
    /// Declined, but for so long an earlier sending may arrive.
    DeclinedTooEarly(u64),
}

impl End {
    pub fn conclusion(self) -> Conclusion {
        let cause = Cause {
            reason: OpenReason::Unreachable,
            detail: String::new(),
        };
        match self {
            End::Charged => Conclusion::Settled(Verdict::Charged(Receipt {
                charge_id: String::new(),
                charged_at: String::new(),
                balance: Points::ZERO,
                version: 1,
                replayed: false,
            })),
            End::Declined => Conclusion::Settled(declined()),
            End::NeverCharged => Conclusion::NeverCharged,
            End::Exhausted => Conclusion::Settled(Verdict::Failed(Failure {
                reason: FailureReason::RetriesExhausted,
                retryable: true,
                detail: String::new(),
            })),
            End::Parked => Conclusion::Park(ParkReason::RetriesExhausted, String::new()),
            End::TurnedAway => Conclusion::TurnedAway(cause),
            End::NotSent => Conclusion::NotSent(cause),
            End::Lost(for_ms) => Conclusion::Lost(cause, for_ms),
            End::TooEarly(_) => Conclusion::TooEarly(None),
            End::DeclinedTooEarly(_) => Conclusion::TooEarly(Some(declined())),
        }
    }

    /// How long until the next attempt: none, but for what has to be waited for.
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
        detail: String::new(),
    })
}
