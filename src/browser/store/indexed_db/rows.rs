//! A record as a row of the object store.

use wasm_bindgen::JsValue;

use super::bindings;
use crate::browser::store::{Found, inspect};
use crate::core::codec::{self, Stored};
use crate::core::record::{Record, State};

/// The row of this record.
pub fn row(record: &Record) -> JsValue {
    let stored = codec::encode(record);
    bindings::row(
        record.charge().key.as_str(),
        state(record),
        record.sequence() as f64,
        stored.format,
        stored.check,
        &stored.body,
    )
}

/// Where the index has this record: `pages.js` reads all of these but the last as what may have
/// something left to do.
fn state(record: &Record) -> &'static str {
    match record.state() {
        State::Waiting(_) | State::Attempting(_) => "open",
        State::Parked(_) => "parked",
        State::Settled(_) if record.is_retryable() => "retryable",
        State::Settled(_) => "settled",
    }
}

/// What a row was read as.
pub struct Read {
    /// What it holds.
    pub found: Found,
    /// Whether the index has it in its place, where it may be damaged.
    pub in_place: bool,
}

/// Reads a row.
pub fn read(row: &JsValue) -> Read {
    let found = inspect(&key_text(row), stored(row).as_ref());
    let in_place = match &found {
        Found::Record(record) => {
            bindings::state_of(row).as_deref() == Some(state(record))
                && bindings::sequence_of(row) == Some(record.sequence() as f64)
        }
        Found::Newer(_) | Found::Damaged(_) => true,
    };
    Read { found, in_place }
}

fn stored(row: &JsValue) -> Option<Stored> {
    Some(Stored {
        format: bindings::format_of(row)?,
        check: bindings::check_of(row)?,
        body: bindings::body_of(row)?,
    })
}

/// The key of a row, for people.
fn key_text(row: &JsValue) -> String {
    let key = bindings::key_of(row);
    key.as_string().unwrap_or_else(|| format!("{key:?}"))
}
