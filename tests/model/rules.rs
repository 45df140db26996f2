//! What a run may contain, and the rules of the protocol, each of which can be left out to see
//! what it is good for.

/// What may happen, and how often.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scope {
    /// How often each charge is asked for, in any tab.
    pub asks: [u8; 2],
    pub losses: u8,
    pub crashes: u8,
    pub cancels: u8,
    pub top_ups: u8,
    /// Claims that are not used after all.
    pub kept_back: u8,
    pub forgets: u8,
    /// Claims that lapse although their tab lives.
    pub lapses: u8,
    /// `maxTotalAttempts`.
    pub attempts: u32,
}

/// The rules of the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// The server charges a key once.
    ServerKey,
    /// A claim keeps other tabs away until it ends or its tab is known to be dead.
    ClaimsHold,
    /// A charge request leaves only after the transaction that claims it has committed.
    SendAfterCommit,
    /// What was claimed leaves, and arrives, only as long as its claim holds.
    LeaveWithinClaim,
    /// What is told is what a committed transaction has left in the journal.
    TellAfterCommit,
    /// "Nothing was taken" is not believed while an earlier sending may still arrive.
    TooEarly,
    /// What counts for that is when the request left, not when its answer came.
    Departure,
    /// Only the tab whose attempt is under way concludes it.
    OwnAttempt,
    /// What was given up is looked up, and not sent.
    GivenUp,
}

/// All rules but some.
#[derive(Clone, Copy, Debug, Default)]
pub struct Rules {
    without: Option<Rule>,
}

impl Rules {
    pub fn without(rule: Rule) -> Rules {
        Rules {
            without: Some(rule),
        }
    }

    pub fn has(&self, rule: Rule) -> bool {
        self.without != Some(rule)
    }
}
