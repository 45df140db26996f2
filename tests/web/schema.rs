//! The database's schema: an older one becomes the next with its charges, a newer one is left to
//! its version, and the index finds what is open.

use js_sys::{Array, Function};
use serde_json::{Value, json};
use tollbox::browser::store::{Choice, News, Scope};
use tollbox::core::snapshot::StorageKind;
use wasm_bindgen::prelude::*;
use wasm_bindgen_test::wasm_bindgen_test;

use crate::charges::{
    apply, begin, database, enqueue, fresh, key, keys, load, load_with_news, open_charges,
    open_store, open_with_news,
};
use crate::raw;
use crate::stores::{charged_op, clear, refused};

#[wasm_bindgen(raw_module = "/pkg/lib/journal/schema.js")]
extern "C" {
    #[wasm_bindgen(thread_local_v2, js_name = STEPS)]
    static STEPS: Array;

    #[wasm_bindgen(js_name = openDatabase, catch)]
    async fn open_database(name: &str, steps: &Array) -> Result<JsValue, JsValue>;
}

#[wasm_bindgen(module = "/tests/web/raw.js")]
extern "C" {
    #[wasm_bindgen(thread_local_v2, js_name = stepToCome)]
    static STEP_TO_COME: Function;
}

/// Opens the database as a made-up version to come does.
async fn open_next(account: &str) {
    let steps = STEPS.with(|steps| steps.slice(0, steps.length()));
    STEP_TO_COME.with(|step| steps.push(step));
    let next = open_database(&database(account), &steps).await.unwrap();
    raw::close_connection(&next);
}

#[wasm_bindgen_test]
async fn a_database_of_an_older_schema_becomes_one_of_the_next_with_every_charge() {
    let account = fresh("older");
    let store = open_store(&account, Choice::IndexedDb).await;
    let ops = [
        enqueue("charged"),
        begin("charged", "one"),
        charged_op("charged"),
        enqueue("open"),
        refused("refused"),
    ];
    apply(&store, &ops).await;
    let rows = raw::rows(&database(&account), "charges").await;
    assert_eq!(rows.len(), 3);
    // Another tab, with a later version of this package, takes the open database over.
    open_next(&account).await;
    assert!(raw::rows(&database(&account), "to_come").await.is_empty());
    assert_eq!(raw::rows(&database(&account), "charges").await, rows);
    // It has taken all of its steps already.
    open_next(&account).await;
    // This version leaves it alone, and says so.
    let (late, news) = open_with_news(&account, Choice::Auto).await;
    assert_eq!(late.kind(), StorageKind::LocalStorage);
    assert!(matches!(&news[..], [News::Moved { .. }]), "{news:?}");
    assert_eq!(raw::rows(&database(&account), "charges").await, rows);
    clear(&account, &[store, late]).await;
}

#[wasm_bindgen_test]
async fn a_newer_schema_is_left_alone_and_reported() {
    let account = fresh("newer");
    raw::make_newer_database(&database(&account)).await;
    let (store, news) = open_with_news(&account, Choice::Auto).await;
    assert_eq!(store.kind(), StorageKind::LocalStorage);
    let moved = matches!(&news[..], [News::Moved { to: StorageKind::LocalStorage, why, .. }]
        if why.contains("version"));
    assert!(moved, "{news:?}");
    assert!(raw::rows(&database(&account), "to_come").await.is_empty());
    clear(&account, &[store]).await;
}

#[wasm_bindgen_test]
async fn open_charges_are_read_without_the_settled_ones() {
    let account = fresh("index");
    let store = open_store(&account, Choice::IndexedDb).await;
    let ops = [
        enqueue("open"),
        enqueue("done"),
        begin("done", "one"),
        charged_op("done"),
        refused("refused"),
    ];
    apply(&store, &ops).await;
    let (unsettled, news) = load_with_news(&store, Scope::Unsettled).await;
    assert_eq!(keys(&unsettled.unwrap()), ["open", "refused"]);
    assert_eq!(news, []);
    assert_eq!(keys(&load(&store).await), ["done", "open", "refused"]);
    clear(&account, &[store]).await;
}

