//! The demo's endpoints: `/demo/*`.

use reqwest::Method;
use serde_json::{Value, json};

use crate::client::send;
use crate::start;

#[tokio::test]
async fn signing_in_again_keeps_the_account() {
    let site = start(&["--demo"]).await;
    let request = site
        .request(Method::POST, "/demo/session")
        .json(&json!({ "account": "爱丽丝" }));
    let answer = send(request).await.unwrap().json();
    assert_eq!(answer["account"], "爱丽丝");
    assert!(answer["expires_at"].as_str().unwrap().ends_with('Z'));
    let first = site.session(answer["token"].as_str().unwrap());
    first.charge("k", "t", 20).await;
    let second = site.sign_in("爱丽丝").await;
    assert_ne!(first.token, second.token);
    assert_eq!(second.balance().await, (100, 2));
    assert_eq!(first.balance().await, (100, 2));
}

#[tokio::test]
async fn a_task_is_charged_for_no_other_amount_than_its_price() {
    let alice = start(&["--demo"]).await.sign_in("alice").await;
    let set = |price: u64| alice.post("/demo/price", json!({ "task_id": "t", "price": price }));
    assert_eq!(set(2).await.json(), json!({ "task_id": "t", "price": 2 }));
    let problem = alice
        .charge("k", "t", 1)
        .await
        .problem(400, "price-mismatch");
    assert_eq!(problem["price"], 2);
    assert_eq!(alice.balance().await, (120, 1));
    assert_eq!(alice.charge("k", "t", 2).await.status, 201);
    // A charge is still replayed after its price has changed.
    set(1).await;
    assert_eq!(alice.charge("k", "t", 2).await.status, 200);
}

#[tokio::test]
async fn the_ledger_shows_charges_newest_first_with_their_requests() {
    let alice = start(&["--demo"]).await.sign_in("alice").await;
    let empty = json!({ "balance": 120, "held": 0, "version": 1, "charges": [] });
    assert_eq!(alice.ledger().await, empty);
    let first = alice.charge("k1", "t1", 5).await.json();
    alice.charge("k2", "t2", 500).await;
    alice.charge("k3", "t3", 6).await;
    alice.charge("k1", "t1", 5).await;
    let ledger = alice.ledger().await;
    let newest_first: Vec<&Value> = ledger["charges"].as_array().unwrap().iter().collect();
    assert_eq!(newest_first.len(), 2);
    assert_eq!(newest_first[0]["idempotency_key"], "k3");
    assert_eq!(
        newest_first[1],
        &json!({
            "idempotency_key": "k1",
            "charge_id": first["charge_id"],
            "task_id": "t1",
            "feature": "cloud_trans",
            "amount": 5,
            "charged_at": first["charged_at"],
            "requests": 2,
        })
    );
    assert_eq!(
        (&ledger["balance"], &ledger["version"]),
        (&json!(109), &json!(3))
    );
}

#[tokio::test]
async fn the_demos_about_needs_no_token() {
    let about = start(&["--demo", "--faults"])
        .await
        .get("/demo/about")
        .await
        .json();
    assert_eq!(about, json!({ "faults": true, "seed_balance": 120 }));
    let plain = start(&["--demo", "--seed-balance", "0"]).await;
    let about = plain.get("/demo/about").await.json();
    assert_eq!(about, json!({ "faults": false, "seed_balance": 0 }));
}

#[tokio::test]
async fn malformed_demo_requests_change_nothing() {
    let site = start(&["--demo"]).await;
    let alice = site.sign_in("alice").await;
    let before = alice.ledger().await;
    let wrong = [
        ("/demo/session", json!({})),
        ("/demo/session", json!({ "account": "" })),
        ("/demo/session", json!({ "account": "a".repeat(501) })),
        ("/demo/top-up", json!({ "points": 0 })),
        ("/demo/top-up", json!({ "points": -1 })),
        ("/demo/top-up", json!({ "points": "5" })),
        (
            "/demo/top-up",
            json!({ "points": 9_007_199_254_740_991_u64 }),
        ),
        ("/demo/price", json!({ "task_id": "t", "price": 0 })),
        ("/demo/price", json!({ "task_id": "", "price": 1 })),
        ("/demo/price", json!({ "task_id": "t" })),
    ];
    for (path, body) in wrong {
        alice.post(path, body).await.problem(400, "invalid-request");
    }
    assert_eq!(alice.ledger().await, before);
    let topped_up = alice.post("/demo/top-up", json!({ "points": 3 })).await;
    assert_eq!(
        topped_up.json(),
        json!({ "balance": 123, "held": 0, "version": 2 })
    );
}

#[tokio::test]
async fn the_demo_is_absent_without_its_flag() {
    let site = start(&[]).await;
    site.get("/demo/about").await.problem(404, "not-found");
    let session = site.request(Method::POST, "/demo/session");
    let answer = send(session.json(&json!({ "account": "alice" })))
        .await
        .unwrap();
    answer.problem(404, "not-found");
}
