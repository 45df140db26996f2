//! What this tab tells the others: gathered, and nothing of what only matters to other tabs where
//! there are none.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;

use super::clock::now;
use super::peers::{PeerMessage, Peers};
use super::throttle::Throttle;
use crate::core::balance::Confirmed;
use crate::core::charge::Key;
use crate::core::ordered::set_of;
use crate::core::snapshot::FlushProgress;

/// How often changes are told, in milliseconds.
const EVERY_MS: u32 = 10;

/// A tab that shows up hears of the changes of the last so many milliseconds: it may have read the
/// journal before them, and its first message may have come after them.
const RECENT_MS: u64 = 2_000;

/// How long a tab that was heard counts as alive, in milliseconds, though no lock shows it.
const HEARD_MS: u64 = 60_000;

/// What the other tabs are told.
pub struct Announcements {
    /// None while the page is on its way into the back/forward cache, or closed.
    peers: RefCell<Option<Peers>>,
    throttle: Throttle,
    /// The changes to be told next.
    keys: RefCell<Vec<Key>>,
    confirmed: RefCell<Option<Confirmed>>,
    /// Changes that were told to nobody, and when they came; monotonic.
    recent: RefCell<VecDeque<(u64, Vec<Key>)>>,
    /// Whether the locks show no other tab.
    is_alone: Cell<bool>,
    /// When another tab was heard last; monotonic.
    heard_ms: Cell<Option<u64>>,
}

impl Announcements {
    /// None yet.
    pub fn new() -> Announcements {
        Announcements {
            peers: RefCell::new(None),
            throttle: Throttle::new(EVERY_MS),
            keys: RefCell::new(Vec::new()),
            confirmed: RefCell::new(None),
            recent: RefCell::new(VecDeque::new()),
            is_alone: Cell::new(false),
            heard_ms: Cell::new(None),
        }
    }

    /// From now on the others are told on this channel.
    pub fn open(&self, peers: Peers) {
        *self.peers.borrow_mut() = Some(peers);
    }

    /// Tells what has been gathered, and then nothing more.
    pub fn close(&self) {
        self.tell_changes();
        *self.peers.borrow_mut() = None;
    }

    /// These charges, or the balance, have changed.
    pub fn changed(&self, keys: Vec<Key>, confirmed: Option<Confirmed>) {
        if confirmed.is_some() {
            *self.confirmed.borrow_mut() = confirmed;
        }
        let now_ms = now().mono_ms;
        if !self.is_unheard(now_ms) {
            return self.keys.borrow_mut().extend(keys);
        }
        let mut recent = self.recent.borrow_mut();
        recent.push_back((now_ms, keys));
        let is_old = |(at_ms, _): &(u64, Vec<Key>)| now_ms.saturating_sub(*at_ms) > RECENT_MS;
        while recent.front().is_some_and(is_old) {
            recent.pop_front();
        }
    }

    /// Tells the gathered changes, now or soon.
    pub fn tell_soon(self: &Rc<Self>) {
        let nothing = self.keys.borrow().is_empty() && self.confirmed.borrow().is_none();
        if nothing || self.is_unheard(now().mono_ms) {
            return;
        }
        let weak = Rc::downgrade(self);
        let later = move || {
            if let Some(announcements) = weak.upgrade() {
                announcements.tell_changes();
            }
        };
        if self.throttle.lets_through(later) {
            self.tell_changes();
        }
    }

    /// Tells the progress of this tab's flush.
    pub fn flush(&self, progress: Option<FlushProgress>) {
        if !self.is_unheard(now().mono_ms) {
            self.tell(PeerMessage::Flush(progress));
        }
    }

    /// Tells something that is heard after all changes so far.
    pub fn tell(&self, message: PeerMessage) {
        self.tell_changes();
        if let Some(peers) = self.peers.borrow().as_ref() {
            peers.tell(message);
        }
    }

    /// The locks show whether there are other tabs.
    pub fn learn_alone(&self, is_alone: bool) {
        self.is_alone.set(is_alone);
        if !is_alone {
            self.catch_up();
        }
    }

    /// Another tab has been heard.
    pub fn heard(&self) {
        self.heard_ms.set(Some(now().mono_ms));
        // It may live on without a word, until the locks show that it does not.
        self.is_alone.set(false);
        self.catch_up();
    }

    /// When another tab was heard last; monotonic.
    pub fn heard_ms(&self) -> Option<u64> {
        self.heard_ms.get()
    }

    /// Whether nobody would hear anything.
    fn is_unheard(&self, now_ms: u64) -> bool {
        let heard_ms = self.heard_ms.get();
        let heard = heard_ms.is_some_and(|at_ms| now_ms.saturating_sub(at_ms) <= HEARD_MS);
        self.is_alone.get() && !heard
    }

    /// Tells what was told to nobody.
    fn catch_up(&self) {
        let now_ms = now().mono_ms;
        let recent = self.recent.take().into_iter();
        let recent = recent.filter(|(at_ms, _)| now_ms.saturating_sub(*at_ms) <= RECENT_MS);
        let keys: Vec<Key> = recent.flat_map(|(_, keys)| keys).collect();
        if !keys.is_empty() {
            self.keys.borrow_mut().extend(keys);
            self.tell_changes();
        }
    }

    fn tell_changes(&self) {
        let (keys, confirmed) = (self.keys.take(), self.confirmed.take());
        if keys.is_empty() && confirmed.is_none() {
            return;
        }
        self.throttle.done();
        // A charge may have changed more than once.
        let keys = set_of(keys).into_iter().map(|(key, ())| key).collect();
        if let Some(peers) = self.peers.borrow().as_ref() {
            peers.tell(PeerMessage::Changed { keys, confirmed });
        }
    }
}
