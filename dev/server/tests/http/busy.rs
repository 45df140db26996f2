//! Busy servers: a database that another program keeps locked, and requests that wait for others.

use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::Value;

use crate::client::{Session, item, send};
use crate::database::Database;
use crate::start;

/// A session at a server that decides within this many milliseconds, and its database.
async fn alice(decide_within: &str) -> (Session, Database) {
    let database = Database::new().await;
    let place = database.place();
    let flags = [
        "--demo",
        "--database",
        &place,
        "--decide-within",
        decide_within,
    ];
    (start(&flags).await.sign_in("alice").await, database)
}

#[tokio::test]
async fn a_charge_on_a_busy_database_is_answered_503_in_time() {
    // The default, which clients rely on.
    let (alice, database) = alice("5000").await;
    let lock = database.lock().await;
    let sent = Instant::now();
    let answer = alice.charge("k1", "t1", 5).await;
    let took = sent.elapsed();
    answer.problem(503, "service-unavailable");
    assert_eq!(answer.header("retry-after"), "1");
    assert!(took < Duration::from_secs(8), "{took:?}");
    lock.release().await;

    assert_eq!(alice.balance().await, (120, 1));
    assert_eq!(alice.charge("k1", "t1", 5).await.status, 201);
}

#[tokio::test]
async fn a_batch_on_a_busy_database_asks_to_retry_its_items() {
    let (alice, database) = alice("1500").await;
    let items = || {
        vec![
            item("k1", "t1", 5),
            item("bad", "t2", 0),
            item("k3", "t3", 5),
        ]
    };
    let lock = database.lock().await;
    let answer = alice.batch(items()).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let results = answer.json()["results"].clone();
    for (place, status, code) in [(0, "retry", 503), (1, "rejected", 400), (2, "retry", 503)] {
        assert_eq!(results[place]["status"], status);
        assert_eq!(results[place]["problem"]["status"], code);
    }
    lock.release().await;

    assert_eq!(alice.balance().await, (120, 1));
    let again = alice.batch(items()).await.json();
    assert_eq!(again["results"][0]["status"], "charged");
    assert_eq!(again["results"][2]["status"], "charged");
    assert_eq!(alice.balance().await, (110, 3));
}

#[tokio::test]
async fn a_look_up_on_a_busy_database_does_not_say_never_charged() {
    let (alice, database) = alice("1500").await;
    let lock = database.lock().await;
    let answer = alice.get("/billing/v1/charges?key=k1").await;
    answer.problem(503, "service-unavailable");
    lock.release().await;
    let answer = alice.get("/billing/v1/charges?key=k1").await;
    answer.problem(404, "charge-not-found");
}

#[tokio::test]
async fn a_look_up_during_a_batch_sees_the_whole_batch() {
    let alice = start(&["--demo"]).await.sign_in("alice").await;
    let items: Vec<Value> = (0..100)
        .map(|n| item(&format!("k{n}"), &format!("t{n}"), 1))
        .collect();
    let batch = tokio::spawn({
        let alice = alice.clone();
        async move { alice.batch(items).await }
    });
    let look_up = |key: &str| {
        let path = format!("/billing/v1/charges?key={key}");
        let request = alice.request(Method::GET, &path);
        async { send(request).await.unwrap().status }
    };
    while look_up("k0").await != 200 {}
    assert_eq!(look_up("k99").await, 200);
    let results = batch.await.unwrap().json()["results"].clone();
    assert_eq!(results[99]["status"], "charged");
}
