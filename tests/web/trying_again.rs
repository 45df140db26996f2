//! Retries of a database that does not open at first, before its charges are given up.

use tollbox::browser::store::{Choice, News, Scope};
use tollbox::core::snapshot::StorageKind;
use wasm_bindgen_test::wasm_bindgen_test;

use crate::charges::{
    apply, database, enqueue, fresh, keys, load, load_with_news, names, open_store, open_with_news,
};
use crate::raw;
use crate::stores::clear;

const OPEN: (&str, &str) = ("IDBFactory", "open");
const READ_ID: (&str, &str) = ("IDBObjectStore", "get");
const WRITE: (&str, &str) = ("IDBObjectStore", "put");

#[wasm_bindgen_test]
async fn charges_survive_a_transient_error_at_opening() {
    for (method, fault, times) in [
        (OPEN, "UnknownError", 1),
        (OPEN, "UnknownError", 2),
        (OPEN, "InvalidStateError", 1),
        (OPEN, "hangs", 1),
        (READ_ID, "UnknownError", 1),
    ] {
        let account = fresh("again");
        let store = open_store(&account, Choice::Auto).await;
        apply(&store, &[enqueue("a"), enqueue("b")]).await;
        store.close();
        // A crash of the browser loses the writes of the last seconds.
        raw::remove_entries(&names(&account).marker());
        let store = raw::spoilt(method, fault, times, async || {
            open_store(&account, Choice::Auto).await
        })
        .await;
        let case = format!("{method:?} {fault} {times}");
        assert_eq!(store.kind(), StorageKind::IndexedDb, "{case}");
        assert_eq!(keys(&load(&store).await), ["a", "b"], "{case}");
        clear(&account, &[store]).await;
    }
}

#[wasm_bindgen_test]
async fn a_lost_connection_is_reopened_although_that_fails_at_first() {
    let account = fresh("anew");
    let store = open_store(&account, Choice::Auto).await;
    // Closes the store's connection.
    raw::delete_database(&database(&account)).await;
    let (records, news) = raw::spoilt(OPEN, "UnknownError", 1, async || {
        load_with_news(&store, Scope::All).await
    })
    .await;
    assert_eq!(records.unwrap(), []);
    assert!(matches!(&news[..], [News::Wiped { .. }]), "{news:?}");
    assert_eq!(store.kind(), StorageKind::IndexedDb);
    clear(&account, &[store]).await;
}

#[wasm_bindgen_test]
async fn a_permanent_error_at_opening_is_not_retried() {
    for fault in ["throws", "SecurityError", "VersionError"] {
        let account = fresh("denied");
        // A second try would open it.
        let (store, news) = raw::spoilt(OPEN, fault, 1, async || {
            open_with_news(&account, Choice::Auto).await
        })
        .await;
        assert_eq!(store.kind(), StorageKind::LocalStorage, "{fault}");
        assert!(
            matches!(&news[..], [News::Moved { .. }]),
            "{fault}: {news:?}"
        );
        clear(&account, &[store]).await;
    }
}

#[wasm_bindgen_test]
async fn a_database_whose_identity_can_not_be_written_is_used() {
    let account = fresh("nameless");
    let store = raw::spoilt(WRITE, "throws", 1, async || {
        open_store(&account, Choice::Auto).await
    })
    .await;
    assert_eq!(store.kind(), StorageKind::IndexedDb);
    assert!(apply(&store, &[enqueue("a")]).await[0].done);
    store.close();
    let store = open_store(&account, Choice::Auto).await;
    assert_eq!(keys(&load(&store).await), ["a"]);
    clear(&account, &[store]).await;
}
