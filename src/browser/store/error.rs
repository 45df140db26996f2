//! What a store can't do, and what else it has to say.

use crate::core::charge::Key;
use crate::core::engine::Earlier;
use crate::core::snapshot::StorageKind;

/// Why a store could not do what was asked of it. Nothing of it was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// The connection was closed by somebody else; a new one may work.
    Closed(String),
    /// It can't be opened, or not again.
    Unopenable(String),
    /// It took too long.
    Late(String),
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
            | Trouble::Late(detail)
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
    /// The records of these charges are lost, as was noted before.
    Lost(Vec<Key>),
    /// What the journal held is gone.
    Wiped {
        /// For people.
        detail: String,
        /// What was open, as far as it is known.
        lost: Vec<Key>,
    },
    /// The journal is as it was before something that was committed.
    SetBack {
        /// What was open since then, and is not there, as far as it is known.
        lost: Vec<Key>,
    },
    /// The journal lives somewhere else from now on.
    Moved {
        /// Where.
        to: StorageKind,
        /// Why; for people.
        why: String,
        /// What it leaves behind.
        from: Earlier,
    },
}
