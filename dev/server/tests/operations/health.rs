//! Probes: `/healthz` and `/readyz`.

use nix::sys::signal::Signal;
use reqwest::Method;
use tokio::time::{sleep, timeout};

use crate::client::{LIMIT, send};
use crate::running::Running;

#[tokio::test]
async fn probes_are_answered_without_a_token() {
    let server = Running::start(&[]).await;
    for path in ["/healthz", "/readyz"] {
        let answer = server.site.get(path).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(answer.header("cache-control"), "no-store");
        let post = send(server.site.request(Method::POST, path)).await.unwrap();
        assert_eq!(post.status, 405);
    }
    let elsewhere = server.site.get("/metrics").await;
    elsewhere.problem(404, "not-found");
}

#[tokio::test]
async fn a_draining_server_is_alive_and_charges_but_is_not_ready() {
    let server = Running::start(&["--demo", "--drain", "600000"]).await;
    let alice = server.site.sign_in("alice").await;
    server.signal(Signal::SIGTERM);
    let unready = async {
        while server.site.get("/readyz").await.status == 200 {
            sleep(std::time::Duration::from_millis(5)).await;
        }
    };
    timeout(LIMIT, unready).await.expect("it says so");
    let answer = server.site.get("/readyz").await;
    answer.problem(503, "service-unavailable");
    assert_eq!(server.site.get("/healthz").await.status, 200);
    assert_eq!(alice.charge("k", "t", 5).await.status, 201);
}

#[tokio::test]
async fn a_drained_server_ends() {
    let server = Running::start(&["--drain", "100"]).await;
    server.signal(Signal::SIGTERM);
    assert!(server.end().await.success());
}
