//! Reading through a client: a journal or quarantine that can't be read, or was deleted meanwhile.

use js_sys::{Array, Function, Promise};
use serde_json::Value;
use tollbox::browser::store::{Choice, Scope};
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::JsFuture;
use wasm_bindgen_test::wasm_bindgen_test;

use crate::charges::{
    apply, database, enqueue, fresh, key, load_with_news, names, open_charges, open_store,
    open_with_news,
};
use crate::host::with_transport;
use crate::opening::{charge, close, json_of, open};
use crate::raw;
use crate::stores::clear;

/// The method that reads all of the journal, or of the quarantine; writes don't use it.
const READ: (&str, &str) = ("IDBObjectStore", "getAll");

/// Has a damaged row and a damaged entry of localStorage set aside.
async fn with_things_set_aside(account: &str) {
    let store = open_store(account, Choice::IndexedDb).await;
    apply(&store, &[enqueue("row")]).await;
    let mut row = raw::row(&database(account), "row").await.unwrap();
    row["check"] = 0.into();
    raw::put_row(&database(account), &row).await;
    load_with_news(&store, Scope::All).await.0.unwrap();
    store.close();
    raw::put_entry(&names(account).charge(&key("entry")), "not a charge");
    let (store, _) = open_with_news(account, Choice::LocalStorage).await;
    store.close();
}

fn keys(aside: &Value) -> Vec<&str> {
    let aside = aside.as_array().unwrap().iter();
    aside.map(|aside| aside["key"].as_str().unwrap()).collect()
}

#[wasm_bindgen_test]
async fn the_quarantine_is_read_again_after_a_failure() {
    let account = fresh("aside");
    with_things_set_aside(&account).await;
    let client = open(&account, "auto", &with_transport("null", "never")).await;
    let aside = raw::spoilt(READ, "UnknownError", 1, async || {
        json_of(client.quarantined()).await
    })
    .await;
    assert_eq!(keys(&aside), ["row", "entry"]);
    close(client).await;
    clear(&account, &[]).await;
}

#[wasm_bindgen_test]
async fn the_local_quarantine_is_reported_where_the_database_can_not_be_read() {
    let account = fresh("aside");
    with_things_set_aside(&account).await;
    let client = open(&account, "auto", &with_transport("null", "never")).await;
    let aside = raw::spoilt(READ, "UnknownError", raw::ALWAYS, async || {
        json_of(client.quarantined()).await
    })
    .await;
    assert_eq!(keys(&aside), ["entry"]);
    close(client).await;
    clear(&account, &[]).await;
}

#[wasm_bindgen_test]
async fn a_deletion_found_while_reading_the_quarantine_is_reported() {
    let account = fresh("wiped");
    let host = with_transport("null", "never");
    let client = open(&account, "auto", &host).await;
    charge(&client, "1").await;
    raw::delete_database(&database(&account)).await;
    json_of(client.quarantined()).await;
    assert!(
        host.alerts_json().contains("wiped"),
        "{}",
        host.alerts_json()
    );
    close(client).await;
    clear(&account, &[]).await;
}

#[wasm_bindgen_test]
async fn an_unread_journal_is_not_noted_as_empty() {
    let account = fresh("unread");
    let store = open_store(&account, Choice::IndexedDb).await;
    apply(&store, &["a", "b"].map(enqueue)).await;
    store.mark(open_charges(2));
    store.close();
    let marker = names(&account).marker();
    let before = raw::entry(&marker);
    raw::spoilt(READ, "UnknownError", raw::ALWAYS, async || {
        let client = open(&account, "auto", &with_transport("null", "never")).await;
        assert_eq!(raw::entry(&marker), before);
        close(client).await;
        assert_eq!(raw::entry(&marker), before);
    })
    .await;
    clear(&account, &[]).await;
}

#[wasm_bindgen_test]
async fn a_closed_client_reads_no_more() {
    let account = fresh("closed");
    let client = open(&account, "auto", &with_transport("null", "never")).await;
    let charges = raw::spoilt(READ, "UnknownError", raw::ALWAYS, async || {
        let charges = client.charges(u32::MAX, u32::MAX, Function::new_no_args(""));
        close(client).await;
        // The promise that settled first wins.
        let either = Promise::race(&Array::of2(&charges, &Promise::resolve(&JsValue::NULL)));
        JsFuture::from(either).await.unwrap()
    })
    .await;
    assert!(!charges.is_null(), "it still reads");
    clear(&account, &[]).await;
}
