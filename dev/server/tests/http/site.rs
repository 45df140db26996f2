//! Cross-origin requests and static files.

use reqwest::Method;

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
        ] {
            assert!(allowed.iter().any(|allowed| allowed == name), "{name}");
        }
        let methods = listed(answer.header("access-control-allow-methods"));
        assert!(methods.contains(&"get".to_owned()) && methods.contains(&"post".to_owned()));
    }
    // A page can read an error as well, and the answer of a fault.
    let rule = r#"[{"on":"balance","fault":{"kind":"status","status":503,"retry_after":"2"}}]"#;
    site.faults(serde_json::from_str(rule).unwrap()).await;
    for path in ["/billing/v1/balance", "/billing/v1/nowhere", "/nowhere"] {
        let request = site
            .request(Method::GET, path)
            .header("origin", "https://shop.example");
        let answer = send(request).await.unwrap();
        assert_eq!(answer.header("access-control-allow-origin"), "*", "{path}");
        let exposed = listed(answer.header("access-control-expose-headers"));
        for name in ["etag", "retry-after", "idempotent-replayed"] {
            assert!(exposed.iter().any(|exposed| exposed == name), "{name}");
        }
    }
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
