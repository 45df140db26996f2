//! Requests on their way, with the context for judging their answers.

use crate::core::charge::{Charge, Key};
use crate::core::network::{Asked, Way};
use crate::core::protocol::{BalanceReading, Spelling};

/// A request on its way.
#[derive(Clone, Debug)]
pub struct Sent {
    pub what: SentWhat,
    /// The generation of the token sent with it.
    pub epoch: u32,
    pub refreshed: bool,
    /// When it left; monotonic.
    pub left_at_ms: u64,
    /// Whether nothing showed that there is a server when it left.
    pub on_trial: bool,
    /// The balance version known when it left.
    pub known: Option<u64>,
}

impl Sent {
    /// Whether this answer's version is lower than one that the server had reported before the
    /// request.
    pub fn is_behind(&self, reading: &BalanceReading) -> bool {
        self.known.is_some_and(|version| reading.version < version)
    }

    /// The charges that it carries or asks about.
    pub fn charges(&self) -> &[Charge] {
        match &self.what {
            SentWhat::Charge { charge } | SentWhat::LookUp { charge, .. } => {
                std::slice::from_ref(charge)
            }
            SentWhat::Batch { charges } => charges,
            SentWhat::Balance { .. } | SentWhat::Hold { .. } | SentWhat::Release { .. } => &[],
        }
    }

    /// Whether it is about a hold at the server.
    pub fn is_about_hold(&self) -> bool {
        matches!(self.what, SentWhat::Hold { .. } | SentWhat::Release { .. })
    }

    /// The kind of request.
    pub fn asked(&self) -> Asked {
        match &self.what {
            SentWhat::Charge { .. } | SentWhat::Batch { .. } => Asked::By(Way::Sending),
            SentWhat::LookUp { .. } => Asked::By(Way::LookUp),
            SentWhat::Balance { .. } | SentWhat::Hold { .. } | SentWhat::Release { .. } => {
                Asked::Probe
            }
        }
    }
}

/// The purpose of a request on its way.
#[derive(Clone, Debug)]
pub enum SentWhat {
    Charge {
        charge: Charge,
    },
    Batch {
        charges: Vec<Charge>,
    },
    LookUp {
        charge: Charge,
        spelling: Spelling,
    },
    Balance {
        etag: Option<String>,
    },
    /// The points of a running task are to be held at the server.
    Hold {
        charge: Charge,
    },
    /// The points held at the server under this key are not to be held any more.
    Release {
        key: Key,
    },
}
