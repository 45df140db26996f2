//! A rule's request, filled in: what goes over the wire, and the curl command that repeats it.

use std::collections::BTreeMap;

use percent_encoding::{AsciiSet, CONTROLS, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value, json};

use crate::catalogue::{As, Delivery, Sending};
use crate::scope::Scope;

/// How long a hold lasts that nobody ends, in seconds: longer than a rule takes.
const HOLD_S: u32 = 60;

/// What is percent-encoded of a header's text: `%`, and what a header can't carry.
const IN_HEADER: &AsciiSet = &CONTROLS.add(b'%');

/// What is percent-encoded in a query: all but unreserved characters (RFC 3986, section 2.3).
const IN_QUERY: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'-');

/// A request without its token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    pub method: String,
    /// Below the base URL.
    pub path: String,
    /// Names in lower case.
    pub headers: BTreeMap<String, String>,
    pub body: Option<String>,
    pub whose: As,
    pub delivery: Option<Delivery>,
}

impl Request {
    /// Fills in a request of the catalogue.
    pub fn of(send: &Sending, scope: &Scope) -> Self {
        let mut request = Self::usual(send, scope);
        if request.body.is_some() {
            let json = "application/json".to_owned();
            request.headers.insert("content-type".to_owned(), json);
        }
        for (name, value) in &send.headers {
            match value {
                Some(value) => request.headers.insert(name.clone(), scope.text(value)),
                None => request.headers.remove(name),
            };
        }
        if let Some(method) = &send.method {
            request.method.clone_from(method);
        }
        request
    }

    fn usual(send: &Sending, scope: &Scope) -> Self {
        let text = send.text.as_ref().map(|text| scope.text(text));
        let made = |method: &str, path: String, body: Option<String>| Self {
            method: method.to_owned(),
            path,
            headers: BTreeMap::new(),
            body,
            whose: send.whose,
            delivery: send.delivery,
        };
        if let Some(key) = &send.charge {
            let key = scope.text(key);
            let charge = || charge(&key, &send.members, &send.without, scope);
            let body = text.unwrap_or_else(|| Value::Object(charge()).to_string());
            let mut request = made("POST", "charges".to_owned(), Some(body));
            let header = "idempotency-key".to_owned();
            request.headers.insert(header, quoted(&key));
            return request;
        }
        if let Some(key) = &send.hold {
            let key = scope.text(key);
            let hold = || hold(&key, &send.members, &send.without, scope);
            let body = text.unwrap_or_else(|| Value::Object(hold()).to_string());
            let mut request = made("POST", "holds".to_owned(), Some(body));
            let header = "idempotency-key".to_owned();
            request.headers.insert(header, quoted(&key));
            return request;
        }
        if let Some(key) = &send.release {
            let key = scope.text(key);
            let path = format!("holds?key={}", utf8_percent_encode(&key, IN_QUERY));
            return made("DELETE", path, None);
        }
        if let Some(key) = &send.lookup {
            let key = scope.text(key);
            let path = format!("charges?key={}", utf8_percent_encode(&key, IN_QUERY));
            return made("GET", path, None);
        }
        if let Some(items) = items(send, scope) {
            let body = json!({ "charges": items }).to_string();
            return made("POST", "charges/batch".to_owned(), Some(body));
        }
        made("GET", scope.text(&send.path), text)
    }

    /// What it is called: its method and its path without the query.
    pub fn title(&self) -> String {
        let path = self.path.split('?').next().unwrap_or_default();
        format!("{} {path}", self.method)
    }

