//! The token: asked for within the time limit, and sent only if it is one.

use serde_json::json;
use tollbox::browser::http::{Destination, Exchange, Limit, exchange};
use wasm_bindgen::JsCast as _;
use wasm_bindgen_test::wasm_bindgen_test;

use crate::host::{LONG_MS, SHORT_MS, exchange_here, get, with_transport};

#[wasm_bindgen_test]
async fn a_token_that_never_comes_is_waited_for_within_the_time_limit() {
    let host = with_transport("never", "good");
    let exchange = exchange_here(&host, &get("balance"), SHORT_MS).await;
    assert!(matches!(exchange, Exchange::NotSent(_)), "{exchange:?}");
    assert!(host.requests().is_empty());
}

#[wasm_bindgen_test]
async fn what_is_not_a_token_is_not_sent() {
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
async fn a_token_goes_along_and_nothing_goes_along_where_there_is_none() {
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
async fn a_token_that_a_server_quotes_goes_no_further() {
    let host = with_transport("good", "quotes");
    let exchange = exchange_here(&host, &get("balance"), LONG_MS).await;
    let Exchange::Answered(answer) = exchange else {
        panic!("{exchange:?}");
    };
    assert_eq!(answer.body, "no: Bearer …");
}

#[wasm_bindgen_test]
async fn a_new_token_can_be_asked_for() {
    let host = with_transport("refresh", "good");
    let destination = Destination {
        base_url: String::new(),
        credentials: None,
    };
    let limit = Limit::new(LONG_MS).unwrap();
    exchange(
        host.unchecked_ref(),
        &destination,
        &get("balance"),
        true,
        &limit,
    )
    .await;
    assert_eq!(
        host.requests()[0]["headers"]["authorization"],
        "Bearer fresh"
    );
}
