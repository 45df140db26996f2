//! The user's own transport, which may misbehave in any way.

use serde_json::json;
use tollbox::browser::http::Exchange;
use tollbox::core::protocol::{Method, Request, Response, Secret, Unreadable};
use wasm_bindgen_test::wasm_bindgen_test;

use crate::host::{LONG_MS, SHORT_MS, exchange_here, get, with_transport};

#[wasm_bindgen_test]
async fn a_transport_receives_the_request_and_its_answer_is_read() {
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
        secret: Secret::of(Some("a.good-token_~+/=")),
        unreadable: None,
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
async fn header_names_of_a_transports_answer_are_case_insensitive() {
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
        ..Response::default()
    };
    assert_eq!(answer, Exchange::Answered(expected));
}

#[wasm_bindgen_test]
async fn a_transport_request_without_a_body_has_null() {
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
async fn a_transport_that_fails_gives_no_answer() {
    for transport in ["rejects", "throws"] {
        let host = with_transport("null", transport);
        let exchange = exchange_here(&host, &get("balance"), LONG_MS).await;
        assert_eq!(exchange, Exchange::Lost { timed_out: false }, "{transport}");
        assert_eq!(host.requests().len(), 1, "{transport}");
    }
}

#[wasm_bindgen_test]
async fn a_transports_answer_is_read_as_far_as_it_is_readable() {
    for (transport, etag, body) in [
        ("status as text", false, "{}"),
        ("headers of the browser's", true, "{}"),
        ("a map of headers", true, "{}"),
        ("pairs of headers", true, "{}"),
        ("a header of numbers", true, "{}"),
        ("lists of values", true, "{}"),
        ("a library's headers", true, "{}"),
        ("a Response", true, "{}"),
        ("headers that throw", false, "{}"),
        ("headers that can't be listed", false, "{}"),
        ("no headers", false, "{}"),
        ("no body", false, ""),
        ("body as null", false, ""),
        ("body as object", false, r#"{"balance":12}"#),
    ] {
        let host = with_transport("null", transport);
        let exchange = exchange_here(&host, &get("balance"), LONG_MS).await;
        let Exchange::Answered(response) = exchange else {
            panic!("{transport}: {exchange:?}");
        };
        assert_eq!(response.unreadable, None, "{transport}");
        assert_eq!(response.status, 200, "{transport}");
        assert_eq!(response.etag.is_some(), etag, "{transport}");
        assert_eq!(response.body, body, "{transport}");
    }
}

#[wasm_bindgen_test]
async fn an_unreadable_transport_answer_says_why() {
    for (transport, why) in [
        ("undefined", Unreadable::NotAnAnswer),
        ("null", Unreadable::NotAnAnswer),
        ("string", Unreadable::NotAnAnswer),
        ("no status", Unreadable::NotAnAnswer),
        ("status that throws", Unreadable::NotAnAnswer),
        ("half a status", Unreadable::NoStatus),
        ("status below 0", Unreadable::NoStatus),
        ("status too large", Unreadable::NoStatus),
        ("a status of nothing", Unreadable::NoStatus),
        ("a revoked proxy", Unreadable::NoStatus),
        ("body that throws", Unreadable::Failing),
        ("a body that refers to itself", Unreadable::NoText),
        ("a body too long", Unreadable::TooLong),
    ] {
        let host = with_transport("null", transport);
        let exchange = exchange_here(&host, &get("balance"), LONG_MS).await;
        let unread = Response::unreadable(why);
        assert_eq!(exchange, Exchange::Answered(unread), "{transport}");
        assert_eq!(host.requests().len(), 1, "{transport}");
    }
}
