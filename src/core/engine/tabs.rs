//! The account's tabs: the living ones, the dead ones that left claims, and this one's session.

use crate::core::charge::Key;
use crate::core::ordered::{Set, set_of};
use crate::core::outbox::Outbox;
use crate::core::session::Session;

/// The known tabs.
#[derive(Debug)]
pub(super) struct Tabs {
    /// This tab.
    own: String,
    /// The living tabs when last asked, this one included; empty if unknown.
    alive: Set<String>,
    /// Dead tabs that left claims.
    dead: Set<String>,
    session: Session,
}

impl Tabs {
    pub(super) fn new(own: String, session: Session) -> Tabs {
        Tabs {
            own,
            alive: Set::new(),
            dead: Set::new(),
            session,
        }
    }

    pub(super) fn session(&self) -> Session {
        self.session
    }

    /// Updates the list of living tabs.
    pub(super) fn learn_alive(&mut self, alive: Vec<String>) {
        self.alive = set_of(alive);
    }

    /// A tab is alive that may not have been when last asked.
    pub(super) fn doubt(&mut self) {
        self.alive.clear();
    }

    /// Whether the living tabs are known.
    pub(super) fn are_known(&self) -> bool {
        !self.alive.is_empty()
    }

    /// Whether other tabs are known to be alive.
    pub(super) fn others_live(&self) -> bool {
        self.alive.keys().any(|tab| *tab != self.own)
    }

    /// Whether this is known to be the only living tab.
    pub(super) fn is_alone(&self) -> bool {
        self.are_known() && !self.others_live()
    }

    /// Whether the living tabs are known and all satisfy `is_so`.
    pub(super) fn all_alive(&self, is_so: impl Fn(&String) -> bool) -> bool {
        self.are_known() && self.alive.keys().all(is_so)
    }

    /// Whether this tab is known to be dead.
    pub(super) fn is_gone(&self, tab: &str) -> bool {
        self.are_known() && tab != self.own && !self.alive.contains_key(tab)
    }

    /// Whether this tab is dead and left claims.
    pub(super) fn is_dead(&self, tab: &str) -> bool {
        self.dead.contains_key(tab)
    }

    /// The charges claimed by dead tabs; their claims need not expire first.
    pub(super) fn claims_of_dead(&mut self, outbox: &Outbox) -> Vec<Key> {
        // A tab opened later is not listed as dead, though it is not listed as living either.
        self.dead.clear();
        let mut keys = Vec::new();
        for entry in outbox.watched() {
            let claim = entry.record.claim();
            if let Some(claim) = claim.filter(|claim| self.is_gone(&claim.tab)) {
                self.dead.insert(claim.tab.clone(), ());
                keys.push(entry.record.charge().key.clone());
            }
        }
        keys
    }

    /// The dead tab that has claimed this charge, if any.
    pub(super) fn dead_claimant(&self, key: &Key, outbox: &Outbox) -> Option<String> {
        let tab = &outbox.get(key)?.record.claim()?.tab;
        self.is_dead(tab).then(|| tab.clone())
    }
}
