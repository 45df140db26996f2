//! A tab: for each charge one thing that is under way at most.

use tollbox::core::outcome::{DeclineReason, FailureReason, OpenReason, ParkReason};
use tollbox::core::points::Points;
use tollbox::core::record::{
    Cause, Conclusion, Decline, Failure, Purpose, Receipt, Verdict,
};

use super::server::Word;

/// The names of the two tabs, before and after a crash.
const NAMES: [[&str; 2]; 2] = [["one", "one again"], ["two", "two again"]];

/// A tab at one of its starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Name {
    pub place: usize,
    pub start: usize,
}

impl Name {
    pub fn text(self) -> String {
        NAMES[self.place][self.start].to_owned()
    }

    pub fn of(text: &str) -> Name {
        let place = usize::from(!NAMES[0].contains(&text));
        let start = usize::from(NAMES[place][1] == text);
        Name { place, start }
    }
}

/// A tab.
#[derive(Clone, Debug, PartialEq)]
pub struct Tab {
    pub start: usize,
    /// What it does for each charge.
    pub work: [Work; 2],
}

/// What a tab does for one charge.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Work {
    Idle,
    /// A transaction is under way.
    Writing(Order),
    /// The transaction that claims the charge has committed; the tab has not been told yet.
    Claimed(Attempt),
    /// A request is under way.
    Sent(Attempt),
    /// Its answer is under way.
    Answered(Attempt, Word),
}

/// A transaction to be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Order {
    Enqueue {
        /// The end of the claim, where the charge is to leave at once.
        claim_until_ms: Option<u64>,
    },
    Begin {
        purpose: Purpose,
        until_ms: u64,
        over: Option<Name>,
    },
    Conclude {
        purpose: Purpose,
        number: u32,
        end: End,
    },
}

/// What an attempt came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    Charged,
    Declined,
    NeverCharged,
    Exhausted,
    Parked,
    NotSent,
    Refused,
    /// Until when the request may arrive.
    Lost(u64),
    /// Until when an earlier one may.
    TooEarly(u64),
}

impl End {
    pub fn says_untaken(self) -> bool {
        self.conclusion().says_untaken()
    }

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
            End::Declined => Conclusion::Settled(Verdict::Declined(Decline {
                reason: DeclineReason::InsufficientBalance,
                balance: None,
                detail: String::new(),
            })),
            End::NeverCharged => Conclusion::NeverCharged,
            End::Exhausted => Conclusion::Settled(Verdict::Failed(Failure {
                reason: FailureReason::RetriesExhausted,
                retryable: true,
                detail: String::new(),
            })),
            End::Parked => Conclusion::Park(ParkReason::RetriesExhausted, String::new()),
            End::NotSent => Conclusion::NotSent(cause),
            End::Refused => Conclusion::TurnedAway(cause),
            End::Lost(until_ms) => Conclusion::Lost(cause, until_ms),
            End::TooEarly(_) => Conclusion::TooEarly,
        }
    }

    /// When the next attempt is due.
    pub fn next_ms(self) -> u64 {
        match self {
            End::TooEarly(until_ms) => until_ms,
            End::Charged
            | End::Declined
            | End::NeverCharged
            | End::Exhausted
            | End::Parked
            | End::NotSent
            | End::Refused
            | End::Lost(_) => 0,
        }
    }
}

/// An attempt, as the tab was told of it when its claim had committed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Attempt {
    pub purpose: Purpose,
    pub number: u32,
    /// The end of the claim; from the departure on, the end of the time in which the request may
    /// arrive.
    pub until_ms: u64,
    /// Until when an earlier sending may arrive.
    pub earlier_until_ms: u64,
    /// Whether one still might when this request left.
    pub left_early: bool,
    /// Whether the attempts are used up.
    pub exhausted: bool,
    /// Whether the charge is given up.
    pub given_up: bool,
}

/// What a tab has left behind.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Stray {
    /// A charge request that nobody waits for.
    Request { which: usize, until_ms: u64 },
    /// A transaction.
    Write {
        name: Name,
        which: usize,
        order: Order,
    },
}
