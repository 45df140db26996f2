//! The user's own transport, which may do anything.

use serde_json::json;
use tollbox::browser::http::Exchange;
use tollbox::core::protocol::{Method, Request, Response};
use wasm_bindgen_test::wasm_bindgen_test;

use crate::host::{LONG_MS, SHORT_MS, exchange_here, get, with_transport};

#[wasm_bindgen_test]
async fn a_transport_is_told_the_request_and_its_answer_is_read() {
    let host = with_transport("good", "good");
    let request = Request {
        method: Method::Post,
        path: "charges".to_owned(),
        headers: vec![("idempotency-key", "\"f:1\"".to_owned())],
        body: Some("{\"task_id\":\"任务\"}".to_owned()),
    };
    let answer = exchange_here(&host, &request, LONG_MS).await;
    let expected = Response {
        status: 201,
        etag: Some("\"v1\"".to_owned()),
        retry_after: Some("2".to_owned()),
        date: None,
        age: None,
        redirected: false,
        content_type: Some("application/json".to_owned()),
        replayed: true,
        body: "正文 🧾".to_owned(),
    };
    assert_eq!(answer, Exchange::Answered(expected));
    let told = json!([{
        "method": "POST",
        "path": "charges",
        "headers": {
            "idempotency-key": "\"f:1\"",
            "authorization": "Bearer a.good-token_~+/="
        },
        "body": "{\"task_id\":\"任务\"}",
        "aborted": false
    }]);
    assert_eq!(json!(host.requests()), told);
}

#[wasm_bindgen_test]
async fn the_names_of_an_answers_headers_have_no_case() {
    let host = with_transport("null", "shouts");
    let answer = exchange_here(&host, &get("balance"), LONG_MS).await;
    let expected = Response {
        status: 503,
        etag: Some("\"v1\"".to_owned()),
        retry_after: Some("2".to_owned()),
        date: Some("Thu, 01 Jan 2026 00:00:00 GMT".to_owned()),
        age: None,
        redirected: false,
        content_type: Some("application/problem+json".to_owned()),
        replayed: true,
        body: "{}".to_owned(),
    };
    assert_eq!(answer, Exchange::Answered(expected));
}

#[wasm_bindgen_test]
async fn a_request_without_a_body_has_null() {
    let host = with_transport("null", "good");
    exchange_here(&host, &get("balance"), LONG_MS).await;
    let request = &host.requests()[0];
    assert_eq!(request["method"], "GET");
    assert_eq!(request["body"], json!(null));
}

#[wasm_bindgen_test]
async fn a_transport_that_never_answers_is_told_to_stop_when_the_time_is_up() {
    let host = with_transport("null", "never");
    let exchange = exchange_here(&host, &get("balance"), SHORT_MS).await;
    assert_eq!(exchange, Exchange::Lost { timed_out: true });
    assert_eq!(host.requests()[0]["aborted"], true);
}

#[wasm_bindgen_test]
async fn a_failure_or_nonsense_counts_as_no_answer() {
    for transport in [
        "rejects",
        "throws",
        "undefined",
        "null",
        "string",
        "no status",
        "status as text",
        "half a status",
        "status below 0",
        "status too large",
        "no headers",
        "header as number",
        "body as object",
        "body as null",
    ] {
        let host = with_transport("null", transport);
        let exchange = exchange_here(&host, &get("balance"), LONG_MS).await;
        assert_eq!(exchange, Exchange::Lost { timed_out: false }, "{transport}");
        assert_eq!(host.requests().len(), 1, "{transport}");
    }
}
