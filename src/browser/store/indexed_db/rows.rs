//! A record as a row of the object store.

use js_sys::Reflect;
use serde::{Deserialize, Serialize};
use wasm_bindgen::JsValue;

use crate::browser::store::{Found, inspect};
use crate::core::codec::{self, Stored};
use crate::core::record::{Record, State};

/// The row of one charge.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// Its key.
    pub key: String,
    /// For the index: one of [`UNSETTLED`], or [`SETTLED`].
    pub state: String,
    /// For the index.
    pub sequence: u64,
    format: u32,
    check: u32,
    body: String,
}

/// The states in which something may be left to do.
pub const UNSETTLED: [&str; 3] = ["open", "parked", "retryable"];
/// The state in which nothing is left to do.
pub const SETTLED: &str = "settled";

/// Where the index has a row.
#[derive(Debug, PartialEq, Eq, Deserialize)]
struct IndexRow {
    state: String,
    sequence: u64,
}

impl Row {
    /// The row of this record.
    pub fn of(record: &Record) -> Row {
        let [open, parked, retryable] = UNSETTLED;
        let state = match record.state() {
            State::Waiting(_) | State::Attempting(_) => open,
            State::Parked(_) => parked,
            State::Settled(_) if record.is_retryable() => retryable,
            State::Settled(_) => SETTLED,
        };
        // A record has a JSON form; an empty one would be found damaged, not believed.
        let stored = codec::encode(record).unwrap_or_default();
        Row {
            key: record.charge().key.as_str().to_owned(),
            state: state.to_owned(),
            sequence: record.sequence(),
            format: stored.format,
            check: stored.check,
            body: stored.body,
        }
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
    let stored: Option<Stored> = serde_wasm_bindgen::from_value(row.clone()).ok();
    let indexed: Option<IndexRow> = serde_wasm_bindgen::from_value(row.clone()).ok();
    let found = inspect(&key_text(row), stored.as_ref());
    let in_place = match &found {
        Found::Record(record) => {
            let Row {
                state, sequence, ..
            } = Row::of(record);
            indexed == Some(IndexRow { state, sequence })
        }
        Found::Newer(_) | Found::Damaged(_) => true,
    };
    Read { found, in_place }
}

/// The key of a row, whatever it is.
pub fn key_of(row: &JsValue) -> JsValue {
    Reflect::get(row, &"key".into()).unwrap_or(JsValue::UNDEFINED)
}

/// The key of a row, for people.
pub fn key_text(row: &JsValue) -> String {
    let key = key_of(row);
    key.as_string().unwrap_or_else(|| format!("{key:?}"))
}
