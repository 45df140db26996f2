//! Requests by `fetch`, over the real network and with the answers of a faulty one.

use serde_json::{Value, json};
use tollbox::browser::http::{Destination, Exchange};
use tollbox::core::protocol::{Method, Request, Response, Unreadable};
use wasm_bindgen::prelude::*;
use wasm_bindgen_test::wasm_bindgen_test;

use crate::host::{
    LONG_MS, SHORT_MS, TestHost, at, exchange_at, exchange_here, exchange_with, get, with_fetch,
};

/// An address without a listener: no service's port, and above the ephemeral ones.
const CLOSED: &str = "http://127.0.0.1:65535";

#[wasm_bindgen(module = "/tests/web/network.js")]
extern "C" {
    #[wasm_bindgen(js_name = answerNextFetch)]
    fn answer_next_fetch(name: &str);

    #[wasm_bindgen(js_name = pulledBytes)]
    fn pulled_bytes() -> f64;

    #[wasm_bindgen(js_name = isCancelled)]
    fn is_cancelled() -> bool;

    #[wasm_bindgen(js_name = isAborted)]
    fn is_aborted() -> bool;
}

/// One exchange in which `fetch` gets the answer of this name (network.js).
async fn answered(name: &str, host: &TestHost, request: &Request, limit_ms: u64) -> Exchange {
    answer_next_fetch(name);
    exchange_here(host, request, limit_ms).await
}

#[wasm_bindgen_test]
async fn an_answer_of_any_status_counts_as_answered() {
    let host = with_fetch("null");
    let Exchange::Answered(response) = exchange_here(&host, &get("nothing-here"), LONG_MS).await
    else {
        panic!("no answer");
    };
    assert_eq!(response.status, 404);
    assert!(!response.replayed);
}

#[wasm_bindgen_test]
async fn an_answers_body_is_read_to_its_end() {
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
    assert_eq!(echo["headers"]["authorization"], "Bearer a.good-token_~+/=");
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
            credentials,
            ..at("http://localhost/billing/v1")
        };
        let request = get("balance");
        answer_next_fetch("echo");
        let answer = exchange_with(&host, &destination, &request, false, LONG_MS).await;
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
async fn an_answer_cut_off_in_its_body_is_lost() {
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
async fn a_librarys_answer_is_read_like_the_browsers() {
    for kind in [
        "an iframe's",
        "a proxy that binds",
        "a plain object",
        "a plain object without promises",
        "an object with its text",
        "an object with JSON",
        "a stream of texts",
        "a stream of bytes of an iframe's",
        "a thenable that settles twice",
        "no promise",
        "a byte order mark",
    ] {
        let host = with_fetch("null");
        let answer = answered(kind, &host, &get("balance"), LONG_MS).await;
        let Exchange::Answered(response) = answer else {
            panic!("{kind}: {answer:?}");
        };
        assert_eq!(response.unreadable, None, "{kind}");
        assert_eq!(response.status, 201, "{kind}");
        assert_eq!(response.etag.as_deref(), Some("\"v1\""), "{kind}");
        assert_eq!(response.body, "{\"text\":\"正文 🧾\"}", "{kind}");
    }
}

#[wasm_bindgen_test]
async fn an_unreadable_answer_is_reported_as_such() {
    for (kind, why) in [
        ("answers nothing", Unreadable::NotAnAnswer),
        ("a proxy that does not bind", Unreadable::NotAnAnswer),
        ("an opaque one", Unreadable::NoStatus),
        ("an error's", Unreadable::NoStatus),
        ("one that is read already", Unreadable::AlreadyRead),
        ("one that somebody reads", Unreadable::Failing),
        ("a text that is refused", Unreadable::Failing),
        ("a text that throws", Unreadable::Failing),
        ("a text that is none", Unreadable::NoText),
        ("a stream of objects", Unreadable::NoText),
        ("a stream of a buffer given away", Unreadable::NoText),
        ("a stream of nothing", Unreadable::NoText),
        ("a stream whose end throws", Unreadable::Failing),
    ] {
        let host = with_fetch("null");
        let exchange = answered(kind, &host, &get("balance"), LONG_MS).await;
        let unread = Response::unreadable(why);
        assert_eq!(exchange, Exchange::Answered(unread), "{kind}");
    }
}

#[wasm_bindgen_test]
async fn a_body_is_read_up_to_a_limit_and_then_cancelled() {
    for kind in [
        "without end",
        "400 MB that are stated",
        "400 MB in one piece",
        "a long text of a plain object",
    ] {
        let host = with_fetch("null");
        let exchange = answered(kind, &host, &get("balance"), LONG_MS).await;
        let unread = Response::unreadable(Unreadable::TooLong);
        assert_eq!(exchange, Exchange::Answered(unread), "{kind}");
        assert!(is_aborted(), "{kind}: the request is over");
        assert!(pulled_bytes() < 2_000_000.0, "{kind}: {}", pulled_bytes());
        if kind != "a long text of a plain object" {
            assert!(is_cancelled(), "{kind}");
        }
    }
}

#[wasm_bindgen_test]
async fn the_time_limit_covers_a_text_that_never_comes() {
    for kind in ["a text that never comes", "a thenable that never settles"] {
        let host = with_fetch("null");
        let exchange = answered(kind, &host, &get("balance"), SHORT_MS).await;
        assert_eq!(exchange, Exchange::Lost { timed_out: true }, "{kind}");
    }
}

#[wasm_bindgen_test]
async fn a_redirect_is_reported() {
    let host = with_fetch("null");
    for (kind, status) in [("redirected", 200), ("a redirect not followed", 0)] {
        let Exchange::Answered(response) = answered(kind, &host, &get("balance"), LONG_MS).await
        else {
            panic!("no answer");
        };
        assert!(response.is_redirect(), "{kind}");
        assert_eq!(response.status, status, "{kind}");
    }
}

#[wasm_bindgen_test]
async fn a_request_that_the_browser_refuses_never_left() {
    let host = with_fetch("null");
    let exchange = exchange_at("http://user:word@127.0.0.1", &host, &get("x"), LONG_MS).await;
    assert!(matches!(exchange, Exchange::NotSent(_)), "{exchange:?}");
    let headers = vec![("if-none-match", "\"a\u{1f9fe}\n\"".to_owned())];
    let odd = Request {
        headers,
        ..get("balance")
    };
    let exchange = exchange_here(&host, &odd, LONG_MS).await;
    assert!(matches!(exchange, Exchange::NotSent(_)), "{exchange:?}");
}

#[wasm_bindgen_test]
async fn a_page_whose_own_fetch_throws_gets_no_answer() {
    let host = with_fetch("null");
    let exchange = answered("throws", &host, &get("balance"), LONG_MS).await;
    assert_eq!(exchange, Exchange::Lost { timed_out: false });
}
