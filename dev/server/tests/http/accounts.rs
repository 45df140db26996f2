//! `Billing-Account`: a token pays only for the account that the client acts for.

use reqwest::{Method, RequestBuilder};
use serde_json::json;

use crate::client::{Session, charge, hold, item, send};
use crate::start;

const CHARGES: &str = "/billing/v1/charges";
const HOLDS: &str = "/billing/v1/holds";

/// One request to each endpoint of the protocol.
fn requests(session: &Session) -> [RequestBuilder; 6] {
    let batch = json!({ "charges": [item("k1", "t1", 5), item("k2", "t2", 5)] });
    [
        session.request(Method::GET, "/billing/v1/balance?t=1"),
        session.charge_request("\"k\"", &charge("t", 5)),
        session
            .request(Method::POST, "/billing/v1/charges/batch")
            .json(&batch),
        session.request(Method::GET, &format!("{CHARGES}?key=k")),
        session
            .request(Method::POST, HOLDS)
            .header("idempotency-key", "\"h\"")
            .json(&hold("t3", 5, 3_600)),
        session.request(Method::DELETE, &format!("{HOLDS}?key=h")),
    ]
}

#[tokio::test]
async fn another_accounts_token_is_refused_and_nothing_is_taken() {
    let site = start(&["--demo"]).await;
    let bob = site.sign_in("bob").await;
    site.sign_in("alice").await;
    let before = bob.ledger().await;
    for request in requests(&bob) {
        let request = request.header("billing-account", "\"alice\"");
        let answer = send(request).await.unwrap();
        answer.problem(403, "account-mismatch");
    }
    assert_eq!(bob.ledger().await, before);
    for request in requests(&bob) {
        let request = request.header("billing-account", "\"bob\"");
        assert!(send(request).await.unwrap().status.is_success());
    }
    assert_eq!(bob.balance().await, (105, 6));
}

#[tokio::test]
async fn the_account_header_is_a_quoted_string_like_the_key() {
    let site = start(&["--demo"]).await;
    for (account, header) in [
        ("李 \"a\" \\ 100%", r#""%E6%9D%8E \"a\" \\ 100%25""#),
        ("%41", "\"%2541\""),
    ] {
        let session = site.sign_in(account).await;
        let named = |header: &str| {
            let request = session.request(Method::GET, "/billing/v1/balance");
            send(request.header("billing-account", header))
        };
        assert_eq!(named(header).await.unwrap().status, 200, "{account}");
        let other = named("\"A\"").await.unwrap();
        other.problem(403, "account-mismatch");
    }
}

#[tokio::test]
async fn an_account_header_that_names_no_account_is_refused() {
    let alice = start(&["--demo"]).await.sign_in("alice").await;
    for header in ["", "alice", "\"open", "\"a\", \"b\"", "5", "\"%FF\""] {
        let request = alice
            .charge_request("\"k\"", &charge("t", 5))
            .header("billing-account", header);
        let answer = send(request).await.unwrap();
        answer.problem(400, "billing-account-invalid");
    }
    let twice = alice
        .charge_request("\"k\"", &charge("t", 5))
        .header("billing-account", "\"alice\"")
        .header("billing-account", "\"alice\"");
    let answer = send(twice).await.unwrap();
    answer.problem(400, "billing-account-invalid");
    assert_eq!(alice.balance().await, (120, 1));
}

#[tokio::test]
async fn a_wrong_token_is_reported_before_a_wrong_account() {
    let site = start(&["--demo"]).await;
    let nobody = site.session("not-a-token");
    for request in requests(&nobody) {
        let request = request.header("billing-account", "\"alice\"");
        let answer = send(request).await.unwrap();
        answer.problem(401, "unauthorized");
    }
}
