//! Faults on demand: `/faults` hits the requests of its rules, and no others.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use crate::client::{LIMIT, Session, Site, charge, item, send};
use crate::{serve, start};

/// The wait for an answer that must not come: long enough for a server that would answer.
const MOMENT: Duration = Duration::from_millis(300);

async fn faulty() -> (Site, Session) {
    let site = start(&["--demo", "--faults"]).await;
    let alice = site.sign_in("alice").await;
    (site, alice)
}

async fn charges(session: &Session) -> Vec<Value> {
    session.ledger().await["charges"]
        .as_array()
        .unwrap()
        .clone()
}

/// Sends a charge over a connection of its own, and gives all bytes that came before it was closed.
async fn raw_charge(alice: &Session, key: &str) -> Vec<u8> {
    let address = alice.site.base.strip_prefix("http://").unwrap();
    let mut connection = TcpStream::connect(address).await.unwrap();
    let body = charge(key, 5).to_string();
    let request = format!(
        "POST /billing/v1/charges HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {}\r\n\
         content-type: application/json\r\nidempotency-key: \"{key}\"\r\ncontent-length: {}\r\n\r\n{body}",
        alice.token,
        body.len(),
    );
    connection.write_all(request.as_bytes()).await.unwrap();
    let mut received = Vec::new();
    // A reset closes the connection, too.
    let _ = connection.read_to_end(&mut received).await;
    received
}

#[tokio::test]
async fn drop_before_charges_nothing_and_answers_nothing() {
    let (site, alice) = faulty().await;
    site.faults(json!([{ "on": "charge", "fault": { "kind": "drop_before" }, "times": 1 }]))
        .await;
    assert_eq!(raw_charge(&alice, "k").await, b"");
    assert_eq!(charges(&alice).await, [] as [Value; 0]);
    assert_eq!(alice.charge("k", "k", 5).await.status, 201);
}

#[tokio::test]
async fn drop_after_charges_and_answers_nothing() {
    let (site, alice) = faulty().await;
    site.faults(json!([{ "on": "charge", "fault": { "kind": "drop_after" }, "times": 1 }]))
        .await;
    assert_eq!(raw_charge(&alice, "k").await, b"");
    assert_eq!(alice.balance().await, (115, 2));
    let replayed = alice.charge("k", "k", 5).await;
    assert_eq!(replayed.status, 200);
    assert_eq!(replayed.header("idempotent-replayed"), "true");
    assert_eq!(charges(&alice).await.len(), 1);
}

#[tokio::test]
async fn drop_closes_a_connection_that_was_used_before() {
    let (site, alice) = faulty().await;
    alice.balance().await;
    site.faults(json!([{ "on": "batch", "fault": { "kind": "drop_after" }, "times": 1 }]))
        .await;
    let lost = alice
        .request(Method::POST, "/billing/v1/charges/batch")
        .json(&json!({ "charges": [item("k1", "t1", 5), item("k2", "t2", 5)] }));
    assert!(send(lost).await.is_err());
    assert_eq!(alice.balance().await, (110, 3));
}

#[tokio::test]
async fn a_status_fault_is_answered_in_place_of_the_charge() {
    let (site, alice) = faulty().await;
    let cases = [
        (json!({ "kind": "status", "status": 500 }), "internal-error"),
        (json!({ "kind": "status", "status": 502 }), "bad-gateway"),
        (json!({ "kind": "status", "status": 401 }), "unauthorized"),
        (
            json!({ "kind": "status", "status": 429, "retry_after": "1" }),
            "too-many-requests",
        ),
        (
            json!({ "kind": "status", "status": 503, "retry_after": "2" }),
            "service-unavailable",
        ),
        (
            json!({ "kind": "status", "status": 503, "retry_after": "Fri, 31 Dec 2027 23:59:59 GMT" }),
            "service-unavailable",
        ),
        (
            json!({ "kind": "status", "status": 409 }),
            "request-in-progress",
        ),
        (json!({ "kind": "status", "status": 418 }), "about:blank"),
    ];
    for (fault, kind) in cases {
        site.faults(json!([{ "on": "charge", "fault": fault, "times": null }]))
            .await;
        let answer = alice.charge("k", "t", 5).await;
        let status = fault["status"].as_u64().unwrap();
        answer.problem(u16::try_from(status).unwrap(), kind);
        assert_eq!(
            answer.header("retry-after"),
            fault["retry_after"].as_str().unwrap_or("")
        );
        assert_eq!(
            answer.headers.contains_key("www-authenticate"),
            status == 401
        );
    }
    let pages = [
        (403, "<h1>Proxy</h1>", "text/html; charset=utf-8"),
        (
            402,
            r#"{"type":"account-closed","declined":true}"#,
            "application/problem+json",
        ),
        (200, r#"{"charge_id":"c"}"#, "application/json"),
    ];
    for (status, body, media_type) in pages {
        let fault = json!({ "kind": "status", "status": status, "body": body });
        site.faults(json!([{ "on": "charge", "fault": fault }]))
            .await;
        let answer = alice.charge("k", "t", 5).await;
        assert_eq!(
            (answer.status.as_u16(), answer.text.as_str()),
            (status, body)
        );
        assert_eq!(answer.header("content-type"), media_type);
    }
    site.faults(json!([{ "on": "charge", "fault": { "kind": "garbage" } }]))
        .await;
    let answer = alice.charge("k", "t", 5).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), "text/html; charset=utf-8");
    assert_eq!(charges(&alice).await, [] as [Value; 0]);
}

