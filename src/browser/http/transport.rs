//! Requests by the user's own transport.

use js_sys::{Object, Reflect};
use wasm_bindgen::prelude::*;

use super::limit::Limit;
use super::{ExchangeError, answer};
use crate::browser::host::Host;
use crate::browser::value::to_js;
use crate::core::json::{Json, ToJson};
use crate::core::protocol::{Request, Response};

/// `TransportRequest` of the public API, without its signal.
struct TransportRequest<'a> {
    method: &'static str,
    path: &'a str,
    headers: Headers<'a>,
    body: Option<&'a str>,
}

json_members! { to TransportRequest<'a> { method, path, headers, body } }

/// Names and values.
struct Headers<'a>(&'a [(&'a str, &'a str)]);

impl ToJson for Headers<'_> {
    fn to_json(&self) -> Json<'_> {
        let headers = self.0.iter();
        let headers = headers.map(|(name, value)| ((*name).into(), value.to_json()));
        Json::Object(headers.collect())
    }
}

/// Sends, and reads the answer.
pub async fn send(
    host: &Host,
    request: &Request,
    headers: &[(&str, &str)],
    limit: &Limit,
) -> Result<Response, ExchangeError> {
    let outgoing = TransportRequest {
        method: request.method.name(),
        path: &request.path,
        headers: Headers(headers),
        body: request.body.as_deref(),
    };
    let outgoing: Object = to_js(&outgoing).unchecked_into();
    // A new object takes what it is given.
    Reflect::set(&outgoing, &"signal".into(), &limit.signal())
        .map_err(|_| ExchangeError::Unable)?;
    let answer = host.transport(&outgoing).map_err(|_| ExchangeError::Lost)?;
    let answer = limit.race(&answer).await.map_err(|_| ExchangeError::Lost)?;
    answer::read(&answer, limit).await
}
