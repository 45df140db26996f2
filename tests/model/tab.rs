//! A tab, with at most one piece of work under way for each charge.

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
    /// Its work for each charge.
    pub work: [Work; 2],
}

/// A tab's work for one charge.
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

/// A pending transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Order {
    Enqueue {
        /// The end of the claim, if the charge is to leave at once.
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

/// An attempt, as its tab knew it when the claim had committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Attempt {
    /// For sending, else for a look-up.
    pub sends: bool,
    pub number: u32,
    /// The end of the claim; once the request has left, its latest arrival.
    pub until_ms: u64,
    /// The latest arrival of an earlier sending.
    pub earlier_until_ms: u64,
    /// Whether an earlier sending might still arrive when this request left.
    pub left_early: bool,
    /// Whether the attempts are used up.
    pub exhausted: bool,
    /// Whether the charge was given up.
    pub cancelled: bool,
}

impl Attempt {
    /// Concludes the attempt with this end.
    pub fn ended(&self, end: End) -> Work {
        Work::Writing(Order::Conclude {
            sends: self.sends,
            number: self.number,
            end,
        })
    }
}

/// A leftover of a tab.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stray {
    /// An abandoned charge request.
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
