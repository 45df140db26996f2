//! Malformed and unauthorized requests get a problem document and change nothing.

use reqwest::Method;
use serde_json::{Value, json};

use crate::client::{Session, charge, send};
use crate::start;

const CHARGES: &str = "/billing/v1/charges";

async fn alice() -> Session {
    start(&["--demo"]).await.sign_in("alice").await
}

#[tokio::test]
async fn a_charge_with_a_wrong_member_is_refused() {
    let alice = alice().await;
    let before = alice.ledger().await;
    let long = "字".repeat(501);
    let wrong = [
        ("amount", json!(0)),
        ("amount", json!(-5)),
        ("amount", json!(-5.0)),
        ("amount", json!(9_007_199_254_740_992.0)),
        ("amount", json!(1.5)),
        ("amount", json!(9_007_199_254_740_992_u64)),
        ("amount", json!(1e300)),
        ("amount", json!("5")),
        ("amount", json!(true)),
        ("amount", Value::Null),
        ("task_id", json!("")),
        ("task_id", json!(5)),
        ("task_id", json!(long)),
        ("feature", json!("")),
        ("feature", json!(long)),
        ("feature", Value::Null),
        ("created_at", json!("yesterday")),
        ("created_at", json!(1_790_000_000)),
        ("metadata", json!({ "nested": {} })),
        ("metadata", json!("text")),
    ];
    for (name, value) in wrong {
        let mut body = charge("t", 5);
        body[name] = value;
        let answer = send(alice.charge_request("\"k\"", &body)).await.unwrap();
        answer.problem(400, "invalid-request");
    }
    for missing in ["task_id", "feature", "amount"] {
        let mut body = charge("t", 5);
        body.as_object_mut().unwrap().remove(missing);
        let answer = send(alice.charge_request("\"k\"", &body)).await.unwrap();
        let problem = answer.problem(400, "invalid-request");
        assert!(problem["detail"].as_str().unwrap().contains(missing));
    }
    assert_eq!(alice.ledger().await, before);
}

#[tokio::test]
async fn a_charge_without_a_valid_key_is_refused() {
    let alice = alice().await;
    let before = alice.ledger().await;
    let body = charge("t", 5);
    let missing = alice.request(Method::POST, CHARGES).json(&body);
    let answer = send(missing).await.unwrap();
    answer.problem(400, "idempotency-key-missing");

    let long = format!("\"{}\"", "k".repeat(4_097));
    for header in [
        "",
        "\"\"",
        "bare",
        "\"open",
        "\"a\", \"b\"",
        "\"\\n\"",
        "5",
        &long,
    ] {
        let answer = send(alice.charge_request(header, &body)).await.unwrap();
        answer.problem(400, "idempotency-key-invalid");
    }
    let twice = alice
        .charge_request("\"a\"", &body)
        .header("idempotency-key", "\"a\"");
    send(twice)
        .await
        .unwrap()
        .problem(400, "idempotency-key-invalid");
    assert_eq!(alice.ledger().await, before);
}

