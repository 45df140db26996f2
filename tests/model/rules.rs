//! The mishaps allowed in a run, and the rules of the protocol, any of which can be left out to see
//! which promise needs it.

/// How often each event may still happen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Left {
    /// Each charge is asked for, in any tab.
    pub asks: [u8; 2],
    /// An answer is lost, or says nothing.
    pub losses: u8,
    pub crashes: u8,
    pub cancels: [u8; 2],
    pub top_ups: u8,
    /// A claimed charge is not sent after all.
    pub kept_back: u8,
    /// A settled charge is evicted.
    pub forgets: u8,
}

/// The rules of the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// The server charges a key once.
    ServerKey,
    /// A claim keeps other tabs away until it ends, or its tab is known to be dead.
    ClaimsHold,
    /// A request leaves only after the transaction that claims its charge has committed.
    SendAfterCommit,
    /// Callers are told only what a committed transaction has left in the journal.
    TellAfterCommit,
    /// A request leaves, and may arrive, only as long as its claim holds.
    LeaveWithinClaim,
    /// "Nothing was taken" is not believed while an earlier sending may still arrive.
    TooEarly,
    /// For that rule the time at which the request left counts, not that of its answer.
    Departure,
    /// Only the tab whose attempt is under way concludes it.
    OwnAttempt,
}

/// All rules, or all but one.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    without: Option<Rule>,
}

impl Rules {
    pub const fn all() -> Rules {
        Rules { without: None }
    }

    pub fn without(rule: Rule) -> Rules {
        Rules {
            without: Some(rule),
        }
    }

    pub fn has(&self, rule: Rule) -> bool {
        self.without != Some(rule)
    }
}
