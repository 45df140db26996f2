//! What localStorage knows of the journal in IndexedDB, so that its loss is noticed: the user may
//! clear the one storage, or a browser evict it, and leave the other.

use serde::{Deserialize, Serialize};

use super::News;
use crate::browser::entries;
use crate::browser::names::Names;

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Marker {
    /// Names the database.
    id: String,
    /// How many charges were open in it, as far as its last writer knew.
    open: usize,
}

/// Whether the database is the one that was there before; notes the one that is.
pub fn check(names: &Names, id: Option<String>, news: &mut Vec<News>) {
    match read(names) {
        Some(before) if Some(&before.id) == id.as_ref() => return,
        Some(Marker { open, .. }) if open > 0 => news.push(News::Wiped(format!(
            "the database was deleted while {open} charges were open"
        ))),
        Some(_) | None => {}
    }
    write(names, id, 0);
}

/// Notes how many charges are open. Of a database without a name nothing is noted.
pub fn write(names: &Names, id: Option<String>, open: usize) {
    let Some(id) = id else {
        return entries::remove(&names.marker());
    };
    let marker = Marker { id, open };
    if read(names).as_ref() != Some(&marker)
        && let Ok(text) = serde_json::to_string(&marker)
    {
        // A full localStorage leaves the old one: a wipe may go unnoticed, or be told of though
        // nothing was open, and nothing else.
        drop(entries::write(&names.marker(), &text));
    }
}

fn read(names: &Names) -> Option<Marker> {
    serde_json::from_str(&entries::read(&names.marker())?).ok()
}