#[tokio::test]
async fn the_latency_fault_only_delays() {
    let (site, alice) = faulty().await;
    site.faults(json!([{ "on": "any", "fault": { "kind": "latency", "ms": 20 } }]))
        .await;
    assert_eq!(alice.charge("k", "t", 5).await.status, 201);
    assert_eq!(alice.balance().await, (115, 2));
}

#[tokio::test]
async fn hang_charges_nothing_and_never_answers() {
    let (site, alice) = faulty().await;
    site.faults(json!([{ "on": "charge", "fault": { "kind": "hang" }, "times": 1 }]))
        .await;
    assert!(timeout(MOMENT, alice.charge("k", "t", 5)).await.is_err());
    assert_eq!(charges(&alice).await, [] as [Value; 0]);
    assert_eq!(alice.charge("k", "t", 5).await.status, 201);
}

#[tokio::test]
async fn hang_after_charges_and_never_answers() {
    let (site, alice) = faulty().await;
    site.faults(json!([{ "on": "charge", "fault": { "kind": "hang_after" }, "times": 1 }]))
        .await;
    let waiting = tokio::spawn({
        let alice = alice.clone();
        async move { alice.try_charge("k", "t", 5).await }
    });
    site.fault_used_up().await;
    timeout(LIMIT, async {
        while charges(&alice).await.is_empty() {
            sleep(Duration::from_millis(5)).await;
        }
    })
    .await
    .expect("it is charged");
    sleep(MOMENT).await;
    assert!(!waiting.is_finished());
    waiting.abort();
    assert_eq!(alice.charge("k", "t", 5).await.status, 200);
}

#[tokio::test]
async fn a_status_fault_can_be_answered_after_the_charge() {
    let (site, alice) = faulty().await;
    let fault = json!({ "kind": "status", "status": 503, "after": true, "body": "<html>" });
    site.faults(json!([{ "on": "charge", "fault": fault, "times": 1 }]))
        .await;
    let answer = alice.charge("k", "t", 5).await;
    assert_eq!(
        (answer.status.as_u16(), answer.text.as_str()),
        (503, "<html>")
    );
    assert_eq!(alice.balance().await, (115, 2));
    assert_eq!(alice.charge("k", "t", 5).await.status, 200);
}

#[tokio::test]
async fn a_status_fault_has_its_headers() {
    let (site, alice) = faulty().await;
    let headers = json!({ "Location": "/login", "content-type": "text/plain", "age": "60" });
    let fault = json!({ "kind": "status", "status": 302, "headers": headers, "body": "{}" });
    site.faults(json!([{ "on": "any", "fault": fault }])).await;
    let answer = alice.charge("k", "t", 5).await;
    assert_eq!(answer.status, 302);
    for (name, value) in [
        ("location", "/login"),
        ("content-type", "text/plain"),
        ("age", "60"),
    ] {
        assert_eq!(answer.header(name), value);
    }
    assert_eq!(charges(&alice).await, [] as [Value; 0]);
}

#[tokio::test]
async fn the_late_fault_charges_after_the_answer() {
    let (site, alice) = faulty().await;
    let gone = json!({ "kind": "late", "ms": 200 });
    let answered = json!({ "kind": "late", "ms": 200, "answer": { "status": 504 } });
    site.faults(json!([
        { "on": "charge", "fault": gone, "times": 1 },
        { "on": "charge", "fault": answered, "times": 1 },
    ]))
    .await;
    assert_eq!(raw_charge(&alice, "k1").await, b"");
    alice
        .charge("k2", "k2", 5)
        .await
        .problem(504, "gateway-timeout");
    assert_eq!(charges(&alice).await, [] as [Value; 0]);
    timeout(LIMIT, async {
        while charges(&alice).await.len() < 2 {
            sleep(Duration::from_millis(5)).await;
        }
    })
    .await
    .expect("both are charged");
    assert_eq!(alice.charge("k1", "k1", 5).await.status, 200);
    assert_eq!(alice.charge("k2", "k2", 5).await.status, 200);
}

