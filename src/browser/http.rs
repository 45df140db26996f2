//! Requests over HTTP, each with one time limit for the token, the headers and the body.

use std::cell::RefCell;
use std::collections::BTreeMap;

use gloo_net::http::{Method as HttpMethod, RequestBuilder, Response as HttpResponse};
use gloo_timers::callback::Timeout;
use js_sys::{Function, Object, Promise, Reflect};
use serde::{Deserialize, Serialize};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;

use super::host::Host;
use crate::core::engine::Unsent;
use crate::core::protocol::{Method, Request, Response};

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(catch)]
    fn fetch(request: &web_sys::Request) -> Result<Promise, JsValue>;
}

/// Where requests go, and how.
#[derive(Clone, Debug)]
pub struct Destination {
    /// Absolute, without a slash at the end.
    pub base_url: String,
    /// As for `fetch`.
    pub credentials: Option<web_sys::RequestCredentials>,
}

/// What became of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Exchange {
    /// An answer, read to its end.
    Answered(Response),
    /// It left, and no whole answer came.
    Lost {
        /// Whether the time limit had passed.
        timed_out: bool,
    },
    /// It never left.
    NotSent(Unsent),
}

/// `TransportRequest` of the public API, without its signal.
#[derive(Serialize)]
struct TransportRequest<'a> {
    method: &'static str,
    path: &'a str,
    headers: BTreeMap<String, String>,
    body: Option<&'a str>,
}

/// `TransportResponse` of the public API.
#[derive(Deserialize)]
struct TransportResponse {
    status: u16,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    #[serde(default)]
    body: String,
}

/// Ends a request when its time is up.
pub struct Limit {
    controller: web_sys::AbortController,
    passed: Promise,
    pass: Function,
    timer: RefCell<Option<Timeout>>,
    /// Whether the request may still leave, asked when its token is there.
    may_leave: Box<dyn Fn() -> bool>,
}

impl Limit {
    /// The time runs from now on.
    pub fn new(time_limit_ms: u64) -> Result<Limit, JsValue> {
        let controller = web_sys::AbortController::new()?;
        let mut pass = None;
        let millis = u32::try_from(time_limit_ms)
            .unwrap_or(u32::MAX)
            .min(i32::MAX as u32);
        let passed = Promise::new(&mut |_, passed| pass = Some(passed));
        let pass = pass.ok_or_else(|| JsValue::from_str("no promise"))?;
        let timer = {
            let (pass, controller) = (pass.clone(), controller.clone());
            Timeout::new(millis, move || end(&pass, &controller))
        };
        Ok(Limit {
            controller,
            passed,
            pass,
            timer: RefCell::new(Some(timer)),
            may_leave: Box::new(|| true),
        })
    }

    /// What is asked when the token is there, and lets the request leave.
    pub fn leaving_if(self, may_leave: impl Fn() -> bool + 'static) -> Limit {
        Limit {
            may_leave: Box::new(may_leave),
            ..self
        }
    }

    /// Ends the request at once.
    pub fn end(&self) {
        self.timer.borrow_mut().take();
        end(&self.pass, &self.controller);
    }

    /// The promise's value, unless the limit passes first.
    async fn race(&self, promise: &Promise) -> Result<JsValue, JsValue> {
        let both = js_sys::Array::of2(promise, &self.passed);
        JsFuture::from(Promise::race(&both)).await
    }

    fn has_passed(&self) -> bool {
        self.controller.signal().aborted()
    }
}

fn end(pass: &Function, controller: &web_sys::AbortController) {
    // In this order: whoever races the two sees the limit first.
    let _ = pass.call0(&JsValue::UNDEFINED);
    controller.abort();
}

/// Asks for a token, sends, and reads the answer.
pub async fn exchange(
    host: &Host,
    destination: &Destination,
    request: &Request,
    refresh_token: bool,
    limit: &Limit,
) -> Exchange {
    let token = match token(host, refresh_token, limit).await {
        Ok(token) => token,
        Err(why) => return Exchange::NotSent(why),
    };
    // It may be the next user's token.
    if !(limit.may_leave)() {
        return Exchange::NotSent(Unsent::SignedOut);
    }
    let bearer = token
        .as_ref()
        .map(|token| ("authorization", format!("Bearer {token}")));
    let headers: Vec<(&str, &str)> = request
        .headers
        .iter()
        .chain(&bearer)
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    let answer = if host.has_transport() {
        by_transport(host, request, &headers, limit).await
    } else {
        by_fetch(destination, request, &headers, limit).await
    };
    match answer {
        Some(response) => Exchange::Answered(without_token(response, token.as_deref())),
        None => Exchange::Lost {
            timed_out: limit.has_passed(),
        },
    }
}

