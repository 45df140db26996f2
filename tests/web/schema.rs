//! The database's schema: an older one becomes today's with its charges, a newer one is left to
//! its version, and the index finds what is open.

use serde_json::{Value, json};
use tollbox::browser::store::{Choice, News, Scope};
use tollbox::core::record::State;
use tollbox::core::snapshot::StorageKind;
use wasm_bindgen_test::wasm_bindgen_test;

use crate::charges::{
    apply, begin, database, enqueue, fresh, key, keys, load, load_with_news, open_charges,
    open_store, open_with_news, read,
};
use crate::raw;
use crate::stores::{charged_op, clear, refused};

/// Rows as the first schema's code wrote them.
const FIRST_SCHEMA: &str = include_str!("first_schema.json");

#[wasm_bindgen_test]
async fn a_database_of_the_first_schema_keeps_every_charge() {
    let account = fresh("first");
    raw::make_first_schema(&database(&account), FIRST_SCHEMA).await;
    let store = open_store(&account, Choice::IndexedDb).await;
    let records = load(&store).await;
    assert_eq!(
        keys(&records),
        ["attempting", "charged", "open", "parked", "retryable"]
    );
    for record in &records {
        let is_right = match (record.charge().key.as_str(), record.state()) {
            ("attempting", State::Attempting(_)) => record.attempts() == 1,
            ("charged", State::Settled(_)) => record.receipt().is_some(),
            ("open", State::Waiting(_)) => record.attempts() == 0,
            ("parked", State::Parked(_)) => true,
            ("retryable", State::Settled(_)) => record.is_retryable(),
            _ => false,
        };
        assert!(is_right, "{record:?}");
    }
    // States that the first schema did not tell apart are distinct now.
    let (unsettled, _) = load_with_news(&store, Scope::Unsettled).await;
    assert_eq!(
        keys(&unsettled.unwrap()),
        ["attempting", "open", "parked", "retryable"]
    );
    let again = apply(&store, &[enqueue("new"), read("open")]).await;
    assert!(again.iter().all(|applied| applied.done));
    clear(&account, &[store]).await;
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
        store.mark(&open_charges(open));
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
