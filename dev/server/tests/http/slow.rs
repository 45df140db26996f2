//! Requests whose body arrives slowly, or never in full.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::client::{LIMIT, Session, charge};
use crate::start;

/// Sends a request without the last byte of its body, and gives the answer.
async fn unfinished(session: &Session, method: &str, path: &str, body: &str) -> String {
    let address = session.site.base.strip_prefix("http://").unwrap();
    let mut connection = TcpStream::connect(address).await.unwrap();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {}\r\n\
         content-type: application/json\r\nidempotency-key: \"k\"\r\ncontent-length: {}\r\n\r\n",
        session.token,
        body.len(),
    );
    connection.write_all(head.as_bytes()).await.unwrap();
    let all_but_one = body.len().saturating_sub(1);
    connection
        .write_all(&body.as_bytes()[..all_but_one])
        .await
        .unwrap();
    let mut received = Vec::new();
    // The read ends because the server closes the connection.
    let read = connection.read_to_end(&mut received);
    let ended = timeout(LIMIT, read).await;
    ended.expect("the server closes the connection").unwrap();
    String::from_utf8(received).unwrap()
}

#[tokio::test]
async fn a_body_that_does_not_end_takes_no_points() {
    let site = start(&["--demo", "--faults", "--body-within", "100"]).await;
    let alice = site.sign_in("alice").await;
    let one = charge("t", 5).to_string();
    let batch = format!(r#"{{"charges":[{one}]}}"#);
    for (method, path, body) in [
        ("POST", "/billing/v1/charges", one.as_str()),
        ("POST", "/billing/v1/charges/batch", &batch),
        ("POST", "/demo/top-up", r#"{"points":5}"#),
        ("PUT", "/faults", r#"{"rules":[]}"#),
    ] {
        let answer = unfinished(&alice, method, path, body).await;
        assert!(answer.starts_with("HTTP/1.1 408 "), "{path}: {answer}");
        assert!(answer.contains("request-timeout"), "{path}: {answer}");
    }
    assert_eq!(alice.balance().await, (120, 1));
    assert_eq!(alice.charge("k", "t", 5).await.status, 201);
}

#[tokio::test]
async fn a_body_that_does_not_end_does_not_block_other_requests() {
    let site = start(&["--demo"]).await;
    let alice = site.sign_in("alice").await;
    let body = charge("t", 5).to_string();
    let slow = unfinished(&alice, "POST", "/billing/v1/charges", &body);
    tokio::select! {
        answer = slow => panic!("answered first: {answer}"),
        charged = alice.charge("k", "t", 5) => assert_eq!(charged.status, 201),
    }
}