/// What a server quotes of the token goes no further: it would be told, logged and stored.
fn without_token(response: Response, token: Option<&str>) -> Response {
    match token {
        // A shorter one can't be told from any other word.
        Some(token) if token.len() >= 8 => Response {
            body: response.body.replace(token, "…"),
            ..response
        },
        Some(_) | None => response,
    }
}

async fn token(host: &Host, refresh: bool, limit: &Limit) -> Result<Option<String>, Unsent> {
    let asked = host.token(refresh);
    let answer = match asked {
        Ok(promise) => limit.race(&promise).await,
        Err(error) => Err(error),
    };
    match answer {
        Ok(token) if token.is_null() || token.is_undefined() => Ok(None),
        Ok(token) => match token.as_string() {
            Some(token) if token.is_empty() => Ok(None),
            // RFC 9110, section 5.5: what may stand in a header.
            Some(token) if token.bytes().all(|byte| (0x21..=0x7e).contains(&byte)) => {
                Ok(Some(token))
            }
            Some(_) | None => Err(Unsent::NoToken),
        },
        Err(_) if limit.has_passed() => Err(Unsent::TokenLate),
        Err(_) => Err(Unsent::TokenFailed),
    }
}

/// `None` for whatever goes wrong: a browser's errors don't tell one cause from another.
async fn by_fetch(
    destination: &Destination,
    request: &Request,
    headers: &[(&str, &str)],
    limit: &Limit,
) -> Option<Response> {
    let method = match request.method {
        Method::Get => HttpMethod::GET,
        Method::Post => HttpMethod::POST,
    };
    let url = format!("{}/{}", destination.base_url, request.path);
    let mut builder = RequestBuilder::new(&url)
        .method(method)
        .cache(web_sys::RequestCache::NoStore)
        .abort_signal(Some(&limit.controller.signal()));
    if let Some(credentials) = destination.credentials {
        builder = builder.credentials(credentials);
    }
    for (name, value) in headers {
        builder = builder.header(name, value);
    }
    let request = match &request.body {
        Some(body) => builder.body(body.as_str()).ok()?,
        None => builder.build().ok()?,
    };
    let response = send(request.into(), limit).await?;
    let headers = response.headers();
    Some(Response {
        status: response.status(),
        etag: headers.get("etag"),
        retry_after: headers.get("retry-after"),
        date: headers.get("date"),
        content_type: headers.get("content-type"),
        replayed: is_true(headers.get("idempotent-replayed").as_deref()),
        body: read_body(response, limit).await?,
    })
}

/// Sends by the page's `fetch`, which may be wrapped by the page and do anything: gloo-net's own
/// sending panics where it does not answer with a `Response`, or fails with no `Error`.
async fn send(request: web_sys::Request, limit: &Limit) -> Option<HttpResponse> {
    let answer = limit.race(&fetch(&request).ok()?).await.ok()?;
    let response: web_sys::Response = answer.dyn_into().ok()?;
    Some(response.into())
}

/// Reads the body to its end, which may never come, whatever became of the request's signal.
async fn read_body(response: HttpResponse, limit: &Limit) -> Option<String> {
    let response: web_sys::Response = response.into();
    limit.race(&response.text().ok()?).await.ok()?.as_string()
}

async fn by_transport(
    host: &Host,
    request: &Request,
    headers: &[(&str, &str)],
    limit: &Limit,
) -> Option<Response> {
    let outgoing = TransportRequest {
        method: match request.method {
            Method::Get => "GET",
            Method::Post => "POST",
        },
        path: &request.path,
        headers: headers
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect(),
        body: request.body.as_deref(),
    };
    let serializer = serde_wasm_bindgen::Serializer::json_compatible();
    let outgoing: Object = outgoing.serialize(&serializer).ok()?.unchecked_into();
    Reflect::set(&outgoing, &"signal".into(), &limit.controller.signal()).ok()?;
    let answer = limit.race(&host.transport(&outgoing).ok()?).await.ok()?;
    let answer: TransportResponse = serde_wasm_bindgen::from_value(answer).ok()?;
    // HTTP's header names have no case, and a transport passes on what its backend calls them.
    let headers: BTreeMap<String, String> = answer
        .headers
        .into_iter()
        .map(|(name, value)| (name.to_ascii_lowercase(), value))
        .collect();
    let header = |name: &str| headers.get(name).cloned();
    Some(Response {
        status: answer.status,
        etag: header("etag"),
        retry_after: header("retry-after"),
        date: header("date"),
        content_type: header("content-type"),
        replayed: is_true(header("idempotent-replayed").as_deref()),
        body: answer.body,
    })
}

fn is_true(header: Option<&str>) -> bool {
    header.is_some_and(|value| value.trim().eq_ignore_ascii_case("true"))
}
