//! A host, as the facade is one for the shell, with user code of all sorts behind it (host.js).

use js_sys::Promise;
use serde_json::Value;
use tollbox::browser::http::{Destination, Exchange, Limit, ask_token, exchange};
use tollbox::core::protocol::{Method, Request};
use wasm_bindgen::prelude::*;

/// A time limit that no exchange reaches which ends by itself, even on a busy computer.
pub const LONG_MS: u64 = 60_000;
/// A time limit for exchanges that would never end by themselves.
pub const SHORT_MS: u64 = 100;

#[wasm_bindgen(module = "/tests/web/host.js")]
extern "C" {
    #[derive(Clone)]
    pub type TestHost;

    #[wasm_bindgen(js_name = transportHost)]
    pub fn with_transport(token: &str, transport: &str) -> TestHost;

    #[wasm_bindgen(js_name = fetchHost)]
    pub fn with_fetch(token: &str) -> TestHost;

    #[wasm_bindgen(js_name = bankHost)]
    pub fn with_balance(balance: f64) -> TestHost;

    #[wasm_bindgen(method, js_name = requests)]
    fn requests_json(this: &TestHost) -> String;

    #[wasm_bindgen(method, js_name = snapshot)]
    fn snapshot_json(this: &TestHost) -> String;

    #[wasm_bindgen(method, js_name = tokens)]
    fn tokens_json(this: &TestHost) -> String;

    #[wasm_bindgen(method, js_name = alerts)]
    pub fn alerts_json(this: &TestHost) -> String;

    #[wasm_bindgen(js_name = nextTurn)]
    pub fn next_turn() -> Promise;
}

impl TestHost {
    /// The requests that the transport received.
    pub fn requests(&self) -> Vec<Value> {
        serde_json::from_str(&self.requests_json()).unwrap()
    }

    /// The calls about tokens that the host received.
    pub fn tokens(&self) -> Vec<String> {
        serde_json::from_str(&self.tokens_json()).unwrap()
    }

    /// The last snapshot.
    pub fn snapshot(&self) -> Value {
        serde_json::from_str(&self.snapshot_json()).unwrap()
    }
}

/// A destination that leaves the credentials to the default.
pub fn at(base_url: &str) -> Destination {
    Destination {
        base_url: base_url.to_owned(),
        credentials: None,
        token_lock: "test".to_owned(),
    }
}

/// One whole exchange: the token, the request, the answer.
pub async fn exchange_with(
    host: &TestHost,
    destination: &Destination,
    request: &Request,
    refresh: bool,
    limit_ms: u64,
) -> Exchange {
    let limit = Limit::new(limit_ms).unwrap();
    let host = host.unchecked_ref();
    match ask_token(host, destination, refresh, &limit).await {
        Ok(token) => exchange(host, destination, request, &token, &limit).await,
        Err(why) => Exchange::NotSent(why),
    }
}

/// One exchange with the server at `base_url`, the token not refreshed.
pub async fn exchange_at(
    base_url: &str,
    host: &TestHost,
    request: &Request,
    limit_ms: u64,
) -> Exchange {
    exchange_with(host, &at(base_url), request, false, limit_ms).await
}

/// One exchange with the page's own server.
pub async fn exchange_here(host: &TestHost, request: &Request, limit_ms: u64) -> Exchange {
    exchange_at(&origin(), host, request, limit_ms).await
}

pub fn get(path: &str) -> Request {
    Request {
        method: Method::Get,
        path: path.to_owned(),
        headers: Vec::new(),
        body: None,
    }
}

/// The page's origin.
pub fn origin() -> String {
    web_sys::window().unwrap().origin()
}
