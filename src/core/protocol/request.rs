//! Requests of the protocol, without the token, which the shell adds.

use std::fmt;

use crate::core::charge::{Charge, Key};
use crate::core::clock::rfc3339;
use crate::core::json::{Json, ToJson};
use crate::core::ordered::Map;
use crate::core::percent::{header_text, percent_encode};
use crate::core::points::Points;

/// The method of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// GET
    Get,
    /// POST
    Post,
    /// DELETE
    Delete,
}

impl Method {
    /// Its name in HTTP.
    pub fn name(self) -> &'static str {
        match self {
            Method::Get => "GET",
            Method::Post => "POST",
            Method::Delete => "DELETE",
        }
    }
}

/// The spelling of the key in a look-up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spelling {
    /// The key itself.
    Own,
    /// The header's spelling, under which a server that does not decode it knows the key.
    Header,
}

/// A request to the billing server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The method.
    pub method: Method,
    /// The URL relative to `baseUrl`, with the query.
    pub path: String,
    /// Headers, with names in lower case.
    pub headers: Vec<(&'static str, String)>,
    /// The JSON body.
    pub body: Option<String>,
}

/// For the log: the request's purpose, without its contents.
impl fmt::Display for Request {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "→ {} {}", self.method.name(), self.path)
    }
}

struct ChargeBody<'a> {
    task_id: &'a str,
    feature: &'a str,
    amount: Points,
    created_at: String,
    metadata: &'a Map<String, String>,
}

json_members! { to ChargeBody<'a> { task_id, feature, amount, created_at, metadata } }

struct HoldBody<'a> {
    task_id: &'a str,
    feature: &'a str,
    amount: Points,
    expires_in_s: u64,
}

json_members! { to HoldBody<'a> { task_id, feature, amount, expires_in_s } }

struct BatchItem<'a> {
    idempotency_key: &'a str,
    charge: ChargeBody<'a>,
}

impl ToJson for BatchItem<'_> {
    fn to_json(&self) -> Json<'_> {
        Json::object(&[("idempotency_key", &self.idempotency_key)]).and(self.charge.to_json())
    }
}

struct BatchBody<'a> {
    charges: Vec<BatchItem<'a>>,
}

