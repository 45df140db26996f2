//! Records spoilt at rest are set aside and reported, and the others stay usable. Records of a
//! newer version are left alone.

use serde_json::{Value, json};
use tollbox::browser::store::{JournalStore, News, Scope, Storage};
use tollbox::core::charge::Key;
use tollbox::core::codec;
use wasm_bindgen_test::wasm_bindgen_test;

use crate::charges::{
    all_entries, apply, apply_with_news, database, enqueue, fresh, keys, load, load_with_news,
    lost, names, read,
};
use crate::raw;
use crate::stores::{indexed_db, local, prefix};

/// A way to damage a stored record.
type Change = (&'static str, fn(&Value) -> Value);

const SPOILT: [Change; 8] = [
    ("another body", |row| with(row, "body", json!("{}"))),
    ("another checksum", |row| with(row, "check", json!(0))),
    ("not a charge", |row| with_body(row, "{}")),
    ("not JSON", |row| with_body(row, "{\"charge\":")),
    ("no checksum", |row| with(row, "check", Value::Null)),
    ("no body", |row| with(row, "body", Value::Null)),
    ("a format that is no number", |row| {
        with(row, "format", json!("one"))
    }),
    ("a format before the first", |row| {
        with(row, "format", json!(0))
    }),
];

const NEWER: Change = ("newer", |row| with(row, "format", json!(codec::FORMAT + 1)));

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

/// A store with the charges `before`, `spoilt` and `later`, the second of which is changed.
struct Scene {
    account: String,
    store: JournalStore,
    change: &'static str,
}

impl Scene {
    async fn indexed_db((name, change): Change) -> Scene {
        let account = fresh("damage");
        let store = indexed_db(&account).await;
        let scene = Scene {
            account,
            store,
            change: name,
        };
        apply(&scene.store, &["before", "later", "spoilt"].map(enqueue)).await;
        let row = raw::row(&database(&scene.account), "spoilt").await.unwrap();
        raw::put_row(&database(&scene.account), &change(&row)).await;
        scene
    }

    async fn local((name, change): Change) -> Scene {
        let account = fresh("damage");
        let store = local(&account).await;
        let scene = Scene {
            account,
            store,
            change: name,
        };
        apply(&scene.store, &["before", "later", "spoilt"].map(enqueue)).await;
        let entry = raw::entry(&scene.entry_name()).unwrap();
        let row = serde_json::from_str(&entry).unwrap();
        raw::put_entry(&scene.entry_name(), &change(&row).to_string());
        scene
    }

    fn entry_name(&self) -> String {
        format!("{}spoilt", prefix(&self.account))
    }

    /// The raw record of `spoilt`, if it is still in its place.
    async fn in_place(&self) -> Option<Value> {
        match &*self.store.storage() {
            Storage::IndexedDb(_) => raw::row(&database(&self.account), "spoilt").await,
            Storage::Local(_) | Storage::Memory(_) => {
                raw::entry(&self.entry_name()).map(|text| serde_json::from_str(&text).unwrap())
            }
        }
    }

    /// How many records have been set aside.
    async fn aside(&self) -> usize {
        match &*self.store.storage() {
            Storage::IndexedDb(_) => raw::rows(&database(&self.account), "quarantine")
                .await
                .len(),
            Storage::Local(_) | Storage::Memory(_) => {
                raw::entry_names(&names(&self.account).all_damaged()).len()
            }
        }
    }

    async fn load_sets_aside(self) {
        let change = self.change;
        let (records, news) = load_with_news(&self.store, Scope::All).await;
        assert!(
            matches!(&news[..], [News::SetAside(detail)] if detail.contains("spoilt")),
            "{change}: {news:?}"
        );
        assert_eq!(
            lost(&self.store).await,
            [Key::new("spoilt").unwrap()],
            "{change}"
        );
        assert_eq!(
            keys(&records.expect(change)),
            ["before", "later"],
            "{change}"
        );
        assert_eq!(self.aside().await, 1, "{change}");
        assert_eq!(self.in_place().await, None, "{change}");
        // Only once.
        assert_eq!(
            keys(&load(&self.store).await),
            ["before", "later"],
            "{change}"
        );
        self.end().await;
    }

    async fn apply_sets_aside(self) {
        let change = self.change;
        let ops = [read("before"), enqueue("spoilt"), enqueue("new")];
        let (applied, news) = apply_with_news(&self.store, &ops).await;
        assert!(
            matches!(&news[..], [News::SetAside(_)]),
            "{change}: {news:?}"
        );
        let all_there = applied
            .expect(change)
            .iter()
            .all(|applied| applied.done && applied.record.is_some());
        assert!(all_there, "{change}");
        assert_eq!(self.aside().await, 1, "{change}");
        assert_eq!(
            keys(&load(&self.store).await),
            ["before", "later", "new", "spoilt"],
            "{change}"
        );
        self.end().await;
    }

    async fn leaves_alone(self) {
        let before = self.in_place().await;
        let (records, news) = load_with_news(&self.store, Scope::All).await;
        assert!(matches!(&news[..], [News::LeftAlone(_)]), "{news:?}");
        assert_eq!(keys(&records.unwrap()), ["before", "later"]);
        // Whatever the outcome, the stored record must not be overwritten.
        drop(apply_with_news(&self.store, &[enqueue("spoilt"), read("later")]).await);
        assert_eq!(self.in_place().await, before);
        assert_eq!(self.aside().await, 0);
        self.end().await;
    }

    async fn end(self) {
        self.store.close();
        raw::remove_entries(&all_entries(&self.account));
        raw::delete_database(&database(&self.account)).await;
    }
}

#[wasm_bindgen_test]
async fn a_damaged_row_is_set_aside_when_the_journal_is_read() {
    for change in SPOILT {
        Scene::indexed_db(change).await.load_sets_aside().await;
    }
}

#[wasm_bindgen_test]
async fn a_damaged_row_is_set_aside_when_an_operation_meets_it() {
    for change in SPOILT {
        let scene = Scene::indexed_db(change).await;
        scene.apply_sets_aside().await;
    }
}

#[wasm_bindgen_test]
async fn a_damaged_entry_is_set_aside_when_the_journal_is_read() {
    for change in SPOILT {
        Scene::local(change).await.load_sets_aside().await;
    }
}

#[wasm_bindgen_test]
async fn a_damaged_entry_is_set_aside_when_an_operation_meets_it() {
    for change in SPOILT {
        Scene::local(change).await.apply_sets_aside().await;
    }
}

#[wasm_bindgen_test]
async fn an_entry_that_is_not_json_is_set_aside() {
    let scene = Scene::local(SPOILT[0]).await;
    raw::put_entry(&scene.entry_name(), "{\"format\":1,");
    let (records, news) = load_with_news(&scene.store, Scope::All).await;
    assert_eq!(news.len(), 1);
    assert_eq!(keys(&records.unwrap()), ["before", "later"]);
    assert_eq!(scene.aside().await, 1);
    assert_eq!(raw::entry(&scene.entry_name()), None);
    scene.end().await;
}

#[wasm_bindgen_test]
async fn a_row_of_a_newer_format_is_left_alone() {
    Scene::indexed_db(NEWER).await.leaves_alone().await;
}

#[wasm_bindgen_test]
async fn an_entry_of_a_newer_format_is_left_alone() {
    Scene::local(NEWER).await.leaves_alone().await;
}