    /// The command that sends it again, so many times at once. The tokens stand in variables of the
    /// shell, but for the one that nobody has, and so does `{n}`.
    pub fn curl(&self, base: &str, times: u64, unknown: &str) -> String {
        let mut parts = vec!["curl -i".to_owned()];
        if self.method != "GET" {
            parts.push(format!("-X {}", self.method));
        }
        parts.push(shell(&format!("{base}/{}", self.path)));
        let token = match self.whose {
            As::Own => Some("$TOKEN"),
            As::Other => Some("$OTHER_TOKEN"),
            As::Unknown => Some(unknown),
            As::Nobody => None,
        };
        if let Some(token) = token {
            parts.push(format!(r#"-H "Authorization: Bearer {token}""#));
        }
        for (name, value) in &self.headers {
            let header = if value.is_empty() {
                format!("{name};")
            } else {
                format!("{name}: {value}")
            };
            parts.push(format!("-H {}", shell(&header)));
        }
        if let Some(body) = &self.body {
            parts.push(format!("--data-raw {}", shell(body)));
        }
        // The path has it percent-encoded.
        let one = parts.join(" ");
        let one = one.replace("{n}", "'$i'").replace("%7Bn%7D", "'$i'");
        let all = if times == 1 {
            one
        } else {
            let last = times - 1;
            format!("for i in $(seq 0 {last}); do {one} & done; wait")
        };
        match self.delivery {
            None => all,
            Some(delivery) => format!("{all} # {}", note(delivery)),
        }
    }
}

/// How a command differs from what was sent.
fn note(delivery: Delivery) -> &'static str {
    match delivery {
        Delivery::InPieces => "the body in 4 pieces",
        Delivery::WithoutEnd => "without the last byte of the body",
        Delivery::GoneInTheBody => "closed after half of the body",
        Delivery::GoneBeforeTheAnswer => "closed after the body",
        Delivery::InTheBackground => "while the next request is sent",
    }
}

fn items(send: &Sending, scope: &Scope) -> Option<Vec<Value>> {
    if let Some(count) = send.batch_of {
        let items = (0..count).map(|i| {
            let scope = scope.with("i", json!(i));
            item(&send.key, &send.members, &send.without, &scope)
        });
        return Some(items.collect());
    }
    let items = send.batch.as_ref()?.iter();
    let items = items.map(|one| item(&one.key, &one.members, &one.without, scope));
    Some(items.collect())
}

fn item(key: &str, members: &Map<String, Value>, without: &[String], scope: &Scope) -> Value {
    let key = scope.text(key);
    let mut item = charge(&key, members, without, scope);
    item.insert("idempotency_key".to_owned(), key.into());
    Value::Object(item)
}

fn charge(
    key: &str,
    members: &Map<String, Value>,
    without: &[String],
    scope: &Scope,
) -> Map<String, Value> {
    let metadata = json!({ "sent_by": "tollbox conformance" });
    let note = [
        ("created_at", "2026-01-01T00:00:00.000Z".into()),
        ("metadata", metadata),
    ];
    body(key, note, members, without, scope)
}

fn hold(
    key: &str,
    members: &Map<String, Value>,
    without: &[String],
    scope: &Scope,
) -> Map<String, Value> {
    let own = [("expires_in_s", HOLD_S.into())];
    body(key, own, members, without, scope)
}

/// The members of a charge or hold; `own` are those that only one of them has.
fn body<const N: usize>(
    key: &str,
    own: [(&str, Value); N],
    members: &Map<String, Value>,
    without: &[String],
    scope: &Scope,
) -> Map<String, Value> {
    let mut body = Map::new();
    body.insert("task_id".to_owned(), key.into());
    body.insert("feature".to_owned(), scope.text("{feature}").into());
    body.insert("amount".to_owned(), 1.into());
    for (name, value) in own {
        body.insert(name.to_owned(), value);
    }
    for (name, value) in members {
        if let Some(value) = scope.value(value) {
            body.insert(name.clone(), value);
        } else {
            body.remove(name);
        }
    }
    for name in without {
        body.remove(name);
    }
    body
}

/// A key or an account as a header has it: a quoted string (RFC 8941, section 3.3.3) in which `%`
/// and what a header can't carry are percent-encoded.
pub fn quoted(text: &str) -> String {
    let encoded = utf8_percent_encode(text, IN_HEADER).to_string();
    format!("\"{}\"", encoded.replace('\\', "\\\\").replace('"', "\\\""))
}

fn shell(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn header_texts_are_quoted_and_percent_encoded() {
        assert_eq!(quoted("a b"), r#""a b""#);
        assert_eq!(quoted(r#"100% "任" \"#), r#""100%25 \"%E4%BB%BB\" \\""#);
    }
}
