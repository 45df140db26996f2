//! What a store has to say besides its answers.

use crate::core::charge::Key;
use crate::core::engine::Earlier;
use crate::core::snapshot::StorageKind;

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
