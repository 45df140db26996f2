//! What did not pass its check, kept as it was found.

use indexed_db_futures::error::Error;
use indexed_db_futures::object_store::ObjectStore;
use indexed_db_futures::prelude::*;
use indexed_db_futures::transaction::Transaction;
use js_sys::{JSON, Object, Reflect};
use wasm_bindgen::JsValue;

use super::rows;
use super::schema::QUARANTINE;
use crate::browser::clock::now;
use crate::browser::store::SetAside;

/// The object store of what was set aside.
pub struct Quarantine<'a> {
    store: ObjectStore<'a>,
}

impl<'a> Quarantine<'a> {
    pub fn of(transaction: &'a Transaction<'a>) -> Result<Quarantine<'a>, Error> {
        Ok(Quarantine {
            store: transaction.object_store(QUARANTINE)?,
        })
    }

    /// Sets a row aside.
    pub fn add(&self, row: &JsValue, why: &str) -> Result<(), Error> {
        let aside = Object::new();
        let found_at_ms = now().wall_ms as f64;
        for (name, value) in [
            ("row", row.clone()),
            ("why", why.into()),
            ("found_at_ms", found_at_ms.into()),
        ] {
            // Setting a property of a new plain object can't fail.
            let _ = Reflect::set(&aside, &name.into(), &value);
        }
        drop(self.store.add(JsValue::from(aside)).primitive()?);
        Ok(())
    }
}

/// Everything that was set aside, oldest first.
pub async fn all(transaction: &Transaction<'_>) -> Result<Vec<SetAside>, Error> {
    let store = transaction.object_store(QUARANTINE)?;
    let rows = store.get_all::<JsValue>().primitive()?.await?;
    Ok(rows.filter_map(Result::ok).map(|row| shown(&row)).collect())
}

fn shown(aside: &JsValue) -> SetAside {
    let member = |name: &str| {
        let value = Reflect::get(aside, &name.into()).ok();
        value.filter(|value| !value.is_undefined())
    };
    // What is no such row is shown whole.
    let row = member("row").unwrap_or_else(|| aside.clone());
    let stored = JSON::stringify(&row).ok();
    SetAside {
        key: rows::key_text(&row),
        detail: member("why")
            .and_then(|why| why.as_string())
            .unwrap_or_default(),
        found_at: member("found_at_ms")
            .and_then(|at| at.as_f64())
            .unwrap_or(0.0),
        stored: stored.and_then(|text| text.as_string()).unwrap_or_default(),
    }
}