#[tokio::test]
async fn a_charge_whose_body_is_not_json_is_refused() {
    let alice = alice().await;
    let before = alice.ledger().await;
    let post = |path: &str, media_type: &str, body: String| {
        let request = alice
            .request(Method::POST, path)
            .header("idempotency-key", "\"k\"")
            .header("content-type", media_type)
            .body(body);
        async { send(request).await.unwrap() }
    };
    for path in [CHARGES, "/billing/v1/charges/batch"] {
        for body in ["", "{", "{\"amount\":", "\u{feff}{}", "NaN"] {
            let answer = post(path, "application/json", body.to_owned()).await;
            answer.problem(400, "invalid-json");
        }
        for body in [
            "[]",
            r#"["t","f",1,null,null]"#,
            "[[]]",
            "null",
            "5",
            "\"text\"",
        ] {
            let answer = post(path, "application/json", body.to_owned()).await;
            answer.problem(400, "invalid-request");
        }
        let good = charge("t", 5).to_string();
        for media_type in [
            "text/plain",
            "application/x-www-form-urlencoded",
            "nonsense",
        ] {
            let answer = post(path, media_type, good.clone()).await;
            answer.problem(415, "unsupported-media-type");
        }
        let large = "x".repeat(1024 * 1024 + 1);
        let answer = post(path, "application/json", large).await;
        answer.problem(413, "payload-too-large");
    }
    let trailing = charge("t", 5).to_string() + "{}";
    let answer = post(CHARGES, "application/json", trailing).await;
    answer.problem(400, "invalid-json");
    let twice = r#"{"task_id":"t","feature":"f","amount":1,"amount":2}"#;
    let answer = post(CHARGES, "application/json", twice.to_owned()).await;
    answer.problem(400, "invalid-request");
    assert_eq!(alice.ledger().await, before);

    let body = charge("t", 5).to_string();
    let answer = post(CHARGES, "application/json; charset=utf-8", body).await;
    assert_eq!(answer.status, 201);
}

#[tokio::test]
async fn missing_wrong_and_expired_tokens_are_refused() {
    let site = start(&["--demo", "--token-ttl", "0"]).await;
    let expired = site.sign_in("alice").await;
    let unknown = site.session("not-a-token");
    let requests = [
        (Method::GET, "/billing/v1/balance"),
        (Method::POST, CHARGES),
        (Method::POST, "/billing/v1/charges/batch"),
        (Method::GET, "/billing/v1/charges?key=k"),
        (Method::POST, "/billing/v1/holds"),
        (Method::DELETE, "/billing/v1/holds?key=k"),
        (Method::GET, "/demo/ledger"),
        (Method::POST, "/demo/top-up"),
        (Method::POST, "/demo/price"),
    ];
    for (method, path) in requests {
        let body = charge("t", 5);
        for session in [&expired, &unknown] {
            let request = session.request(method.clone(), path).json(&body);
            let answer = send(request).await.unwrap();
            answer.problem(401, "unauthorized");
            let challenge = answer.header("www-authenticate");
            assert_eq!(challenge, r#"Bearer error="invalid_token""#);
        }
        let answer = send(site.request(method.clone(), path).json(&body))
            .await
            .unwrap();
        answer.problem(401, "unauthorized");
        assert_eq!(answer.header("www-authenticate"), "Bearer");
        let basic = site.request(method, path).basic_auth("a", Some("b"));
        let answer = send(basic.json(&body)).await.unwrap();
        answer.problem(401, "unauthorized");
    }
}

#[tokio::test]
async fn unknown_paths_methods_and_queries_are_refused() {
    let alice = alice().await;
    for path in [
        "/",
        "/nowhere",
        "/billing/v1",
        "/billing/v1/",
        "/billing/v1/nowhere",
        "/billing/v1/charges/",
        "/billing/v1/charges/k",
        "/billing/v1/charges/a/b",
        "/billing/v2/balance",
        "/demo/nowhere",
        "/faults",
    ] {
        alice.get(path).await.problem(404, "not-found");
    }
    for (method, path, allowed) in [
        (Method::POST, "/billing/v1/balance", "GET"),
        (Method::DELETE, CHARGES, "POST"),
        (Method::DELETE, "/billing/v1/charges?key=k", "GET"),
        (Method::PUT, "/billing/v1/charges/batch", "POST"),
        (Method::GET, "/billing/v1/holds?key=k", "DELETE"),
        (Method::PUT, "/billing/v1/holds", "POST"),
        (Method::GET, "/demo/session", "POST"),
    ] {
        let answer = send(alice.request(method, path)).await.unwrap();
        answer.problem(405, "method-not-allowed");
        assert!(answer.header("allow").contains(allowed), "{path}");
    }
    for query in ["", "?", "?key", "?k=key", "?key=a&key=b", "?key=%ff"] {
        let answer = alice.get(&format!("{CHARGES}{query}")).await;
        answer.problem(400, "invalid-request");
    }
}
