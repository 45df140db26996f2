//! Limits of headers and of idle connections.

use reqwest::Method;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::client::{LIMIT, Site, charge, send};
use crate::running::Running;

async fn connect(site: &Site) -> TcpStream {
    let address = site.base.strip_prefix("http://").unwrap();
    TcpStream::connect(address).await.unwrap()
}

/// Everything until the server closes the connection.
async fn rest(connection: &mut TcpStream) -> String {
    let mut received = Vec::new();
    let read = connection.read_to_end(&mut received);
    // A reset closes the connection, too.
    let _ = timeout(LIMIT, read).await.expect("it is closed");
    String::from_utf8(received).unwrap()
}

#[tokio::test]
async fn a_connection_that_sends_no_headers_in_time_is_closed() {
    let server = Running::start(&["--demo", "--headers-within", "200"]).await;
    for beginning in ["", "GET /healthz HTTP/1.1\r\nhost: x\r\n"] {
        let mut connection = connect(&server.site).await;
        connection.write_all(beginning.as_bytes()).await.unwrap();
        let answer = rest(&mut connection).await;
        assert!(!answer.contains(" 200 "), "{answer}");
    }
    // And one that is left idle after an answer.
    let mut connection = connect(&server.site).await;
    connection
        .write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n")
        .await
        .unwrap();
    assert!(rest(&mut connection).await.starts_with("HTTP/1.1 200 "));
}

#[tokio::test]
async fn too_many_and_too_long_headers_are_refused() {
    let server = Running::start(&["--demo"]).await;
    let alice = server.site.sign_in("alice").await;
    let mut many = alice.charge_request("\"k\"", &charge("t", 5));
    for n in 0..100 {
        many = many.header(format!("x-{n}"), "x");
    }
    assert_eq!(send(many).await.unwrap().status, 431);
    let long = server
        .site
        .request(Method::GET, "/healthz")
        .header("x-long", "x".repeat(300_000));
    // The server may close the connection before all of it is sent.
    if let Ok(answer) = send(long).await {
        assert_eq!(answer.status, 431);
    }
    assert_eq!(alice.balance().await, (120, 1));
    // The longest key fits.
    let key = "任".repeat(1_365);
    let header: String = key.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let longest = alice.charge_request(&format!("\"{header}\""), &charge("t", 5));
    assert_eq!(send(longest).await.unwrap().status, 201);
}
