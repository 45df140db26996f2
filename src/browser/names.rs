//! What is stored and shared under which name. Everything belongs to one account.

use crate::core::charge::{Key, percent_encode};

/// The names of one account.
#[derive(Clone, Debug)]
pub struct Names {
    account: String,
}

impl Names {
    /// Encoded, so that no account's names can run into another's.
    pub fn new(account: &str) -> Names {
        Names {
            account: percent_encode(account),
        }
    }

    /// The IndexedDB database of the journal.
    pub fn database(&self) -> String {
        format!("tollbox:{}", self.account)
    }

    /// The localStorage entry of the balance cache.
    pub fn balance(&self) -> String {
        format!("tollbox:{}:balance", self.account)
    }

    /// What the localStorage entries of the journal begin with.
    pub fn charges(&self) -> String {
        format!("tollbox:{}:charge:", self.account)
    }

    /// The localStorage entry of one charge.
    pub fn charge(&self, key: &Key) -> String {
        format!("{}{key}", self.charges())
    }

    /// What the localStorage entries begin with in which damaged ones are kept.
    pub fn all_damaged(&self) -> String {
        format!("tollbox:{}:damaged:", self.account)
    }

    /// Where a damaged entry is kept.
    pub fn damaged(&self, key: &Key) -> String {
        format!("{}{key}", self.all_damaged())
    }

    /// What the localStorage entries begin with of charges that were forgotten here, and that
    /// IndexedDB may still have open.
    pub fn all_ended(&self) -> String {
        format!("tollbox:{}:ended:", self.account)
    }

    /// The localStorage entry of such a charge.
    pub fn ended(&self, key: &Key) -> String {
        format!("{}{key}", self.all_ended())
    }

    /// The localStorage entry that tells which database the journal was in.
    pub fn marker(&self) -> String {
        format!("tollbox:{}:journal", self.account)
    }

    /// An entry that is written and removed to see whether localStorage works.
    pub fn probe(&self) -> String {
        format!("tollbox:{}:probe", self.account)
    }

    /// The BroadcastChannel on which tabs tell each other of changes.
    pub fn channel(&self) -> String {
        format!("tollbox:{}", self.account)
    }

    /// What the Web Lock begins with that a client holds for as long as it lives; its tab's name
    /// follows.
    pub fn alive(&self) -> String {
        format!("tollbox:{}:alive:", self.account)
    }

    /// What the Web Lock begins with that a client holds as long as its journal is in
    /// localStorage; its tab's name follows.
    pub fn fallback(&self) -> String {
        format!("tollbox:{}:fallback:", self.account)
    }

    /// The Web Lock under which one tab flushes.
    pub fn lock(&self) -> String {
        format!("tollbox:{}:flush", self.account)
    }
}
