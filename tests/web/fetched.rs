//! Requests by `fetch`, over the network and with answers that only a bad network gives.

use serde_json::{Value, json};
use tollbox::browser::http::{Destination, Exchange, Limit, exchange};
use tollbox::core::protocol::{Method, Request};
use wasm_bindgen::prelude::*;
use wasm_bindgen_test::wasm_bindgen_test;

use crate::host::{LONG_MS, SHORT_MS, TestHost, exchange_at, exchange_here, get, with_fetch};

/// Nobody listens here: it is no service's port, and above those that are handed out freely.
const CLOSED: &str = "http://127.0.0.1:65535";

#[wasm_bindgen(module = "/tests/web/network.js")]
extern "C" {
    #[wasm_bindgen(js_name = answerNextFetch)]
    fn answer_next_fetch(name: &str);
}

/// One exchange in which `fetch` is answered so.
async fn answered(name: &str, host: &TestHost, request: &Request, limit_ms: u64) -> Exchange {
    answer_next_fetch(name);
    exchange_here(host, request, limit_ms).await
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
    let answer = answered("echo", &host, &request, LONG_MS).await;
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
    assert_eq!(echo["headers"]["authorization"], "Bearer …");
}

#[wasm_bindgen_test]
async fn credentials_are_the_users_choice() {
    let host = with_fetch("null");
    for (credentials, sent) in [
        (None, "same-origin"),
        (Some(web_sys::RequestCredentials::Omit), "omit"),
        (Some(web_sys::RequestCredentials::Include), "include"),
    ] {
        let destination = Destination {
            base_url: "http://localhost/billing/v1".to_owned(),
            credentials,
        };
        let request = get("balance");
        answer_next_fetch("echo");
        let limit = Limit::new(LONG_MS).unwrap();
        let answer = exchange(host.unchecked_ref(), &destination, &request, false, &limit).await;
        let Exchange::Answered(response) = answer else {
            panic!("no answer");
        };
        let echo: Value = serde_json::from_str(&response.body).unwrap();
        assert_eq!(echo["credentials"], sent);
        assert_eq!(echo["url"], "http://localhost/billing/v1/balance");
    }
}

#[wasm_bindgen_test]
async fn the_time_limit_covers_a_body_that_never_ends() {
    let host = with_fetch("null");
    let exchange = answered("endless", &host, &get("balance"), SHORT_MS).await;
    assert_eq!(exchange, Exchange::Lost { timed_out: true });
}

#[wasm_bindgen_test]
async fn an_answer_that_is_cut_in_its_body_is_no_answer() {
    let host = with_fetch("null");
    let exchange = answered("cut", &host, &get("balance"), LONG_MS).await;
    assert_eq!(exchange, Exchange::Lost { timed_out: false });
}

#[wasm_bindgen_test]
async fn a_page_whose_own_fetch_rejects_oddly_gets_no_answer() {
    for odd in ["rejects with a text", "rejects with nothing"] {
        let host = with_fetch("null");
        let exchange = answered(odd, &host, &get("balance"), LONG_MS).await;
        assert_eq!(exchange, Exchange::Lost { timed_out: false }, "{odd}");
    }
}

#[wasm_bindgen_test]
async fn a_page_whose_own_fetch_answers_oddly_gets_no_answer() {
    for odd in ["answers nothing", "answers with an object"] {
        let host = with_fetch("null");
        let exchange = answered(odd, &host, &get("balance"), LONG_MS).await;
        assert_eq!(exchange, Exchange::Lost { timed_out: false }, "{odd}");
    }
}

#[wasm_bindgen_test]
async fn a_page_whose_own_fetch_throws_gets_no_answer() {
    let host = with_fetch("null");
    let exchange = answered("throws", &host, &get("balance"), LONG_MS).await;
    assert_eq!(exchange, Exchange::Lost { timed_out: false });
}
