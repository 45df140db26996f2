//! What is stored and shared under which name. Everything belongs to one account of one billing
//! server. `pkg/lib/names.js` makes those that are needed before the module is there.

use crate::core::charge::Key;
use crate::core::percent::percent_encode;

/// The names of one account of one billing server.
#[derive(Clone, Debug)]
pub struct Names {
    /// What all of them begin with.
    stem: String,
}

impl Names {
    /// Both are encoded, so that no pair's names can run into another's: neither has a colon.
    pub fn new(namespace: &str, account: &str) -> Names {
        let (namespace, account) = (percent_encode(namespace), percent_encode(account));
        Names {
            stem: format!("tollbox:{namespace}:{account}"),
        }
    }

    /// The IndexedDB database of the journal.
    pub fn database(&self) -> String {
        self.stem.clone()
    }

    /// The localStorage entry of the balance cache.
    pub fn balance(&self) -> String {
        format!("{}:balance", self.stem)
    }

    /// The localStorage entry of the mark that the last sign-out has left.
    pub fn mark(&self) -> String {
        format!("{}:mark", self.stem)
    }

    /// What the localStorage entries of the journal begin with.
    pub fn charges(&self) -> String {
        format!("{}:charge:", self.stem)
    }

    /// The localStorage entry of one charge.
    pub fn charge(&self, key: &Key) -> String {
        format!("{}{key}", self.charges())
    }

    /// What the localStorage entries begin with in which damaged ones are kept.
    pub fn all_damaged(&self) -> String {
        format!("{}:damaged:", self.stem)
    }

    /// Where a damaged entry is kept.
    pub fn damaged(&self, key: &Key) -> String {
        format!("{}{key}", self.all_damaged())
    }

    /// What the localStorage entries begin with of charges that were forgotten here, and that
    /// IndexedDB may still have open.
    pub fn all_ended(&self) -> String {
        format!("{}:ended:", self.stem)
    }

    /// The localStorage entry of such a charge.
    pub fn ended(&self, key: &Key) -> String {
        format!("{}{key}", self.all_ended())
    }

    /// The localStorage entry that tells which database the journal was in.
    pub fn marker(&self) -> String {
        format!("{}:journal", self.stem)
    }

    /// An entry that is written and removed to see whether localStorage works.
    pub fn probe(&self) -> String {
        format!("{}:probe", self.stem)
    }

    /// The BroadcastChannel on which tabs tell each other of changes.
    pub fn channel(&self) -> String {
        self.stem.clone()
    }

    /// What the Web Lock begins with that a client holds for as long as it lives; its tab's name
    /// follows.
    pub fn alive(&self) -> String {
        format!("{}:alive:", self.stem)
    }

    /// What the Web Lock begins with that a client holds as long as its journal is in
    /// localStorage; its tab's name follows.
    pub fn fallback(&self) -> String {
        format!("{}:fallback:", self.stem)
    }

    /// The Web Lock under which one tab refreshes the token.
    pub fn token(&self) -> String {
        format!("{}:token", self.stem)
    }

    /// The Web Lock under which one tab flushes.
    pub fn lock(&self) -> String {
        format!("{}:flush", self.stem)
    }
}
