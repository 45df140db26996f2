//! Opening a client where the browser lacks or denies a storage: it takes the next best, and says
//! so.

use gloo_timers::future::TimeoutFuture;
use js_sys::{Array, Function, JSON, Promise, Reflect};
use serde_json::{Value, json};
use tollbox::browser::Client;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::{JsFuture, future_to_promise};
use wasm_bindgen_test::wasm_bindgen_test;

use crate::charges::{NAMESPACE, database, fresh};
use crate::host::{TestHost, origin, with_transport};
use crate::raw;

/// A client that gives up a call to a transport that never answers after a short time.
pub async fn open(account: &str, storage: &str, host: &TestHost) -> Client {
    open_within(200, account, storage, host).await
}

async fn open_within(limit_ms: u64, account: &str, storage: &str, host: &TestHost) -> Client {
    let host = host.clone().unchecked_into();
    let opening = json!({ "baseUrl": origin(), "account": account, "namespace": NAMESPACE });
    let options = json!({
        "queue": { "storage": storage }, "retry": { "respondWithinMs": limit_ms },
    });
    Client::open(opening.to_string(), options.to_string(), None, host)
        .await
        .unwrap()
}

/// The value of a promise, as JSON.
pub async fn json_of(promise: Promise) -> Value {
    let answer = JsFuture::from(promise).await.unwrap();
    let text = JSON::stringify(&answer).unwrap();
    serde_json::from_str(&String::from(text)).unwrap()
}

pub async fn charge(client: &Client, task_id: &str) -> Value {
    let request = json!({
        "taskId": task_id, "amount": 3, "feature": "cloud_trans", "metadata": {},
    });
    json_of(client.charge(&request.to_string()).unwrap().answer).await
}

/// All charges that the client lists.
pub async fn listed(client: &Client) -> Vec<Value> {
    let pages = Array::new();
    let push: Function = Reflect::get(&pages, &"push".into())
        .unwrap()
        .unchecked_into();
    let charges = client.charges(u32::MAX, u32::MAX, push.bind0(&pages));
    JsFuture::from(charges).await.unwrap();
    let pages = pages.iter().map(|page| page.as_string().unwrap());
    let pages = pages.map(|page| serde_json::from_str::<Vec<Value>>(&page).unwrap());
    pages.flatten().collect()
}

pub async fn close(client: Client) {
    JsFuture::from(client.close()).await.unwrap();
}

/// The storage that a client of this account uses, and the outcome of an unanswered charge.
async fn storage_and_outcome(account: &str, storage: &str) -> (Value, Value) {
    let host = with_transport("null", "never");
    // Longer than a slow disk takes: only what is written is durable.
    let client = open_within(3_000, account, storage, &host).await;
    let outcome = charge(&client, "1").await;
    close(client).await;
    (host.snapshot()["storage"].clone(), outcome)
}

#[wasm_bindgen_test]
async fn the_best_storage_is_taken_and_only_indexed_db_counts_as_durable() {
    for (wanted, taken, durable) in [
        ("auto", "indexeddb", true),
        ("indexeddb", "indexeddb", true),
        ("localstorage", "localstorage", false),
        ("memory", "memory", false),
    ] {
        let (storage, outcome) = storage_and_outcome(&fresh("best"), wanted).await;
        assert_eq!(storage, taken, "{wanted}");
        assert_eq!(outcome["status"], "unknown", "{wanted}: {outcome}");
        assert_eq!(outcome["durable"], durable, "{wanted}: {outcome}");
    }
}

#[wasm_bindgen_test]
async fn the_journal_is_in_local_storage_without_indexed_db_and_says_so() {
    let (storage, outcome) = raw::without("indexedDB", async || {
        storage_and_outcome(&fresh("without"), "auto").await
    })
    .await;
    assert_eq!(storage, "localstorage");
    assert_eq!(outcome["durable"], false);
}

#[wasm_bindgen_test]
async fn the_journal_is_in_memory_without_any_storage_and_says_so() {
    let (storage, outcome) = raw::without("indexedDB", async || {
        raw::without("localStorage", async || {
            storage_and_outcome(&fresh("without"), "auto").await
        })
        .await
    })
    .await;
    assert_eq!(storage, "memory");
    assert_eq!(outcome["durable"], false);
}

#[wasm_bindgen_test]
async fn a_database_of_a_newer_version_is_left_alone() {
    let account = fresh("newer");
    raw::make_newer_database(&database(&account)).await;
    let (storage, outcome) = storage_and_outcome(&account, "auto").await;
    assert_eq!(storage, "localstorage");
    assert_eq!(outcome["durable"], false);
    assert!(raw::rows(&database(&account), "to_come").await.is_empty());
}

#[wasm_bindgen_test]
async fn nothing_is_sent_while_the_requested_storage_is_unavailable() {
    let account = fresh("nowhere");
    let host = with_transport("null", "never");
    let outcome = raw::without("indexedDB", async || {
        let client = open(&account, "indexeddb", &host).await;
        let outcome = charge(&client, "1").await;
        close(client).await;
        outcome
    })
    .await;
    assert_eq!(outcome["status"], "failed", "{outcome}");
    assert_eq!(outcome["reason"], "storage_unavailable");
    assert!(
        host.requests()
            .iter()
            .all(|request| request["method"] == "GET")
    );
}

#[wasm_bindgen_test]
async fn a_charge_that_an_unreadable_journal_may_have_is_unknown() {
    for storage in ["indexeddb", "auto", "localstorage", "memory"] {
        let account = fresh("unread");
        raw::make_newer_database(&database(&account)).await;
        let host = with_transport("null", "offline");
        let client = open(&account, storage, &host).await;
        let outcome = charge(&client, "1").await;
        close(client).await;
        assert_eq!(outcome["status"], "unknown", "{storage}: {outcome}");
        assert_eq!(outcome["resolving"], true, "{storage}: {outcome}");
    }
}

#[wasm_bindgen_test]
async fn a_database_that_does_not_open_is_given_up() {
    let account = fresh("blocked");
    let unblock = raw::block_database(&database(&account)).await;
    let (storage, outcome) = storage_and_outcome(&account, "auto").await;
    assert_eq!(storage, "localstorage");
    assert_eq!(outcome["durable"], false);
    raw::call(&unblock).await;
}

#[wasm_bindgen_test]
async fn an_unreadable_local_storage_is_not_used() {
    for (wanted, taken) in [("auto", "indexeddb"), ("localstorage", "memory")] {
        let (storage, outcome) =
            raw::spoilt(("Storage", "getItem"), "throws", raw::ALWAYS, async || {
                storage_and_outcome(&fresh("unreadable"), wanted).await
            })
            .await;
        assert_eq!(storage, taken, "{wanted}");
        assert_eq!(outcome["status"], "unknown", "{wanted}: {outcome}");
    }
}

#[wasm_bindgen_test]
async fn a_locks_query_that_never_answers_does_not_delay_opening() {
    let account = fresh("locks");
    let opened = future_to_promise(async move {
        close(open(&account, "auto", &with_transport("null", "never")).await).await;
        Ok(JsValue::TRUE)
    });
    let late = future_to_promise(async {
        TimeoutFuture::new(30_000).await;
        Ok(JsValue::FALSE)
    });
    raw::spoilt(
        ("LockManager", "query"),
        "never settles",
        raw::ALWAYS,
        async || {
            let either = Promise::race(&Array::of2(&opened, &late));
            assert!(JsFuture::from(either).await.unwrap().is_truthy());
        },
    )
    .await;
}
