//! The balance cache: localStorage, because a first paint reads it at once and losing it costs
//! one request. `pkg/lib/cached.js` reads it too.

use gloo_storage::{LocalStorage, Storage};
use serde::{Deserialize, Serialize};

use super::entries;
use crate::core::balance::Confirmed;
use crate::core::session::Session;

/// A balance as it is cached. A tab that has not heard of a sign-out may cache one after it: of a
/// session that is over it tells nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cached {
    /// What the server said.
    #[serde(flatten)]
    pub confirmed: Confirmed,
    /// The mark with which the session began that has learnt it.
    pub session: u64,
}

impl Cached {
    /// The balance, if it was learnt in this session.
    pub fn of(self, session: Session) -> Option<Confirmed> {
        (self.session == session.mark()).then_some(self.confirmed)
    }
}

/// The cached balance under `name`; `None` too for what is not one.
pub fn read(name: &str) -> Option<Cached> {
    // gloo-storage panics where localStorage can't be reached or throws. So this looks first; and
    // writes without it, since no look tells whether a page's own `setItem` will throw a string.
    if !entries::is_readable(name) {
        return None;
    }
    LocalStorage::get(name).ok()
}

/// The cached balance that `text` holds.
pub fn parse(text: &str) -> Option<Cached> {
    serde_json::from_str(text).ok()
}

/// Caches the balance. A full localStorage leaves the old one, and so does one that another tab has
/// written later news to, or that a later session has.
pub fn write(name: &str, confirmed: &Confirmed, session: Session) {
    let is_later = |there: Cached| {
        let (its, ours) = (there.session, session.mark());
        its > ours || (its == ours && there.confirmed.is_newer_than(confirmed))
    };
    if read(name).is_some_and(is_later) {
        return;
    }
    let cached = Cached {
        confirmed: confirmed.clone(),
        session: session.mark(),
    };
    if let Ok(text) = serde_json::to_string(&cached) {
        // Nothing to do about an error: the cache only spares a request.
        drop(entries::write(name, &text));
    }
}

/// Forgets what this session, or one before it, has cached.
pub fn forget(name: &str, session: Session) {
    if read(name).is_none_or(|there| there.session <= session.mark()) {
        entries::remove(name);
    }
}
