//! Records as rows of the object store, which cross to JavaScript and back many at once.

use wasm_bindgen::JsValue;

use super::bindings::{self, Rows};
use crate::browser::store::{Found, inspect};
use crate::core::codec::{self, Stored};
use crate::core::record::{Record, State};

/// Ends a part of a row.
const END: char = '\0';

/// The rows of these records, as `rowsIn` of `rows.js` reads them.
pub fn text(records: &[&Record]) -> String {
    let mut text = String::new();
    for record in records {
        let stored = codec::encode(record);
        let key = record.charge().key.as_str();
        let length = key.encode_utf16().count();
        for number in [
            state(record),
            &record.sequence().to_string(),
            &stored.format.to_string(),
            &stored.check.to_string(),
            &length.to_string(),
        ] {
            text.push_str(number);
            text.push(END);
        }
        text.push_str(key);
        // It is JSON, in which a zero character is escaped.
        text.push_str(&stored.body);
        text.push(END);
    }
    text
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

/// Reads rows, in their order; `None` where there is none.
pub fn read_all(rows: &Rows) -> Vec<Option<Read>> {
    let text = String::from_utf8(rows.text()).unwrap_or_default();
    let mut parts = text.split(END);
    let mut read = Vec::new();
    while let Some(row) = PlainRow::next(&mut parts) {
        read.push(match row.key {
            "" => read_odd(&rows.at(read.len())),
            _ => Some(row.read()),
        });
    }
    read
}

/// A row that has the form of a charge's.
struct PlainRow<'t> {
    key: &'t str,
    state: &'t str,
    sequence: &'t str,
    format: &'t str,
    check: &'t str,
    body: &'t str,
}

impl<'t> PlainRow<'t> {
    fn next(parts: &mut impl Iterator<Item = &'t str>) -> Option<PlainRow<'t>> {
        Some(PlainRow {
            key: parts.next()?,
            state: parts.next()?,
            sequence: parts.next()?,
            format: parts.next()?,
            check: parts.next()?,
            body: parts.next()?,
        })
    }

    fn stored(&self) -> Option<Stored> {
        Some(Stored {
            format: self.format.parse().ok()?,
            check: self.check.parse().ok()?,
            body: self.body.to_owned(),
        })
    }

    fn read(&self) -> Read {
        let place = self.sequence.parse().ok();
        Read::new(self.key, self.stored().as_ref(), Some(self.state), place)
    }
}

/// Reads whatever is there.
fn read_odd(row: &JsValue) -> Option<Read> {
    if row.is_undefined() {
        return None;
    }
    let key = bindings::key_of(row);
    // For people, where it is no text.
    let key = key.as_string().unwrap_or_else(|| format!("{key:?}"));
    let stored = || {
        Some(Stored {
            format: bindings::format_of(row)?,
            check: bindings::check_of(row)?,
            body: bindings::body_of(row)?,
        })
    };
    let state = bindings::state_of(row);
    let sequence = bindings::sequence_of(row).map(|sequence| sequence as u64);
    let read = Read::new(&key, stored().as_ref(), state.as_deref(), sequence);
    Some(read)
}

impl Read {
    fn new(
        key: &str,
        stored: Option<&Stored>,
        state_text: Option<&str>,
        sequence: Option<u64>,
    ) -> Read {
        let found = inspect(key, stored);
        let in_place = match &found {
            Found::Record(record) => {
                state_text == Some(state(record)) && sequence == Some(record.sequence())
            }
            Found::Newer(_) | Found::Damaged(_) => true,
        };
        Read { found, in_place }
    }
}
