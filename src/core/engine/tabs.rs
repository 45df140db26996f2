//! The account's tabs: which live, which have died and left claims, and the session of this one.

use crate::core::charge::Key;
use crate::core::ordered::{Set, set_of};
use crate::core::outbox::Outbox;
use crate::core::session::Session;

/// What is known of the tabs.
#[derive(Debug)]
pub(super) struct Tabs {
    /// This one.
    own: String,
    /// Those that lived when that was last asked, this one among them; empty where it can't be
    /// known.
    alive: Set<String>,
    /// Those that claimed a charge and have died.
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

    /// Those that live now, as far as can be known.
    pub(super) fn learn_alive(&mut self, alive: Vec<String>) {
        self.alive = set_of(alive);
    }

    /// Somebody lives who may not have when that was last asked.
    pub(super) fn doubt(&mut self) {
        self.alive.clear();
    }

    /// Whether it is known which live.
    pub(super) fn are_known(&self) -> bool {
        !self.alive.is_empty()
    }

    /// Whether others are known to live.
    pub(super) fn others_live(&self) -> bool {
        self.alive.keys().any(|tab| *tab != self.own)
    }

    /// Whether this is known to be the only one.
    pub(super) fn is_alone(&self) -> bool {
        self.are_known() && !self.others_live()
    }

    /// Whether all that are known to live are so.
    pub(super) fn all_alive(&self, is_so: impl Fn(&String) -> bool) -> bool {
        self.are_known() && self.alive.keys().all(is_so)
    }

    /// Whether this one is known not to live.
    pub(super) fn is_gone(&self, tab: &str) -> bool {
        self.are_known() && tab != self.own && !self.alive.contains_key(tab)
    }

    /// Whether this one has died and left claims.
    pub(super) fn is_dead(&self, tab: &str) -> bool {
        self.dead.contains_key(tab)
    }

    /// What dead ones have claimed, which need not wait for its claim to run out.
    pub(super) fn claims_of_dead(&mut self, outbox: &Outbox) -> Vec<Key> {
        // One that came later is in no list of the dead, though it is in none of the living.
        self.dead.clear();
        let mut keys = Vec::new();
        for entry in outbox.iter() {
            let claim = entry.record.claim();
            if let Some(claim) = claim.filter(|claim| self.is_gone(&claim.tab)) {
                self.dead.insert(claim.tab.clone(), ());
                keys.push(entry.record.charge().key.clone());
            }
        }
        keys
    }

    /// The dead tab that has claimed this charge, if one has.
    pub(super) fn dead_claimant(&self, key: &Key, outbox: &Outbox) -> Option<String> {
        let tab = &outbox.get(key)?.record.claim()?.tab;
        self.is_dead(tab).then(|| tab.clone())
    }
}
