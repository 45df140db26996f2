//! Records that were spoilt at rest: set aside and reported, and in nobody's way. Records of a
//! version to come: left alone.

use serde_json::{Value, json};
use tollbox::browser::store::Store;
use tollbox::core::codec;
use wasm_bindgen_test::wasm_bindgen_test;

use crate::charges::{AT, apply, enqueue, fresh, keys, load, read, sorted};
use crate::raw;
use crate::stores::{indexed_db, local, prefix};

/// Ways in which what is stored stops being a record.
const SPOILT: [fn(&Value) -> Value; 6] = [
    |row| with(row, "body", json!("{}")),
    |row| with(row, "check", json!(0)),
    |row| with_body(row, "{}"),
    |row| with_body(row, "not JSON"),
    |row| with(row, "check", json!("a string")),
    |row| with(row, "body", Value::Null),
];

fn with(row: &Value, member: &str, value: Value) -> Value {
    let mut row = row.clone();
    row[member] = value;
    row
}

/// Another body, and the checksum that fits it.
fn with_body(row: &Value, body: &str) -> Value {
    let check = crc32fast::hash(body.as_bytes());
    with(&with(row, "body", json!(body)), "check", json!(check))
}

fn newer(row: &Value) -> Value {
    with(row, "format", json!(codec::FORMAT + 1))
}

/// A store with the charges `before`, `spoilt` and `later`, the second of which is changed.
struct Scene {
    account: String,
    store: Store,
}

impl Scene {
    async fn indexed_db(change: fn(&Value) -> Value) -> Scene {
        let account = fresh("damage");
        let store = indexed_db(&account).await;
        let scene = Scene { account, store };
        apply(&scene.store, &["before", "later", "spoilt"].map(enqueue)).await;
        let row = raw::row(&scene.account, "spoilt").await.unwrap();
        raw::put_row(&scene.account, &change(&row)).await;
        scene
    }

    async fn local(change: fn(&Value) -> Value) -> Scene {
        let account = fresh("damage");
        let store = local(&account);
        let scene = Scene { account, store };
        apply(&scene.store, &["before", "later", "spoilt"].map(enqueue)).await;
        let entry = raw::entry(&scene.entry_name()).unwrap();
        let row = serde_json::from_str(&entry).unwrap();
        raw::put_entry(&scene.entry_name(), &change(&row).to_string());
        scene
    }

    fn entry_name(&self) -> String {
        format!("{}spoilt", prefix(&self.account))
    }

    /// The raw record of `spoilt`, if it still is in its place.
    async fn in_place(&self) -> Option<Value> {
        match &self.store {
            Store::IndexedDb(_) => raw::row(&self.account, "spoilt").await,
            _ => raw::entry(&self.entry_name()).map(|text| serde_json::from_str(&text).unwrap()),
        }
    }

    /// How many records have been set aside.
    async fn aside(&self) -> usize {
        match &self.store {
            Store::IndexedDb(_) => raw::rows(&self.account, "quarantine").await.len(),
            _ => raw::entry_names(&format!("tollbox:{}:damaged:", self.account)).len(),
        }
    }

    async fn is_set_aside_by_load(self) {
        let outcome = self.store.load().await.unwrap();
        assert_eq!(outcome.damages.len(), 1, "{:?}", outcome.damages);
        assert!(outcome.damages[0].contains("spoilt"), "{}", outcome.damages[0]);
        assert_eq!(keys(&sorted(outcome.value)), ["before", "later"]);
        assert_eq!(self.aside().await, 1);
        assert_eq!(self.in_place().await, None);
        // Once is enough.
        assert_eq!(keys(&load(&self.store).await), ["before", "later"]);
        self.end().await;
    }

    async fn is_set_aside_by_apply(self) {
        let ops = [read("before"), enqueue("spoilt"), enqueue("new")];
        let outcome = self.store.apply(&ops, false, AT).await.unwrap();
        assert_eq!(outcome.damages.len(), 1, "{:?}", outcome.damages);
        assert!(outcome.value.iter().all(|applied| applied.done && applied.record.is_some()));
        assert_eq!(self.aside().await, 1);
        assert_eq!(keys(&load(&self.store).await), ["before", "later", "new", "spoilt"]);
        self.end().await;
    }

    async fn is_left_alone(self) {
        let before = self.in_place().await;
        let outcome = self.store.load().await.unwrap();
        assert_eq!(outcome.damages.len(), 1, "{:?}", outcome.damages);
        assert_eq!(keys(&sorted(outcome.value)), ["before", "later"]);
        // Whatever is answered to this: what is there must not be overwritten.
        drop(self.store.apply(&[enqueue("spoilt")], false, AT).await);
        assert_eq!(self.in_place().await, before);
        assert_eq!(self.aside().await, 0);
        self.end().await;
    }

    async fn end(self) {
        self.store.close();
        raw::remove_entries(&format!("tollbox:{}:", self.account));
        raw::delete_database(&self.account).await;
    }
}

#[wasm_bindgen_test]
async fn a_damaged_row_is_set_aside_when_the_journal_is_read() {
    for change in SPOILT {
        Scene::indexed_db(change).await.is_set_aside_by_load().await;
    }
}

#[wasm_bindgen_test]
async fn a_damaged_row_is_set_aside_when_it_is_come_upon() {
    for change in SPOILT {
        Scene::indexed_db(change).await.is_set_aside_by_apply().await;
    }
}

#[wasm_bindgen_test]
async fn a_damaged_entry_is_set_aside_when_the_journal_is_read() {
    for change in SPOILT {
        Scene::local(change).await.is_set_aside_by_load().await;
    }
}

#[wasm_bindgen_test]
async fn a_damaged_entry_is_set_aside_when_it_is_come_upon() {
    for change in SPOILT {
        Scene::local(change).await.is_set_aside_by_apply().await;
    }
}

#[wasm_bindgen_test]
async fn a_row_of_a_newer_format_is_left_alone() {
    Scene::indexed_db(newer).await.is_left_alone().await;
}

#[wasm_bindgen_test]
async fn an_entry_of_a_newer_format_is_left_alone() {
    Scene::local(newer).await.is_left_alone().await;
}
