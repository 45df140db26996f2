//! A client of the server's HTTP surface, for the tests.

// Each test program uses its own part of it.
#![allow(dead_code)]

use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::HeaderMap;
use reqwest::redirect::Policy;
use reqwest::{Client, Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};

/// The time limit of every wait: an event that has not happened by then never will.
pub const LIMIT: Duration = Duration::from_secs(30);

/// An answer, read to its end.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub text: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("not JSON: {self:?}"))
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }

    /// Checks that this is a problem document of that type (RFC 9457), and gives it.
    pub fn problem(&self, status: u16, kind: &str) -> Value {
        let document = self.json();
        assert_eq!(self.status.as_u16(), status, "{self:?}");
        assert_eq!(self.header("content-type"), "application/problem+json");
        assert_eq!(self.header("cache-control"), "no-store");
        assert_eq!(document["type"], kind, "{self:?}");
        assert_eq!(document["status"], status);
        assert!(document["title"].is_string() && document["detail"].is_string());
        document
    }
}

/// Sends a request, and reads the whole answer.
pub async fn send(request: RequestBuilder) -> reqwest::Result<Answer> {
    let response = request.send().await?;
    Ok(Answer {
        status: response.status(),
        headers: response.headers().clone(),
        text: response.text().await?,
    })
}

/// A server at some address.
#[derive(Clone)]
pub struct Site {
    pub base: String,
    client: Client,
    /// What keeps the server running.
    kept: Option<Arc<dyn Any + Send + Sync>>,
}

impl Site {
    pub fn new(base: impl Into<String>) -> Self {
        let client = Client::builder()
            .no_proxy()
            .redirect(Policy::none())
            .build()
            .unwrap();
        Self {
            base: base.into(),
            client,
            kept: None,
        }
    }

    /// Keeps `server` until the last clone is dropped.
    pub fn keeping(self, server: impl Any + Send + Sync) -> Self {
        Self {
            kept: Some(Arc::new(server)),
            ..self
        }
    }

    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.base))
    }

    pub async fn get(&self, path: &str) -> Answer {
        send(self.request(Method::GET, path)).await.unwrap()
    }

    pub async fn sign_in(&self, account: &str) -> Session {
        let request = self
            .request(Method::POST, "/demo/session")
            .json(&json!({ "account": account }));
        let answer = send(request).await.unwrap();
        assert_eq!(answer.status, 200, "{answer:?}");
        self.session(answer.json()["token"].as_str().unwrap())
    }

    pub fn session(&self, token: &str) -> Session {
        Session {
            site: self.clone(),
            token: token.to_owned(),
        }
    }

    /// Waits until the first fault is used up.
    pub async fn fault_used_up(&self) {
        let used_up = async {
            while self.get("/faults").await.json()["rules"][0]["times"] != 0 {
                sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(LIMIT, used_up).await.expect("the fault hits");
    }

    /// Replaces the faults in force.
    pub async fn faults(&self, rules: Value) {
        let request = self
            .request(Method::PUT, "/faults")
            .json(&json!({ "rules": rules }));
        let answer = send(request).await.unwrap();
        assert_eq!(answer.status, 200, "{answer:?}");
    }
}

/// A signed-in account.
#[derive(Clone)]
pub struct Session {
    pub site: Site,
    pub token: String,
}

impl Session {
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.site.request(method, path).bearer_auth(&self.token)
    }

    pub async fn get(&self, path: &str) -> Answer {
        send(self.request(Method::GET, path)).await.unwrap()
    }

    pub async fn post(&self, path: &str, body: Value) -> Answer {
        send(self.request(Method::POST, path).json(&body))
            .await
            .unwrap()
    }

    /// A charge with this key, as it is written in the header, ready to be sent.
    pub fn charge_request(&self, header: &str, body: &Value) -> RequestBuilder {
        self.request(Method::POST, "/billing/v1/charges")
            .header("idempotency-key", header)
            .json(body)
    }

    pub async fn try_charge(&self, key: &str, task: &str, amount: u64) -> reqwest::Result<Answer> {
        let request = self.charge_request(&format!("\"{key}\""), &charge(task, amount));
        send(request).await
    }

    pub async fn charge(&self, key: &str, task: &str, amount: u64) -> Answer {
        self.try_charge(key, task, amount).await.unwrap()
    }

    pub async fn batch(&self, charges: Vec<Value>) -> Answer {
        let body = json!({ "charges": charges });
        self.post("/billing/v1/charges/batch", body).await
    }

    /// A hold with this key, for so many seconds.
    pub async fn hold(&self, key: &str, task: &str, amount: u64, expires_in_s: u64) -> Answer {
        let request = self
            .request(Method::POST, "/billing/v1/holds")
            .header("idempotency-key", format!("\"{key}\""))
            .json(&hold(task, amount, expires_in_s));
        send(request).await.unwrap()
    }

    pub async fn release(&self, key: &str) -> Answer {
        let path = format!("/billing/v1/holds?key={key}");
        send(self.request(Method::DELETE, &path)).await.unwrap()
    }

    /// A charge that names a hold.
    pub async fn charge_of(&self, hold: &str, key: &str, task: &str, amount: u64) -> Answer {
        let mut body = charge(task, amount);
        body["hold"] = hold.into();
        send(self.charge_request(&format!("\"{key}\""), &body))
            .await
            .unwrap()
    }

    /// The balance, and what is held of it.
    pub async fn held(&self) -> (u64, u64) {
        let balance = self.get("/billing/v1/balance").await.json();
        (
            balance["balance"].as_u64().unwrap(),
            balance["held"].as_u64().unwrap(),
        )
    }

    /// Waits until so many points are held.
    pub async fn held_is(&self, points: u64) {
        let reached = async {
            while self.held().await.1 != points {
                sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(LIMIT, reached).await.expect("it comes to that");
    }

    pub async fn balance(&self) -> (u64, u64) {
        let balance = self.get("/billing/v1/balance").await.json();
        (
            balance["balance"].as_u64().unwrap(),
            balance["version"].as_u64().unwrap(),
        )
    }

    /// The account's ledger in the database.
    pub async fn ledger(&self) -> Value {
        self.get("/demo/ledger").await.json()
    }
}

/// The body of a charge, as a client writes it.
pub fn charge(task: &str, amount: u64) -> Value {
    json!({
        "task_id": task,
        "feature": "cloud_trans",
        "amount": amount,
        "created_at": "2026-03-01T12:00:00.000Z",
        "metadata": { "file": "a.srt" },
    })
}

/// The body of a hold, as a client writes it.
pub fn hold(task: &str, amount: u64, expires_in_s: u64) -> Value {
    json!({
        "task_id": task,
        "feature": "cloud_trans",
        "amount": amount,
        "expires_in_s": expires_in_s,
    })
}

/// One item of a batch.
pub fn item(key: &str, task: &str, amount: u64) -> Value {
    let mut item = charge(task, amount);
    item["idempotency_key"] = key.into();
    item
}
