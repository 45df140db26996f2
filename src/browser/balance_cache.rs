//! The balance cache: localStorage, because a first paint reads it at once and losing it costs
//! one request.

use gloo_storage::{LocalStorage, Storage as _};

use crate::core::balance::Confirmed;

/// localStorage, where the browser allows it.
pub fn local_storage() -> Option<web_sys::Storage> {
    web_sys::window()?.local_storage().ok()?
}

/// The cached balance under `name`; `None` too for what is not one.
pub fn read(name: &str) -> Option<Confirmed> {
    // gloo-storage throws where there is no localStorage.
    local_storage()?;
    LocalStorage::get(name).ok()
}

/// The cached balance that `text` holds.
pub fn parse(text: &str) -> Option<Confirmed> {
    serde_json::from_str(text).ok()
}

/// Caches the balance, or forgets it. A full localStorage leaves the old one.
pub fn write(name: &str, confirmed: Option<&Confirmed>) {
    if local_storage().is_none() {
        return;
    }
    match confirmed {
        // Nothing to do about an error: the cache only spares a request.
        Some(confirmed) => drop(LocalStorage::set(name, confirmed)),
        None => LocalStorage::delete(name),
    }
}
