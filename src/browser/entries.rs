//! The entries of localStorage, where there is one. Whatever it throws, this passes nothing on: an
//! exception would end the module.

use super::error::text;
use super::scope::scope;

/// localStorage, where the browser allows it.
fn storage() -> Option<web_sys::Storage> {
    scope()?.local_storage().ok()?
}

/// Whether an entry of this name can be read, whether it is there or not.
pub fn is_readable(name: &str) -> bool {
    storage().is_some_and(|storage| storage.get_item(name).is_ok())
}

/// The names that begin so.
pub fn names_with(prefix: &str) -> Vec<String> {
    let Some(storage) = storage() else {
        return Vec::new();
    };
    let count = storage.length().unwrap_or(0);
    let names = (0..count).filter_map(|at| storage.key(at).ok().flatten());
    names.filter(|name| name.starts_with(prefix)).collect()
}

/// The entry of this name.
pub fn read(name: &str) -> Option<String> {
    storage()?.get_item(name).ok().flatten()
}

/// Writes an entry; on an error the old one stays.
pub fn write(name: &str, entry: &str) -> Result<(), String> {
    match storage() {
        Some(storage) => storage.set_item(name, entry).map_err(|error| text(&error)),
        None => Err("there is no localStorage any more".to_owned()),
    }
}

/// Removes an entry, if it is there.
pub fn remove(name: &str) {
    if let Some(storage) = storage() {
        // Removing fails only where there is nothing to remove from.
        let _ = storage.remove_item(name);
    }
}