json_members! { to BatchBody<'a> { charges } }

impl Request {
    /// `GET balance?t=NONCE`, or only what changed since `etag`. Each request has its own `nonce`,
    /// so that neither a cache nor a service worker can answer it.
    pub fn balance(etag: Option<&str>, nonce: &str) -> Request {
        let headers = etag.map(|etag| ("if-none-match", etag.to_owned()));
        Request {
            headers: headers.into_iter().collect(),
            ..Request::get(format!("balance?t={}", percent_encode(nonce)))
        }
    }

    /// `GET charges?key=KEY`. The key is in the query, because proxies refuse or decode `%2F` and
    /// `%25` in a path, and browsers fold `.` and `..`.
    pub fn look_up(key: &Key, spelling: Spelling) -> Request {
        let spelt = match spelling {
            Spelling::Own => key.as_str().to_owned(),
            Spelling::Header => key.wire(),
        };
        Request::get(format!("charges?key={}", percent_encode(&spelt)))
    }

    /// `POST holds`, for the points of a running task: `docs/holds.md`.
    pub fn hold(charge: &Charge, expires_in_s: u64) -> Request {
        let body = HoldBody {
            task_id: &charge.task_id,
            feature: &charge.feature,
            amount: charge.amount,
            expires_in_s,
        };
        Request::post(
            "holds",
            vec![("idempotency-key", quoted(&charge.key.wire()))],
            body.to_json().to_text(),
        )
    }

    /// `DELETE holds?key=KEY`.
    pub fn release(key: &Key) -> Request {
        Request {
            method: Method::Delete,
            ..Request::get(format!("holds?key={}", percent_encode(key.as_str())))
        }
    }

    /// `POST charges`.
    pub fn charge(charge: &Charge) -> Request {
        Request::post(
            "charges",
            vec![("idempotency-key", quoted(&charge.key.wire()))],
            ChargeBody::of(charge).to_json().to_text(),
        )
    }

    /// `POST charges/batch`.
    pub fn batch<'a>(charges: impl Iterator<Item = &'a Charge>) -> Request {
        let charges = charges
            .map(|charge| BatchItem {
                idempotency_key: charge.key.as_str(),
                charge: ChargeBody::of(charge),
            })
            .collect();
        let body = BatchBody { charges };
        Request::post("charges/batch", Vec::new(), body.to_json().to_text())
    }

    /// The same with `Billing-Account`: a server with another account signed in rejects it.
    pub fn on_behalf_of(mut self, account: &str) -> Request {
        let account = quoted(&header_text(account));
        self.headers.push(("billing-account", account));
        self
    }

    fn get(path: String) -> Request {
        Request {
            method: Method::Get,
            path,
            headers: Vec::new(),
            body: None,
        }
    }

    fn post(path: &str, mut headers: Vec<(&'static str, String)>, body: String) -> Request {
        headers.push(("content-type", "application/json".to_owned()));
        Request {
            method: Method::Post,
            path: path.to_owned(),
            headers,
            body: Some(body),
        }
    }
}

impl<'a> ChargeBody<'a> {
    fn of(charge: &'a Charge) -> ChargeBody<'a> {
        ChargeBody {
            task_id: &charge.task_id,
            feature: &charge.feature,
            amount: charge.amount,
            created_at: rfc3339(charge.created_at_ms),
            metadata: &charge.metadata,
        }
    }
}

/// A quoted string in a header, as in RFC 8941, section 3.3.3.
fn quoted(text: &str) -> String {
    let escaped = text.replace('\\', "\\\\").replace('"', "\\\"");
    format!("\"{escaped}\"")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::charge::ChargeRequest;

    fn charge(task_id: &str) -> Charge {
        let request = ChargeRequest {
            task_id: task_id.into(),
            amount: 3.0,
            feature: "f".into(),
            ..ChargeRequest::default()
        };
        request.into_charge(0).unwrap()
    }

    #[test]
    fn charge_request_carries_its_key_as_a_quoted_string() {
        let request = Request::charge(&charge(r#"a"b\c"#));
        assert_eq!(request.path, "charges");
        assert_eq!(
            request.headers[0],
            ("idempotency-key", r#""f:a\"b\\c""#.to_owned())
        );
        assert_eq!(
            request.body.as_deref(),
            Some(concat!(
                r#"{"task_id":"a\"b\\c","feature":"f","amount":3,"#,
                r#""created_at":"1970-01-01T00:00:00.000Z","metadata":{}}"#
            ))
        );
    }

    #[test]
    fn key_is_percent_encoded_only_for_the_header() {
        let charge = charge("任务");
        let header = "f:%E4%BB%BB%E5%8A%A1";
        let sent = Request::charge(&charge);
        assert_eq!(sent.headers[0].1, format!("\"{header}\""));
        let batch = Request::batch([&charge].into_iter()).body.unwrap();
        assert!(batch.contains(r#""idempotency_key":"f:任务""#), "{batch}");
        let path = Request::look_up(&charge.key, Spelling::Own).path;
        assert_eq!(path, "charges?key=f%3A%E4%BB%BB%E5%8A%A1");
        let path = Request::look_up(&charge.key, Spelling::Header).path;
        assert_eq!(path, "charges?key=f%3A%25E4%25BB%25BB%25E5%258A%25A1");
    }

    #[test]
    fn request_names_its_account_as_a_quoted_string() {
        let headers = |account| Request::balance(None, "").on_behalf_of(account).headers;
        let expected = |value: &str| [("billing-account", value.to_owned())];
        assert_eq!(headers("alice"), expected(r#""alice""#));
        assert_eq!(
            headers(r#"100% "李""#),
            expected(r#""100%25 \"%E6%9D%8E\"""#)
        );
    }

    #[test]
    fn balance_request_sends_the_known_etag() {
        let first = Request::balance(None, "t1.7");
        assert_eq!(
            (first.path.as_str(), first.headers),
            ("balance?t=t1.7", vec![])
        );
        let headers = Request::balance(Some("\"v1\""), "t1.8").headers;
        assert_eq!(headers, [("if-none-match", "\"v1\"".to_owned())]);
    }
}
