//! Requests by the page's `fetch`.

use gloo_net::http::{Headers, Method as HttpMethod, RequestBuilder};
use wasm_bindgen::prelude::*;

use super::limit::Limit;
use super::{Destination, ExchangeError, answer};
use crate::core::protocol::{Method, Request, Response};

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(catch)]
    fn fetch(request: &web_sys::Request) -> Result<JsValue, JsValue>;
}

/// Sends, and reads the answer. A browser's errors don't tell one cause from another.
pub async fn send(
    destination: &Destination,
    request: &Request,
    headers: &[(&str, &str)],
    limit: &Limit,
) -> Result<Response, ExchangeError> {
    let request = built(destination, request, headers, limit).ok_or(ExchangeError::Unable)?;
    // The page's `fetch` may be wrapped by the page and do anything: gloo-net's own sending panics
    // where it does not answer with a `Response`, or fails with no `Error`.
    let answer = fetch(&request).map_err(|_| ExchangeError::Lost)?;
    let answer = limit.race(&answer).await.map_err(|_| ExchangeError::Lost)?;
    answer::read(&answer, limit).await
}

/// `None` where the browser refuses: then nothing has left.
fn built(
    destination: &Destination,
    request: &Request,
    headers: &[(&str, &str)],
    limit: &Limit,
) -> Option<web_sys::Request> {
    let method = match request.method {
        Method::Get => HttpMethod::GET,
        Method::Post => HttpMethod::POST,
        Method::Delete => HttpMethod::DELETE,
    };
    // gloo-net's own setting panics at what can't stand in a header.
    let all = web_sys::Headers::new().ok()?;
    for (name, value) in headers {
        all.set(name, value).ok()?;
    }
    let url = format!("{}/{}", destination.base_url, request.path);
    let mut builder = RequestBuilder::new(&url)
        .method(method)
        .headers(Headers::from_raw(all))
        .cache(web_sys::RequestCache::NoStore)
        .abort_signal(Some(&limit.signal()));
    if let Some(credentials) = destination.credentials {
        builder = builder.credentials(credentials);
    }
    let request = match &request.body {
        Some(body) => builder.body(body.as_str()).ok()?,
        None => builder.build().ok()?,
    };
    Some(request.into())
}
