//! The balance cache: localStorage, because a first paint reads it at once and losing it costs
//! one request.

use super::entries;
use crate::core::balance::Confirmed;

/// The cached balance under `name`; `None` too for what is not one.
pub fn read(name: &str) -> Option<Confirmed> {
    parse(&entries::read(name)?)
}

/// The cached balance that `text` holds.
pub fn parse(text: &str) -> Option<Confirmed> {
    serde_json::from_str(text).ok()
}

/// Caches the balance, or forgets it. A full localStorage leaves the old one, and so does one that
/// another tab has written later news to.
pub fn write(name: &str, confirmed: Option<&Confirmed>) {
    match confirmed {
        Some(confirmed) => {
            if read(name).is_some_and(|there| there.is_newer_than(confirmed)) {
                return;
            }
            if let Ok(text) = serde_json::to_string(confirmed) {
                // Nothing to do about an error: the cache only spares a request.
                drop(entries::write(name, &text));
            }
        }
        None => entries::remove(name),
    }
}
