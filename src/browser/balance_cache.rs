//! The balance cache: localStorage, because a first paint reads it at once and losing it costs
//! one request. `pkg/lib/cached.js` reads it too.

use gloo_storage::{LocalStorage, Storage};

use super::entries;
use crate::core::balance::Confirmed;
use crate::core::json::{FromJson, Json, Misfit, ToJson};
use crate::core::session::Session;

/// A balance as it is cached. A tab that has not heard of a sign-out may cache one after it: of a
/// session that is over it tells nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cached {
    /// What the server said.
    pub confirmed: Confirmed,
    /// The mark with which the session began that has learnt it.
    pub session: u64,
}

impl ToJson for Cached {
    fn to_json(&self) -> Json<'_> {
        let session = Json::object(&[("session", &self.session)]);
        self.confirmed.to_json().and(session)
    }
}

impl FromJson for Cached {
    fn from_json(json: &Json<'_>) -> Result<Cached, Misfit> {
        Ok(Cached {
            confirmed: Confirmed::from_json(json)?,
            session: json.member("session")?,
        })
    }
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
    let text = LocalStorage::raw().get_item(name).ok()??;
    parse(&text)
}

/// The cached balance that `text` holds.
pub fn parse(text: &str) -> Option<Cached> {
    Cached::from_json(&Json::parse(text)?).ok()
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
    // Nothing to do about an error: the cache only spares a request.
    drop(entries::write(name, &cached.to_json().to_text()));
}

/// Forgets what this session, or one before it, has cached.
pub fn forget(name: &str, session: Session) {
    if read(name).is_none_or(|there| there.session <= session.mark()) {
        entries::remove(name);
    }
}
