//! Balances: `GET balance` and its ETag.

use reqwest::Method;
use serde_json::json;

use crate::client::{Answer, Session, send};
use crate::start;

async fn balance_if_none_match(session: &Session, values: &[&str]) -> Answer {
    let mut request = session.request(Method::GET, "/billing/v1/balance");
    for value in values {
        request = request.header("if-none-match", *value);
    }
    send(request).await.unwrap()
}

#[tokio::test]
async fn a_new_account_has_the_seed_balance() {
    let alice = start(&["--demo", "--seed-balance", "7"])
        .await
        .sign_in("alice")
        .await;
    let answer = alice.get("/billing/v1/balance").await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), "application/json");
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!(
        answer.json(),
        json!({ "balance": 7, "held": 0, "version": 1 })
    );
}

#[tokio::test]
async fn the_etag_changes_with_every_version_and_is_honoured() {
    let alice = start(&["--demo"]).await.sign_in("alice").await;
    let first = alice.get("/billing/v1/balance").await;
    let etag = first.header("etag");
    assert!(etag.starts_with('"'), "a strong ETag");

    let weak = format!("W/{etag}");
    let list = format!("\"other\", {etag}");
    for known in [
        &[etag][..],
        &[&weak],
        &[&list],
        &["*"],
        &["\"other\"", etag],
    ] {
        let answer = balance_if_none_match(&alice, known).await;
        assert_eq!(answer.status, 304, "{known:?}");
        assert_eq!(answer.header("etag"), etag);
        assert_eq!(answer.header("cache-control"), "no-store");
        assert_eq!(answer.text, "");
    }
    for unknown in ["\"other\"", "W/\"other\"", "nonsense", ""] {
        let answer = balance_if_none_match(&alice, &[unknown]).await;
        assert_eq!(answer.status, 200, "{unknown}");
    }

    let mut seen = vec![etag.to_owned()];
    alice.charge("k1", "t1", 5).await;
    seen.push(
        alice
            .get("/billing/v1/balance")
            .await
            .header("etag")
            .to_owned(),
    );
    // The same points as at first, but another version.
    alice.post("/demo/top-up", json!({ "points": 5 })).await;
    let answer = balance_if_none_match(&alice, &[&seen[0], &seen[1]]).await;
    assert_eq!(answer.status, 200);
    assert_eq!(
        answer.json(),
        json!({ "balance": 120, "held": 0, "version": 3 })
    );
    assert!(!seen.iter().any(|old| old == answer.header("etag")));
}
