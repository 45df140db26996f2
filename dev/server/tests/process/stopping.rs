//! Orderly starts and stops.

use nix::sys::signal::Signal;
use serde_json::json;

use crate::database::Database;
use crate::{Running, command};

#[tokio::test]
async fn a_request_in_flight_is_answered_before_the_end() {
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        let server = Running::start(&["--demo", "--faults"]).await;
        let site = server.site.clone();
        let alice = site.sign_in("alice").await;
        let slow = json!({ "kind": "latency", "ms": 1_000 });
        site.faults(json!([{ "on": "charge", "fault": slow, "times": 1 }]))
            .await;
        let in_flight = tokio::spawn(async move { alice.charge("k", "t", 5).await });
        site.fault_used_up().await;
        server.signal(signal);
        let answer = in_flight.await.unwrap();
        assert_eq!(answer.status, 201, "{answer:?}");
        assert!(server.end().await.success());
    }
}

#[tokio::test]
async fn a_restart_keeps_charges_holds_prices_and_tokens() {
    let database = Database::new().await;
    let place = database.place();
    let flags = ["--demo", "--database", &place];

    let server = Running::start(&flags).await;
    let alice = server.site.sign_in("alice").await;
    alice.hold("held", "t2", 20, 3_600).await;
    let charged = alice.charge("k", "t", 5).await.json();
    let price = json!({ "task_id": "priced", "price": 1 });
    alice.post("/demo/price", price).await;
    let before = alice.ledger().await;
    server.signal(Signal::SIGTERM);
    assert!(server.end().await.success());

    let server = Running::start(&flags).await;
    let alice = server.site.session(&alice.token);
    assert_eq!(alice.ledger().await, before);
    assert_eq!(before["held"], 20);
    assert_eq!(alice.hold("held", "t2", 20, 1).await.status, 200);
    let replayed = alice.charge("k", "t", 5).await;
    assert_eq!((replayed.status.as_u16(), replayed.json()), (200, charged));
    alice
        .charge("k2", "priced", 9)
        .await
        .problem(400, "price-mismatch");
}

#[tokio::test]
async fn a_server_that_cannot_start_says_why_and_fails() {
    let server = Running::start(&[]).await;
    let port = server.site.base.rsplit(':').next().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let no_database = dir.path().join("notes.txt");
    std::fs::write(
        &no_database,
        "not a database, but long enough to be read as one".repeat(50),
    )
    .unwrap();
    let cases = [
        (vec!["--port", port], "can't listen"),
        (
            vec!["--port", "0", "--database", "/"],
            "can't open the database",
        ),
        (
            vec!["--port", "0", "--database", no_database.to_str().unwrap()],
            "can't open the database",
        ),
        (vec!["--seed-balance", "9007199254740992"], "--seed-balance"),
        (vec!["--port", "http"], "--port"),
    ];
    for (flags, reason) in cases {
        let output = command(&flags).output().await.unwrap();
        assert!(!output.status.success(), "{flags:?}");
        assert_eq!(output.stdout, b"");
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(said.contains(reason), "{flags:?}: {said}");
    }
}

#[tokio::test]
async fn a_server_without_its_postgresql_says_why_and_fails() {
    let nowhere = "postgres://nobody@127.0.0.1:1/none";
    for (place, reason) in [(nowhere, "refused"), ("postgres://[", "--database")] {
        let flags = ["--database", place, "--decide-within", "100"];
        let output = command(&flags).output().await.unwrap();
        assert!(!output.status.success(), "{place}");
        assert_eq!(output.stdout, b"");
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(said.contains(reason), "{place}: {said}");
    }
}
