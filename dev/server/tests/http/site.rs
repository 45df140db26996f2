//! The server as a site: which origins may call, how answers are sandboxed, and static files.

use reqwest::Method;
use serde_json::json;

use crate::client::send;
use crate::start;

fn listed(header: &str) -> Vec<String> {
    header
        .split(',')
        .map(|name| name.trim().to_ascii_lowercase())
        .collect()
}

#[tokio::test]
async fn any_origin_may_call_with_the_headers_of_the_protocol() {
    let site = start(&["--demo", "--faults"]).await;
    for path in [
        "/billing/v1/charges",
        "/billing/v1/charges/batch",
        "/billing/v1/balance",
        "/billing/v1/holds",
    ] {
        let preflight = site
            .request(Method::OPTIONS, path)
            .header("origin", "https://shop.example")
            .header("access-control-request-method", "POST")
            .header(
                "access-control-request-headers",
                "authorization,idempotency-key",
            );
        let answer = send(preflight).await.unwrap();
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("access-control-allow-origin"), "*");
        let allowed = listed(answer.header("access-control-allow-headers"));
        for name in [
            "authorization",
            "content-type",
            "idempotency-key",
            "if-none-match",
            "billing-account",
        ] {
            assert!(allowed.iter().any(|allowed| allowed == name), "{name}");
        }
        let methods = listed(answer.header("access-control-allow-methods"));
        for name in ["get", "post", "delete"] {
            assert!(methods.iter().any(|allowed| allowed == name), "{name}");
        }
    }
    // A page can read errors, too, and the answers of faults.
    let rule = r#"[{"on":"balance","fault":{"kind":"status","status":503,"retry_after":"2"}}]"#;
    site.faults(serde_json::from_str(rule).unwrap()).await;
    for path in [
        "/billing/v1/balance",
        "/billing/v1/charges?key=k",
        "/billing/v1/nowhere",
    ] {
        let request = site
            .request(Method::GET, path)
            .header("origin", "https://shop.example");
        let answer = send(request).await.unwrap();
        assert_eq!(answer.header("access-control-allow-origin"), "*", "{path}");
        let exposed = listed(answer.header("access-control-expose-headers"));
        for name in ["date", "etag", "retry-after", "idempotent-replayed"] {
            assert!(exposed.iter().any(|exposed| exposed == name), "{name}");
        }
        assert!(answer.header("date").ends_with(" GMT"), "{answer:?}");
    }
}

/// The headers by which a request shows that a page of another origin sent it.
const STRANGERS: [(&str, &str); 4] = [
    ("origin", "https://shop.example"),
    ("origin", "null"),
    ("sec-fetch-site", "cross-site"),
    ("sec-fetch-site", "same-site"),
];

#[tokio::test]
async fn only_pages_of_the_server_reach_the_faults_and_the_demo() {
    let site = start(&["--demo", "--faults"]).await;
    site.faults(json!([{ "on": "any", "fault": { "kind": "hang" } }]))
        .await;
    let paths = [
        (Method::GET, "/faults"),
        (Method::PUT, "/faults"),
        (Method::DELETE, "/faults"),
        (Method::OPTIONS, "/faults"),
        (Method::POST, "/demo/session"),
        (Method::POST, "/demo/top-up"),
        (Method::POST, "/demo/price"),
        (Method::GET, "/demo/ledger"),
        (Method::GET, "/demo/about"),
    ];
    for (name, value) in STRANGERS {
        for (method, path) in paths.clone() {
            let request = site
                .request(method, path)
                .header(name, value)
                .header("access-control-request-method", "PUT")
                .json(&json!({ "rules": [], "account": "alice" }));
            let answer = send(request).await.unwrap();
            answer.problem(403, "cross-origin");
            assert!(!answer.headers.contains_key("access-control-allow-origin"));
        }
    }
    let rules = site.get("/faults").await.json()["rules"].clone();
    assert_eq!(rules.as_array().unwrap().len(), 1);

    // The server's own pages and clients other than browsers do.
    for (name, value) in [
        ("origin", site.base.as_str()),
        ("sec-fetch-site", "same-origin"),
        ("sec-fetch-site", "none"),
    ] {
        let request = site.request(Method::DELETE, "/faults").header(name, value);
        assert_eq!(send(request).await.unwrap().status, 200, "{name}: {value}");
    }
}

