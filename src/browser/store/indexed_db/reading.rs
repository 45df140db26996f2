//! Reading the journal, a page at a time.

use js_sys::Array;
use wasm_bindgen::{JsCast as _, JsValue};
use wasm_bindgen_futures::JsFuture;

use super::bindings::{self, Database, Rows};
use super::rows::{self, Read};
use crate::browser::store::{Found, Scope};
use crate::core::charge::Key;
use crate::core::record::Record;

/// What was found besides records.
pub struct Besides {
    /// Whether claims of a batch are there, and damaged: then nothing was told.
    pub has_lost_claims: bool,
    /// How many changes there had been.
    pub changes: f64,
    /// The keys of rows in which something is amiss.
    pub amiss: Array,
    /// The keys of charges whose records are lost, where everything was read.
    pub lost: Vec<Key>,
}

/// Reads what is in `scope`, in one transaction, and tells the records page by page.
pub async fn read(
    database: &Database,
    scope: Scope,
    tell: &mut dyn FnMut(Vec<Record>),
) -> Result<Besides, JsValue> {
    let pages = bindings::read(database, scope == Scope::All)?;
    let amiss = Array::new();
    loop {
        let page = JsFuture::from(pages.next()).await?;
        if page.is_undefined() {
            break;
        }
        tell(records(&page.unchecked_into(), &amiss));
    }
    let lost = pages.lost();
    let lost = lost.iter().filter_map(|key| key.as_string());
    let lost = lost.filter_map(|key| Key::new(key).ok()).collect();
    Ok(Besides {
        has_lost_claims: pages.has_lost_claims(),
        changes: pages.changes(),
        amiss,
        lost,
    })
}

/// The records in these rows. Adds the keys of those in which something is amiss.
fn records(page: &Rows, amiss: &Array) -> Vec<Record> {
    let mut records = Vec::new();
    for (place, read) in rows::read_all(page).into_iter().enumerate() {
        let Some(Read { found, in_place }) = read else {
            continue;
        };
        let is_record = matches!(found, Found::Record(_));
        if let Found::Record(record) = found {
            records.push(*record);
        }
        if !is_record || !in_place {
            amiss.push(&bindings::key_of(&page.at(place)));
        }
    }
    records
}
