//! Reading the journal by its index: what is open, without what is settled.

use indexed_db_futures::KeyRange;
use indexed_db_futures::error::Error;
use indexed_db_futures::prelude::*;
use indexed_db_futures::transaction::Transaction;
use js_sys::Array;
use wasm_bindgen::JsValue;

use super::lost::Lost;
use super::rows::{self, SETTLED, UNSETTLED};
use super::schema::{BY_STATE, CHARGES};
use crate::browser::store::{Found, Scope};
use crate::core::charge::Key;
use crate::core::record::Record;

/// What was read.
#[derive(Default)]
pub struct Loaded {
    /// The records.
    pub records: Vec<Record>,
    /// The keys of rows in which something is amiss.
    pub amiss: Vec<JsValue>,
    /// The keys of charges whose records are lost, where everything was read.
    pub lost: Vec<Key>,
}

/// Reads what is in `scope`.
pub async fn load(transaction: &Transaction<'_>, scope: Scope) -> Result<Loaded, Error> {
    let charges = transaction.object_store(CHARGES)?;
    let by_state = charges.index(BY_STATE)?;
    let settled = match scope {
        Scope::All => Some(SETTLED),
        Scope::Unsettled => None,
    };
    // All asked for before the first is awaited.
    let mut requests = Vec::new();
    for state in UNSETTLED.into_iter().chain(settled) {
        let rows = by_state
            .get_all::<JsValue>()
            .with_query::<JsValue, _>(in_state(state));
        requests.push(rows.primitive()?);
    }
    let lost = match scope {
        Scope::All => Some(Lost::of(transaction)?.keys()?),
        Scope::Unsettled => None,
    };
    let there = charges.count().primitive()?;
    let mut rows = Vec::new();
    for request in requests {
        rows.extend(request.await?.filter_map(Result::ok));
    }
    let there = there.await?;
    if scope == Scope::All && usize::try_from(there).is_ok_and(|there| there != rows.len()) {
        // Some are so damaged that the index does not have them in any state.
        let all = charges.get_all::<JsValue>().primitive()?.await?;
        rows = all.filter_map(Result::ok).collect();
    }
    let mut loaded = Loaded::default();
    if let Some(lost) = lost {
        loaded.lost = lost.await?;
    }
    for row in rows {
        let read = rows::read(&row);
        let is_record = matches!(read.found, Found::Record(_));
        if let Found::Record(record) = read.found {
            loaded.records.push(*record);
        }
        if !is_record || !read.in_place {
            loaded.amiss.push(rows::key_of(&row));
        }
    }
    Ok(loaded)
}

/// All of the index that is in this state. An array is greater than every number.
pub fn in_state(state: &str) -> KeyRange<JsValue> {
    let lowest = Array::of1(&state.into());
    let highest = Array::of2(&state.into(), &Array::new());
    KeyRange::Bound(lowest.into(), false, highest.into(), false)
}
