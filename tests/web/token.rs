//! The token: requested within the time limit, and sent only if well formed.

use serde_json::json;
use tollbox::browser::http::Exchange;
use tollbox::core::protocol::Secret;
use wasm_bindgen_test::wasm_bindgen_test;

use crate::host::{LONG_MS, SHORT_MS, at, exchange_here, exchange_with, get, with_transport};

#[wasm_bindgen_test]
async fn the_time_limit_covers_a_token_that_never_comes() {
    let host = with_transport("never", "good");
    let exchange = exchange_here(&host, &get("balance"), SHORT_MS).await;
    assert!(matches!(exchange, Exchange::NotSent(_)), "{exchange:?}");
    assert!(host.requests().is_empty());
}

#[wasm_bindgen_test]
async fn a_malformed_token_is_not_sent() {
    for token in [
        "rejects",
        "throws",
        "newline",
        "carriage return",
        "space",
        "not ASCII",
        "number",
        "object",
    ] {
        let host = with_transport(token, "good");
        let exchange = exchange_here(&host, &get("balance"), LONG_MS).await;
        assert!(
            matches!(exchange, Exchange::NotSent(_)),
            "{token}: {exchange:?}"
        );
        assert!(host.requests().is_empty(), "{token}");
    }
}

#[wasm_bindgen_test]
async fn a_request_carries_its_token_or_no_authorization_without_one() {
    for (token, header) in [
        ("null", None),
        ("undefined", None),
        ("good", Some("Bearer a.good-token_~+/=")),
        ("refresh", Some("Bearer used")),
    ] {
        let host = with_transport(token, "good");
        let exchange = exchange_here(&host, &get("balance"), LONG_MS).await;
        assert!(matches!(exchange, Exchange::Answered(_)), "{token}");
        let requests = host.requests();
        let sent = requests[0]["headers"].get("authorization");
        assert_eq!(sent, header.map(|header| json!(header)).as_ref(), "{token}");
    }
}

#[wasm_bindgen_test]
async fn an_answer_comes_with_its_token_for_the_core_to_redact() {
    let host = with_transport("good", "quotes");
    let exchange = exchange_here(&host, &get("balance"), LONG_MS).await;
    let Exchange::Answered(answer) = exchange else {
        panic!("{exchange:?}");
    };
    assert_eq!(answer.body, "no: Bearer a.good-token_~+/=");
    assert_eq!(answer.secret, Secret::of(Some("a.good-token_~+/=")));
    assert_eq!(host.tokens(), ["rejected a.good-token_~+/="]);
}

#[wasm_bindgen_test]
async fn a_new_token_can_be_requested() {
    let host = with_transport("refresh", "good");
    exchange_with(&host, &at(""), &get("balance"), true, LONG_MS).await;
    assert_eq!(
        host.requests()[0]["headers"]["authorization"],
        "Bearer fresh"
    );
}

#[wasm_bindgen_test]
async fn a_token_that_left_its_request_little_time_is_kept_for_the_next() {
    let host = with_transport("slow", "never");
    let exchange = exchange_here(&host, &get("balance"), 3_000).await;
    assert_eq!(exchange, Exchange::Lost { timed_out: true });
    assert_eq!(host.tokens(), ["keep a.slow-token"]);

    let host = with_transport("slow", "good");
    exchange_here(&host, &get("balance"), LONG_MS).await;
    assert!(host.tokens().is_empty(), "an answer came");

    let host = with_transport("good", "never");
    exchange_here(&host, &get("balance"), SHORT_MS).await;
    assert!(host.tokens().is_empty(), "it came at once");
}
