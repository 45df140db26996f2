//! What a store can't do, and what else it has to say.

use crate::core::snapshot::StorageKind;

/// Why a store could not do what was asked of it. Nothing of it was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// The connection was closed by somebody else; a new one may work.
    Closed(String),
    /// It can't be opened, or not again.
    Unopenable(String),
    /// There may be no room left.
    Full(String),
    /// Anything else.
    Failed(String),
}

impl Trouble {
    /// For people.
    pub fn into_detail(self) -> String {
        match self {
            Trouble::Closed(detail)
            | Trouble::Unopenable(detail)
            | Trouble::Full(detail)
            | Trouble::Failed(detail) => detail,
        }
    }
}

/// What a store found out by the way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    /// A damaged record was set aside; for people.
    SetAside(String),
    /// A record of a newer version was left alone; for people.
    LeftAlone(String),
    /// What the journal held is gone; for people.
    Wiped(String),
    /// The journal lives somewhere else from now on.
    Moved {
        /// Where.
        to: StorageKind,
        /// Why; for people.
        why: String,
    },
}
