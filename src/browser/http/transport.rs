//! Requests by the user's own transport.

use std::collections::BTreeMap;

use js_sys::{Object, Reflect};
use serde::Serialize;
use wasm_bindgen::prelude::*;

use super::limit::Limit;
use super::{ExchangeError, answer};
use crate::browser::host::Host;
use crate::core::protocol::{Method, Request, Response};

/// `TransportRequest` of the public API, without its signal.
#[derive(Serialize)]
struct TransportRequest<'a> {
    method: &'static str,
    path: &'a str,
    headers: BTreeMap<&'a str, &'a str>,
    body: Option<&'a str>,
}

/// Sends, and reads the answer.
pub async fn send(
    host: &Host,
    request: &Request,
    headers: &[(&str, &str)],
    limit: &Limit,
) -> Result<Response, ExchangeError> {
    let outgoing = TransportRequest {
        method: match request.method {
            Method::Get => "GET",
            Method::Post => "POST",
        },
        path: &request.path,
        headers: headers.iter().copied().collect(),
        body: request.body.as_deref(),
    };
    let serializer = serde_wasm_bindgen::Serializer::json_compatible();
    // Strings always have a JavaScript form, and a new object takes what it is given.
    let outgoing = outgoing
        .serialize(&serializer)
        .map_err(|_| ExchangeError::Unable)?;
    let outgoing: Object = outgoing.unchecked_into();
    Reflect::set(&outgoing, &"signal".into(), &limit.signal())
        .map_err(|_| ExchangeError::Unable)?;
    let answer = host.transport(&outgoing).map_err(|_| ExchangeError::Lost)?;
    let answer = limit.race(&answer).await.map_err(|_| ExchangeError::Lost)?;
    answer::read(&answer, limit).await
}
