//! What other tabs tell: charges that they changed, and the balance that they learnt.
//!
//! A balance may have been learnt with the end of a charge that still counts as open here. Shown
//! at once it would have those points subtracted twice, so it is taken over together with what the
//! journal says of the charges.

use super::journal::Then;
use super::{Engine, Life};
use crate::core::balance::Confirmed;
use crate::core::charge::Key;
use crate::core::journal::Op;
use crate::core::outbox::Entry;
use crate::core::record::State;

/// So many charges are read for the sake of a balance, those first that may be under way
/// elsewhere. A batch has at most half as many.
const READ_LIMIT: usize = 200;

impl Engine {
    /// The balance cache, or another tab, tells of a balance.
    pub(super) fn cached(&mut self, confirmed: Confirmed) {
        self.told_by_peer(Vec::new(), Some(confirmed));
    }

    /// Another tab has changed these charges, and knows of this balance.
    pub(super) fn told_by_peer(&mut self, keys: Vec<Key>, confirmed: Option<Confirmed>) {
        let news = confirmed.filter(|confirmed| self.is_news(confirmed));
        let held = match &news {
            Some(news) if self.changes_version(news) => self.held_for_others(),
            Some(_) | None => Vec::new(),
        };
        let waits = !keys.is_empty() || !held.is_empty();
        for key in keys {
            self.outbox.update(&key, |entry| entry.outdated = true);
            self.read_for_peer(key);
        }
        let Some(news) = news else {
            return;
        };
        if waits {
            let read_anyway = self.writer.to_read();
            for key in held {
                if !read_anyway.contains_key(&key) {
                    self.read_for_peer(key);
                }
            }
            self.writer.bring(news);
        } else {
            self.balance.learn_cached(news);
        }
    }

    fn read_for_peer(&mut self, key: Key) {
        let then = Then::Observe {
            from_peer: true,
            confirmed: None,
        };
        self.writer.push(Op::Read { key }, then);
    }

    /// Whether neither this tab nor the reading of the journal that it waits for knows as much.
    fn is_news(&self, told: &Confirmed) -> bool {
        let known = self.balance.confirmed();
        let newer = known.is_none_or(|known| told.is_newer_than(known));
        let coming = |coming: &Confirmed| coming.version >= told.version;
        self.life != Life::SignedOut && newer && !self.writer.coming().any(coming)
    }

    /// Whether it is not just the same balance, heard later.
    fn changes_version(&self, told: &Confirmed) -> bool {
        let known = self.balance.confirmed();
        known.is_none_or(|known| known.version != told.version)
    }

    /// The charges and tasks that hold points here and may have ended elsewhere.
    fn held_for_others(&self) -> Vec<Key> {
        // What could not be written down is not in the journal to be read.
        let held = |entry: &&Entry| entry.saved && entry.record.is_held();
        let held = self.outbox.iter().filter(held);
        let (under_way, idle): (Vec<&Entry>, Vec<&Entry>) =
            held.partition(|entry| entry.outdated || is_under_way(entry.record.state()));
        let keys_of = |entries: Vec<&Entry>| {
            let keys = entries.into_iter().map(|entry| &entry.record.charge().key);
            keys.cloned().collect::<Vec<Key>>()
        };
        let mut keys = keys_of(under_way);
        keys.extend(self.tasks.keys_elsewhere().cloned());
        keys.extend(keys_of(idle));
        keys.truncate(READ_LIMIT);
        keys
    }
}

fn is_under_way(state: &State) -> bool {
    match state {
        State::Attempting(_) => true,
        State::Waiting(_) | State::Parked(_) | State::Settled(_) => false,
    }
}