#[tokio::test]
async fn a_stopping_server_ends_hanging_requests() {
    let (site, serving) = serve(&["--demo", "--faults"]).await;
    let alice = site.sign_in("alice").await;
    site.faults(json!([{ "on": "charge", "fault": { "kind": "hang" }, "times": 1 }]))
        .await;
    let hanging = tokio::spawn(async move { alice.try_charge("k", "t", 5).await });
    site.fault_used_up().await;
    serving.stop().await;
    let lost = timeout(LIMIT, hanging).await.expect("it is let go");
    assert!(lost.unwrap().is_err());
}

#[tokio::test]
async fn the_first_matching_fault_rule_applies_alone_until_used_up() {
    let (site, alice) = faulty().await;
    let status = |code: u16| json!({ "kind": "status", "status": code });
    site.faults(json!([
        { "on": "balance", "fault": status(500) },
        { "on": "charge", "fault": status(503), "times": 2 },
        { "on": "charge", "account": "bob", "fault": status(502) },
        { "on": "lookup", "fault": status(504), "times": 1 },
        { "on": "any", "account": "carol", "fault": status(429) },
    ]))
    .await;
    let bob = site.sign_in("bob").await;
    let carol = site.sign_in("carol").await;
    let mut seen = Vec::new();
    for session in [&alice, &bob, &alice, &bob, &carol] {
        seen.push(session.charge("k", "t", 5).await.status.as_u16());
    }
    assert_eq!(seen, [503, 503, 201, 502, 429]);
    assert_eq!(alice.get("/billing/v1/balance").await.status, 500);
    assert_eq!(alice.get("/billing/v1/charges?key=k").await.status, 504);
    assert_eq!(alice.get("/billing/v1/charges?key=k").await.status, 200);
    assert_eq!(carol.get("/billing/v1/nowhere").await.status, 429);
    assert_eq!(carol.get("/demo/ledger").await.status, 200);

    let rules = site.get("/faults").await.json();
    assert_eq!(rules["rules"][1]["times"], 0);
    assert_eq!(
        rules["rules"][2],
        json!({
            "on": "charge", "account": "bob", "fault": status(502), "times": null
        })
    );
    let cleared = send(site.request(Method::DELETE, "/faults")).await.unwrap();
    assert_eq!(
        (cleared.status.as_u16(), cleared.json()),
        (200, json!({ "rules": [] }))
    );
    assert_eq!(carol.charge("k", "t", 5).await.status, 201);
}

#[tokio::test]
async fn malformed_fault_rules_replace_nothing() {
    let (site, alice) = faulty().await;
    let good = json!([{ "on": "charge", "fault": { "kind": "status", "status": 503 } }]);
    site.faults(good).await;
    for wrong in [
        json!([{ "on": "charge", "fault": { "kind": "explode" } }]),
        json!([{ "on": "everything", "fault": { "kind": "hang" } }]),
        json!([{ "on": "charge" }]),
        json!([{ "on": "charge", "fault": { "kind": "latency", "ms": -1 } }]),
        json!([{ "on": "charge", "fault": { "kind": "status", "status": 99 } }]),
        json!([{ "on": "charge", "fault": { "kind": "status", "status": 503, "retry_after": "\n" } }]),
        json!([{ "on": "charge", "fault": { "kind": "status", "status": 503, "headers": { "a b": "" } } }]),
        json!([{ "on": "charge", "fault": { "kind": "late", "ms": 1, "answer": { "status": 99 } } }]),
        json!([{ "on": "charge", "fault": { "kind": "hang" }, "time": 1 }]),
        json!({}),
    ] {
        let request = site
            .request(Method::PUT, "/faults")
            .json(&json!({ "rules": wrong }));
        send(request).await.unwrap().problem(400, "invalid-request");
    }
    alice
        .charge("k", "t", 5)
        .await
        .problem(503, "service-unavailable");
}

#[tokio::test]
async fn faults_are_absent_without_their_flag() {
    let site = start(&["--demo"]).await;
    for method in [Method::GET, Method::PUT, Method::DELETE] {
        let request = site
            .request(method, "/faults")
            .json(&json!({ "rules": [] }));
        send(request).await.unwrap().problem(404, "not-found");
    }
}
