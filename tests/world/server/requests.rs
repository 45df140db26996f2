//! The kind and the keys of a request.

use serde_json::Value;
use tollbox::core::protocol::{Method, Request};

use super::On;

pub fn kind_of(request: &Request) -> On {
    match (request.method, parts_of(request)) {
        (Method::Get, ("balance", Some(query))) if query.starts_with("t=") => On::Balance,
        (Method::Get, ("charges", Some(query))) if query.starts_with("key=") => On::LookUp,
        (Method::Post, ("charges", None)) => On::Charge,
        (Method::Post, ("charges/batch", None)) => On::Batch,
        (Method::Post, ("holds", None)) => On::Hold,
        (Method::Delete, ("holds", Some(query))) if query.starts_with("key=") => On::Release,
        (_, (path, query)) => panic!("no such path: {path}, {query:?}"),
    }
}

/// Path and query.
fn parts_of(request: &Request) -> (&str, Option<&str>) {
    match request.path.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (&request.path, None),
    }
}

/// A header's string, unquoted.
fn header_of(request: &Request, name: &str) -> Option<String> {
    let (_, quoted) = request.headers.iter().find(|(known, _)| *known == name)?;
    let inner = quoted.strip_prefix('"').unwrap().strip_suffix('"').unwrap();
    Some(inner.replace("\\\"", "\"").replace("\\\\", "\\"))
}

/// The account that the client believes it acts for.
pub fn account_of(request: &Request) -> Option<String> {
    Some(percent_decode(&header_of(request, "billing-account")?))
}

pub fn keys_of(on: On, request: &Request) -> Vec<String> {
    match on {
        On::Charge | On::Hold => vec![header_of(request, "idempotency-key").unwrap()],
        On::Batch => {
            let body: Value = serde_json::from_str(request.body.as_deref().unwrap()).unwrap();
            let items = body["charges"].as_array().unwrap();
            items
                .iter()
                .map(|item| item["idempotency_key"].as_str().unwrap().to_owned())
                .collect()
        }
        On::LookUp | On::Release => {
            let (_, query) = parts_of(request);
            let key = query.and_then(|query| query.strip_prefix("key="));
            vec![percent_decode(key.unwrap())]
        }
        On::Balance | On::Any | On::AnyCharge => Vec::new(),
    }
}

pub fn kind_and_keys(request: &Request) -> (On, Vec<String>) {
    let on = kind_of(request);
    (on, keys_of(on, request))
}

pub fn percent_decode(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let hex = [rest.next().unwrap(), rest.next().unwrap()];
            bytes.push(u8::from_str_radix(std::str::from_utf8(&hex).unwrap(), 16).unwrap());
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).unwrap()
}