#[wasm_bindgen_test]
async fn an_open_charge_missing_in_the_index_is_put_into_it() {
    let misplaced: [fn(&mut Value); 4] = [
        |row| row["state"] = json!("settled"),
        |row| row["state"] = json!("nonsense"),
        |row| row["sequence"] = json!([]),
        |row| drop(row.as_object_mut().unwrap().remove("state")),
    ];
    for misplace in misplaced {
        let account = fresh("misplaced");
        let store = open_store(&account, Choice::IndexedDb).await;
        apply(&store, &[enqueue("a"), enqueue("b")]).await;
        let mut row = raw::row(&database(&account), "a").await.unwrap();
        misplace(&mut row);
        raw::put_row(&database(&account), &row).await;
        assert_eq!(keys(&load(&store).await), ["a", "b"], "{row}");
        let (unsettled, news) = load_with_news(&store, Scope::Unsettled).await;
        assert_eq!(keys(&unsettled.unwrap()), ["a", "b"], "{row}");
        assert_eq!(news, [], "{row}");
        clear(&account, &[store]).await;
    }
}

#[wasm_bindgen_test]
async fn a_connection_makes_way_for_a_deletion_and_reports_the_journal_gone() {
    let account = fresh("deleted");
    let store = open_store(&account, Choice::IndexedDb).await;
    apply(&store, &[enqueue("a")]).await;
    // Fails if a connection is in the way.
    raw::delete_database(&database(&account)).await;
    let (records, news) = load_with_news(&store, Scope::All).await;
    assert_eq!(records.unwrap(), []);
    assert!(matches!(&news[..], [News::Wiped { .. }]), "{news:?}");
    // Reported once, and the store goes on.
    assert!(apply(&store, &[enqueue("b")]).await[0].done);
    assert_eq!(keys(&load(&store).await), ["b"]);
    clear(&account, &[store]).await;
}

#[wasm_bindgen_test]
async fn a_journal_wiped_between_two_starts_is_reported_if_charges_were_open() {
    for (open, told) in [(2, true), (0, false)] {
        let account = fresh("wiped");
        let store = open_store(&account, Choice::IndexedDb).await;
        store.mark(open_charges(open));
        store.close();
        raw::delete_database(&database(&account)).await;
        let (store, news) = open_with_news(&account, Choice::IndexedDb).await;
        match told {
            true => assert!(
                matches!(&news[..], [News::Wiped { detail, .. }] if detail.contains('2')),
                "{news:?}"
            ),
            false => assert_eq!(news, []),
        }
        store.close();
        // Reported only once.
        let store = open_store(&account, Choice::IndexedDb).await;
        clear(&account, &[store]).await;
    }
}

#[wasm_bindgen_test]
async fn a_database_that_a_newer_version_takes_over_meanwhile_is_left_for_local_storage() {
    let account = fresh("overtaken");
    let store = open_store(&account, Choice::Auto).await;
    apply(&store, &[enqueue("a")]).await;
    raw::make_newer_database(&database(&account)).await;
    let (loaded, news) = load_with_news(&store, Scope::All).await;
    assert!(loaded.is_err());
    assert!(matches!(&news[..], [News::Moved { .. }]), "{news:?}");
    // Until the store settles in, the new storage is not read as if it were the journal.
    let (loaded, news) = load_with_news(&store, Scope::All).await;
    assert!(loaded.is_err() && news.is_empty(), "{news:?}");
    store.settle_in();
    assert_eq!(store.kind(), StorageKind::LocalStorage);
    assert!(apply(&store, &[enqueue("b")]).await[0].done);
    assert_eq!(load(&store).await[0].charge().key, key("b"));
    clear(&account, &[store]).await;
}