#[tokio::test]
async fn form_submissions_are_refused() {
    let site = start(&["--demo", "--faults"]).await;
    for media_type in ["text/plain", "application/x-www-form-urlencoded"] {
        for (method, path) in [(Method::PUT, "/faults"), (Method::POST, "/demo/session")] {
            let request = site
                .request(method, path)
                .header("content-type", media_type)
                .body(r#"{"rules":[],"account":"alice"}"#);
            let answer = send(request).await.unwrap();
            answer.problem(415, "unsupported-media-type");
        }
    }
}

#[tokio::test]
async fn answers_never_run_scripts_as_a_page() {
    let site = start(&["--demo", "--faults"]).await;
    let script = "<script>alert(1)</script>";
    let unsafe_headers = json!({
        "content-security-policy": "script-src *",
        "x-content-type-options": "sniff",
        "content-type": "text/html",
    });
    for fault in [
        json!({ "kind": "garbage" }),
        json!({ "kind": "status", "status": 200, "body": script }),
        json!({ "kind": "status", "status": 503, "body": script }),
        json!({ "kind": "status", "status": 200, "body": "{}", "headers": unsafe_headers }),
        json!({ "kind": "late", "ms": 1, "answer": { "status": 504, "body": script } }),
    ] {
        site.faults(json!([{ "on": "any", "fault": fault }])).await;
        let answer = site.get("/billing/v1/balance").await;
        let policies = answer.headers.get_all("content-security-policy");
        let policies: Vec<_> = policies.iter().collect();
        assert_eq!(policies, ["sandbox; default-src 'none'"], "{answer:?}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
    }
    for path in ["/faults", "/demo/about", "/billing/v1/nowhere"] {
        let answer = site.get(path).await;
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
    }
}

#[tokio::test]
async fn anybody_may_read_the_protocols_openapi_document() {
    let site = start(&[]).await;
    let path = "/billing/v1/openapi.json";
    let answer = site.get(path).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), "application/json");
    assert_eq!(answer.header("access-control-allow-origin"), "*");
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/openapi.json");
    let committed = std::fs::read_to_string(file).unwrap();
    assert!(answer.text == committed, "it is not docs/openapi.json");
    let posted = send(site.request(Method::POST, path)).await.unwrap();
    posted.problem(405, "method-not-allowed");
}

#[tokio::test]
async fn static_files_are_served_beside_the_protocol() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("index.html"), "<!doctype html>demo").unwrap();
    std::fs::write(dir.path().join("tollbox_bg.wasm"), b"\0asm").unwrap();
    std::fs::write(dir.path().join("index.js"), "export {}").unwrap();
    let site = start(&["--static", dir.path().to_str().unwrap()]).await;

    let page = site.get("/").await;
    assert_eq!(
        (page.status.as_u16(), page.text.as_str()),
        (200, "<!doctype html>demo")
    );
    assert_eq!(page.header("content-type"), "text/html");
    assert_eq!(page.header("content-security-policy"), "");
    let module = site.get("/tollbox_bg.wasm").await;
    assert_eq!(module.header("content-type"), "application/wasm");
    assert_eq!(
        site.get("/index.js").await.header("content-type"),
        "text/javascript"
    );

    for missing in ["/missing.js", "/../Cargo.toml", "/%2e%2e/Cargo.toml"] {
        site.get(missing).await.problem(404, "not-found");
    }
    site.get("/billing/v1/nowhere")
        .await
        .problem(404, "not-found");
    site.get("/billing/v1/balance")
        .await
        .problem(401, "unauthorized");
}

#[tokio::test]
async fn a_compressed_static_file_is_sent_to_those_who_take_it() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("index.js"), "export {}").unwrap();
    std::fs::write(dir.path().join("index.js.br"), "short").unwrap();
    let site = start(&["--static", dir.path().to_str().unwrap()]).await;

    for (accepted, encoding, text) in [("gzip, br", "br", "short"), ("gzip", "", "export {}")] {
        let request = site.request(Method::GET, "/index.js");
        let script = send(request.header("accept-encoding", accepted))
            .await
            .unwrap();
        assert_eq!(script.header("content-encoding"), encoding);
        assert_eq!(script.header("content-type"), "text/javascript");
        assert_eq!(script.text, text);
    }
}
