//! The log: one line a request, with its id and what came of it, and no secrets.

use nix::sys::signal::Signal;
use serde_json::Value;

use crate::client::{charge, item, send};
use crate::running::Running;

/// The lines about answered requests.
fn answered(log: &str) -> Vec<Value> {
    log.lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap_or_else(|_| panic!("{line}")))
        .filter(|line| line["message"] == "answered")
        .collect()
}

#[tokio::test]
async fn each_request_is_a_line_with_its_id_and_outcome() {
    let server = Running::start_logging(&["--demo", "--log-format", "json"]).await;
    let alice = server.site.sign_in("alice").await;
    let first = alice.charge("key-of-alice", "t", 5).await;
    let again = alice.charge("key-of-alice", "t", 5).await;
    let declined = alice.charge("k2", "t", 500).await;
    let request = alice.charge_request("\"k3\"", &charge("t", 5));
    let proxied = send(request.header("x-request-id", "proxy-7"))
        .await
        .unwrap();
    assert_eq!(proxied.header("x-request-id"), "proxy-7");
    alice.get("/billing/v1/charges?key=key-of-alice").await;
    alice.get("/token-of-a-path").await;
    let token = alice.token.clone();
    server.signal(Signal::SIGTERM);
    let log = server.end_with_log().await;

    let lines = answered(&log);
    let line = |id: &str| {
        let with_id = lines.iter().find(|line| line["span"]["id"] == id);
        with_id.unwrap_or_else(|| panic!("no line of {id}: {log}"))
    };
    for (answer, status, outcome) in [
        (&first, 201, "charged"),
        (&again, 200, "replayed"),
        (&declined, 402, "insufficient-balance"),
        (&proxied, 201, "charged"),
    ] {
        let line = line(answer.header("x-request-id"));
        assert_eq!(line["status"], status);
        assert_eq!(line["outcome"], outcome);
        assert_eq!(line["method"], "POST");
        assert_eq!(line["route"], "/billing/v1/charges");
        assert!(line["ms"].is_u64() && line["timestamp"].is_string());
    }
    for secret in [token.as_str(), "key-of-alice", "token-of-a-path"] {
        assert!(!log.contains(secret), "{secret}: {log}");
    }
}

#[tokio::test]
async fn the_log_for_people_has_no_tokens_at_any_level() {
    let server = Running::start_logging(&["--demo", "--log-level", "trace"]).await;
    let alice = server.site.sign_in("alice").await;
    assert_eq!(alice.charge("k", "t", 5).await.status, 201);
    alice.batch(vec![item("k2", "t", 5)]).await;
    let token = alice.token.clone();
    server.signal(Signal::SIGTERM);
    let log = server.end_with_log().await;
    assert!(log.contains("outcome=\"charged\""), "{log}");
    assert!(!log.contains(&token), "{log}");
}

#[tokio::test]
async fn a_request_id_that_is_too_long_is_replaced() {
    let server = Running::start(&["--demo"]).await;
    let long = "x".repeat(200);
    let request = server.site.request(reqwest::Method::GET, "/healthz");
    let answer = send(request.header("x-request-id", &long)).await.unwrap();
    assert_eq!(answer.header("x-request-id").len(), 36);
}
