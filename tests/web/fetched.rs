//! Requests by `fetch`, over the network and through a service worker that answers badly.

use js_sys::{Array, Function};
use serde_json::{Value, json};
use tollbox::browser::http::{Destination, Exchange, exchange};
use tollbox::core::protocol::{Method, Request};
use wasm_bindgen::prelude::*;
use wasm_bindgen_test::wasm_bindgen_test;

use crate::host::{LONG_MS, SHORT_MS, exchange_at, exchange_here, get, origin, with_fetch};
use crate::raw;

/// Nobody listens here: it is no service's port, and above those that are handed out freely.
const CLOSED: &str = "http://127.0.0.1:65535";

#[wasm_bindgen(module = "/tests/web/served.js")]
extern "C" {
    #[wasm_bindgen(js_name = fetchThroughWorker, catch)]
    async fn fetch_through_worker() -> Result<JsValue, JsValue>;
}

async fn through_worker<T>(work: impl AsyncFnOnce(&str) -> T) -> T {
    let end: Function = fetch_through_worker().await.unwrap().unchecked_into();
    let result = work(&format!("{}/tests/web/served", origin())).await;
    raw::call(&end).await;
    result
}

#[wasm_bindgen_test]
async fn every_status_is_an_answer() {
    let host = with_fetch("null");
    let Exchange::Answered(response) = exchange_here(&host, &get("nothing-here"), LONG_MS).await
    else {
        panic!("no answer");
    };
    assert_eq!(response.status, 404);
    assert!(!response.replayed);
}

#[wasm_bindgen_test]
async fn a_body_is_read_to_its_end() {
    let host = with_fetch("null");
    let file = get("tests/web/fetched.rs");
    let Exchange::Answered(response) = exchange_here(&host, &file, LONG_MS).await else {
        panic!("no answer");
    };
    assert_eq!(response.status, 200);
    assert_eq!(response.body, include_str!("fetched.rs"));
}

#[wasm_bindgen_test]
async fn a_refused_connection_is_lost_before_its_time_is_up() {
    let host = with_fetch("null");
    let exchange = exchange_at(CLOSED, &host, &get("balance"), LONG_MS).await;
    assert_eq!(exchange, Exchange::Lost { timed_out: false });
}

#[wasm_bindgen_test]
async fn headers_token_and_body_are_sent_and_the_answers_headers_read() {
    let request = Request {
        method: Method::Post,
        path: "echo".to_owned(),
        headers: vec![
            ("idempotency-key", "\"f:1\"".to_owned()),
            ("content-type", "application/json".to_owned()),
        ],
        body: Some("{\"task_id\":\"任务 🧾\"}".to_owned()),
    };
    let host = with_fetch("good");
    let answer =
        through_worker(async |base_url| exchange_at(base_url, &host, &request, LONG_MS).await)
            .await;
    let Exchange::Answered(response) = answer else {
        panic!("no answer");
    };
    assert_eq!(response.status, 201);
    assert_eq!(response.etag.as_deref(), Some("\"v1\""));
    assert_eq!(response.retry_after.as_deref(), Some("2"));
    assert!(response.replayed);
    let echo: Value = serde_json::from_str(&response.body).unwrap();
    assert_eq!(echo["method"], "POST");
    assert_eq!(echo["body"], json!(request.body));
    assert_eq!(echo["cache"], "no-store");
    assert_eq!(echo["headers"]["idempotency-key"], "\"f:1\"");
    assert_eq!(echo["headers"]["content-type"], "application/json");
    assert_eq!(echo["headers"]["authorization"], "Bearer a.good-token_~+/=");
}

#[wasm_bindgen_test]
async fn credentials_are_the_users_choice() {
    let host = with_fetch("null");
    let chosen = Array::new();
    through_worker(async |base_url| {
        for credentials in [
            None,
            Some(web_sys::RequestCredentials::Omit),
            Some(web_sys::RequestCredentials::Include),
        ] {
            let destination = Destination {
                base_url: base_url.to_owned(),
                credentials,
            };
            let request = get("echo");
            let answer =
                exchange(host.unchecked_ref(), &destination, &request, false, LONG_MS).await;
            let Exchange::Answered(response) = answer else {
                panic!("no answer");
            };
            let echo: Value = serde_json::from_str(&response.body).unwrap();
            chosen.push(&echo["credentials"].as_str().unwrap().into());
        }
    })
    .await;
    assert_eq!(chosen.join(" "), "same-origin omit include");
}

#[wasm_bindgen_test]
async fn the_time_limit_covers_a_body_that_never_ends() {
    let host = with_fetch("null");
    let exchange = through_worker(async |base_url| {
        exchange_at(base_url, &host, &get("endless"), 10 * SHORT_MS).await
    })
    .await;
    assert_eq!(exchange, Exchange::Lost { timed_out: true });
}

#[wasm_bindgen_test]
async fn an_answer_that_is_cut_in_its_body_is_no_answer() {
    let host = with_fetch("null");
    let exchange =
        through_worker(async |base_url| exchange_at(base_url, &host, &get("cut"), LONG_MS).await)
            .await;
    assert_eq!(exchange, Exchange::Lost { timed_out: false });
}
