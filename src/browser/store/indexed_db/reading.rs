//! Reading the journal, a page at a time.

use js_sys::Array;
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::JsFuture;

use super::bindings::{self, Database};
use super::rows;
use crate::browser::store::{Found, Scope};
use crate::core::charge::Key;
use crate::core::record::Record;

/// What was read.
#[derive(Default)]
pub struct Loaded {
    /// The records.
    pub records: Vec<Record>,
    /// The keys of rows in which something is amiss.
    pub amiss: Array,
    /// The keys of charges whose records are lost, where everything was read.
    pub lost: Vec<Key>,
}

/// Reads what is in `scope`, in one transaction.
pub async fn load(database: &Database, scope: Scope) -> Result<Loaded, JsValue> {
    let pages = bindings::read(database, scope == Scope::All)?;
    let mut loaded = Loaded::default();
    loop {
        let page = JsFuture::from(pages.next()).await?;
        if page.is_undefined() {
            break;
        }
        for row in Array::from(&page).iter() {
            loaded.take(&row);
        }
    }
    let lost = pages.lost();
    let lost = lost.iter().filter_map(|key| key.as_string());
    loaded.lost = lost.filter_map(|key| Key::new(key).ok()).collect();
    Ok(loaded)
}

impl Loaded {
    fn take(&mut self, row: &JsValue) {
        let read = rows::read(row);
        let is_record = matches!(read.found, Found::Record(_));
        if let Found::Record(record) = read.found {
            self.records.push(*record);
        }
        if !is_record || !read.in_place {
            self.amiss.push(&bindings::key_of(row));
        }
    }
}
