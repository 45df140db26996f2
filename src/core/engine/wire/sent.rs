//! A request on its way, and what its answer is to be judged by.

use crate::core::charge::Charge;
use crate::core::network::{Asked, Way};
use crate::core::protocol::{Reading, Spelling};

/// A request on its way.
#[derive(Clone, Debug)]
pub(in crate::core::engine) struct Sent {
    pub(in crate::core::engine) what: SentWhat,
    /// The generation of the token that went with it.
    pub(in crate::core::engine) epoch: u32,
    pub(in crate::core::engine) refreshed: bool,
    /// When it left; monotonic.
    pub(in crate::core::engine) left_at_ms: u64,
    /// Nothing showed that there is a server when it left.
    pub(in crate::core::engine) on_trial: bool,
    /// The version of the balance that was known when it left.
    pub(in crate::core::engine) known: Option<u64>,
}

impl Sent {
    /// Whether this answer's version is lower than one that the server had told before it was
    /// asked.
    pub(in crate::core::engine) fn is_behind(&self, reading: &Reading) -> bool {
        self.known.is_some_and(|version| reading.version < version)
    }

    /// The charges that it carries or asks about.
    pub(in crate::core::engine) fn charges(&self) -> &[Charge] {
        match &self.what {
            SentWhat::Charge { charge } | SentWhat::LookUp { charge, .. } => {
                std::slice::from_ref(charge)
            }
            SentWhat::Batch { charges } => charges,
            SentWhat::Balance { .. } => &[],
        }
    }

    /// What kind of request it is.
    pub(in crate::core::engine) fn asked(&self) -> Asked {
        match &self.what {
            SentWhat::Charge { .. } | SentWhat::Batch { .. } => Asked::By(Way::Sending),
            SentWhat::LookUp { .. } => Asked::By(Way::LookUp),
            SentWhat::Balance { .. } => Asked::Probe,
        }
    }
}

/// What a request on its way is for.
#[derive(Clone, Debug)]
pub(in crate::core::engine) enum SentWhat {
    Charge { charge: Charge },
    Batch { charges: Vec<Charge> },
    LookUp { charge: Charge, spelling: Spelling },
    Balance { etag: Option<String> },
}
