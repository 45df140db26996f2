//! The metrics, and the dashboard that shows them.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::client::{Site, item};
use crate::running::Running;

const DASHBOARD: &str = include_str!("../../grafana/tollbox-server.json");

/// A server, and where its metrics are.
async fn start(flags: &[&str]) -> (Running, Site) {
    let flags = [&["--demo", "--metrics", "127.0.0.1:0"], flags].concat();
    let server = Running::start_logging(&flags).await;
    let base = server.logged("metrics at ").await;
    let site = Site::new(base.strip_suffix("/metrics").unwrap());
    (server, site)
}

async fn text(metrics: &Site) -> String {
    let answer = metrics.get("/metrics").await;
    assert_eq!(answer.status, 200);
    let media_type = answer.header("content-type");
    assert!(media_type.starts_with("application/openmetrics-text"));
    answer.text
}

/// The value of the line that begins so.
fn value(text: &str, series: &str) -> f64 {
    text.lines()
        .find_map(|line| line.strip_prefix(series)?.strip_prefix(' '))
        .unwrap_or_else(|| panic!("no {series}: {text}"))
        .parse()
        .unwrap()
}

#[tokio::test]
async fn charges_are_counted_by_outcome_and_requests_by_route() {
    let (server, metrics) = start(&[]).await;
    let alice = server.site.sign_in("alice").await;
    alice.charge("k1", "t", 5).await;
    alice.charge("k1", "t", 5).await;
    alice.charge("k1", "t", 6).await;
    alice.charge("k2", "t", 500).await;
    let price = json!({ "task_id": "priced", "price": 1 });
    alice.post("/demo/price", price).await;
    alice
        .batch(vec![
            item("k3", "t", 5),
            item("k4", "priced", 5),
            item("k1", "t", 5),
        ])
        .await;
    alice.get("/billing/v1/nowhere").await;

    let text = text(&metrics).await;
    for (outcome, number) in [
        ("charged", 2.0),
        ("replayed", 2.0),
        ("key_reused", 1.0),
        ("insufficient_balance", 1.0),
        ("price_mismatch", 1.0),
    ] {
        let series = format!("tollbox_charges_total{{outcome=\"{outcome}\"}}");
        assert_eq!(value(&text, &series), number, "{series}");
    }
    for (route, status, number) in [
        ("/billing/v1/charges", 201, 1.0),
        ("/billing/v1/charges", 200, 1.0),
        ("/billing/v1/charges", 402, 1.0),
        ("/billing/v1/charges", 422, 1.0),
        ("/billing/v1/charges/batch", 200, 1.0),
    ] {
        let series = format!(
            "tollbox_request_duration_seconds_count{{method=\"POST\",route=\"{route}\",status=\"{status}\"}}"
        );
        assert_eq!(value(&text, &series), number, "{series}");
    }
    assert!(value(&text, "tollbox_queue_wait_seconds_count{queue=\"account\"}") >= 5.0);
    assert!(
        value(
            &text,
            "tollbox_queue_wait_seconds_count{queue=\"connection\"}"
        ) >= 5.0
    );
    assert_eq!(value(&text, "tollbox_requests_in_flight"), 0.0);
    assert!(
        !text.contains("nowhere") && !text.contains("alice"),
        "{text}"
    );
    for probe in ["/healthz", "/readyz"] {
        assert_eq!(metrics.get(probe).await.status, 200);
    }
}

/// Every `expr` of the dashboard.
fn expressions(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                match member.as_str() {
                    Some(text) if name == "expr" || name == "query" => found.push(text.to_owned()),
                    Some(_) | None => expressions(member, found),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| expressions(item, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// The names in it that are the server's.
fn names(text: &str) -> BTreeSet<String> {
    let is_name = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    text.split(|letter| !is_name(letter))
        .filter(|name| name.starts_with("tollbox_"))
        .map(str::to_owned)
        .collect()
}

#[tokio::test]
async fn holds_are_counted_by_outcome() {
    let (server, metrics) = start(&[]).await;
    let alice = server.site.sign_in("alice").await;
    alice.hold("k1", "t", 5, 3_600).await;
    alice.hold("k1", "t", 5, 3_600).await;
    alice.hold("k1", "t", 6, 3_600).await;
    alice.hold("k2", "t", 500, 3_600).await;
    alice.hold("k3", "t", 5, 3_600).await;
    alice.charge_of("k3", "k4", "t", 6).await;
    alice.release("k3").await;
    alice.release("k3").await;
    alice.charge("k1", "t", 5).await;
    alice.hold("k1", "t", 5, 3_600).await;

    let text = text(&metrics).await;
    for (outcome, number) in [
        ("held", 2.0),
        ("renewed", 1.0),
        ("key_reused", 1.0),
        ("insufficient_balance", 1.0),
        ("already_charged", 1.0),
        ("settled", 1.0),
        ("released", 1.0),
    ] {
        let series = format!("tollbox_holds_total{{outcome=\"{outcome}\"}}");
        assert_eq!(value(&text, &series), number, "{series}");
    }
    let exceeded = "tollbox_charges_total{outcome=\"hold_exceeded\"}";
    assert_eq!(value(&text, exceeded), 1.0);
}

#[tokio::test]
async fn the_dashboard_shows_every_metric_and_no_other() {
    let (server, metrics) = start(&[]).await;
    let alice = server.site.sign_in("alice").await;
    alice.charge("k1", "t", 5).await;
    alice.hold("k2", "t", 5, 3_600).await;
    let text = text(&metrics).await;
    let mut found = Vec::new();
    expressions(&serde_json::from_str(DASHBOARD).unwrap(), &mut found);
    let shown: BTreeSet<_> = found.iter().flat_map(|text| names(text)).collect();

    let samples: BTreeSet<_> = text
        .lines()
        .filter(|line| !line.starts_with('#'))
        .flat_map(|line| names(line.split(['{', ' ']).next().unwrap()))
        .collect();
    for name in &shown {
        assert!(
            samples.contains(name),
            "the server has no {name}: {samples:?}"
        );
    }
    let families = text.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    for family in families.map(|line| line.split(' ').next().unwrap()) {
        let is_shown = shown.iter().any(|name| name.starts_with(family));
        assert!(is_shown, "the dashboard does not show {family}");
    }
}
