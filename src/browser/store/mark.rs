//! The mark that a sign-out leaves (`core::session`), as far as localStorage has it: it is read
//! there at once, before a request leaves for instance. A crash may take it, or it may be cleared;
//! with the journal in IndexedDB the mark that counts is there.

use crate::browser::entries;
use crate::browser::names::Names;

/// The mark; 0 where there is none.
pub fn read(names: &Names) -> u64 {
    let entry = entries::read(&names.mark());
    entry.and_then(|mark| mark.parse().ok()).unwrap_or(0)
}

/// The mark that a `storage` event tells of.
pub fn parse(entry: Option<String>) -> u64 {
    entry.and_then(|mark| mark.parse().ok()).unwrap_or(0)
}

/// Writes it, or says why not.
pub fn write(names: &Names, mark: u64) -> Result<(), String> {
    entries::write(&names.mark(), &mark.to_string())
}
