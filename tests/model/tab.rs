//! A tab: for each charge, one thing at most that is under way.

use tollbox::core::record::Purpose;

use super::end::End;
use super::server::Word;

/// The names of the two tabs, before and after a crash.
const NAMES: [[&str; 2]; 2] = [["one", "one again"], ["two", "two again"]];

/// A tab at one of its starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
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
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tab {
    /// Grows with every crash.
    pub start: usize,
    /// What it does for each charge.
    pub work: [Work; 2],
}

/// What a tab does for one charge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Work {
    Idle,
    /// A transaction is under way.
    Writing(Order),
    /// The transaction that claims the charge has committed, and the tab has not been told.
    Claimed(Attempt),
    /// A request is under way.
    Sent(Attempt),
    /// Its answer is under way.
    Answered(Attempt, Word),
}

/// A transaction to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Order {
    Enqueue {
        /// The end of the claim, where the charge is to leave at once.
        claim_until_ms: Option<u64>,
    },
    Begin {
        /// For sending, else for a look-up.
        sends: bool,
        until_ms: u64,
        /// A tab that is known to be dead.
        over: Option<Name>,
    },
    Conclude {
        sends: bool,
        number: u32,
        end: End,
    },
    Cancel,
    Forget,
}

/// An attempt, as its tab was told of it when the claim had committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Attempt {
    /// For sending, else for a look-up.
    pub sends: bool,
    pub number: u32,
    /// The end of the claim; once it has left, until when the request may arrive.
    pub until_ms: u64,
    /// Until when an earlier sending may.
    pub earlier_until_ms: u64,
    /// Whether one still might when this request left.
    pub left_early: bool,
    /// Whether the attempts are used up.
    pub exhausted: bool,
    /// Whether the charge was given up.
    pub given_up: bool,
}

impl Attempt {
    /// It is over, and this is what came of it.
    pub fn ended(&self, end: End) -> Work {
        Work::Writing(Order::Conclude {
            sends: self.sends,
            number: self.number,
            end,
        })
    }
}

/// What a tab has left behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
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

impl Stray {
    pub fn is_of(&self, charge: usize) -> bool {
        match self {
            Stray::Request { which, .. } | Stray::Write { which, .. } => *which == charge,
        }
    }
}

pub fn purpose(sends: bool) -> Purpose {
    match sends {
        true => Purpose::Send,
        false => Purpose::LookUp,
    }
}
