//! What is told of every request: its id, its line in the log, its time in the metrics.

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method};
use axum::middleware::Next;
use axum::response::Response;
use tokio::time::Instant;
use tracing::Instrument;
use uuid::Uuid;

use super::App;
use crate::faults::Cut;

/// The header of a request's id: a proxy's, or the server's own.
const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The longest id that is taken over.
const MAX_ID_BYTES: usize = 128;

/// What came of a request, in a word, where its status doesn't say it.
#[derive(Clone, Copy, Debug)]
pub struct Outcome(pub &'static str);

/// Gives each request an id, and says in one line what came of it. Neither tokens nor keys are
/// written anywhere, nor paths, which may have them.
pub async fn observe(State(app): State<App>, request: Request, next: Next) -> Response {
    let began = Instant::now();
    let in_flight = app.metrics.begin();
    let id = request_id(request.headers());
    let method = method_name(request.method());
    let route = request.extensions().get::<MatchedPath>();
    let route = route.map_or("none", MatchedPath::as_str).to_owned();
    let span = tracing::error_span!("request", id = id.to_str().unwrap_or_default());

    let mut response = next.run(request).instrument(span.clone()).await;

    drop(in_flight);
    let took = began.elapsed();
    let status = response.status().as_u16();
    app.metrics.answered(method, &route, status, took);
    let outcome = outcome(&response);
    let ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    span.in_scope(|| match status {
        _ if PROBES.contains(&route.as_str()) => {
            tracing::debug!(method, route, status, outcome, ms, "answered");
        }
        500.. => tracing::warn!(method, route, status, outcome, ms, "answered"),
        _ => tracing::info!(method, route, status, outcome, ms, "answered"),
    });
    response.headers_mut().insert(X_REQUEST_ID, id);
    response
}

/// Asked for every few seconds by whoever watches the server.
const PROBES: [&str; 3] = ["/healthz", "/readyz", "/metrics"];

fn request_id(headers: &HeaderMap) -> HeaderValue {
    let own = || HeaderValue::from_str(&Uuid::new_v4().to_string());
    match headers.get(X_REQUEST_ID) {
        Some(id) if id.to_str().is_ok_and(is_good_id) => id.clone(),
        Some(_) | None => own().unwrap_or(HeaderValue::from_static("none")),
    }
}

fn is_good_id(id: &str) -> bool {
    (1..=MAX_ID_BYTES).contains(&id.len())
}

/// Anybody can make up methods: a label of each would fill the memory.
fn method_name(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}

fn outcome(response: &Response) -> &'static str {
    if response.extensions().get::<Cut>().is_some() {
        return "cut";
    }
    match response.extensions().get() {
        Some(Outcome(outcome)) => outcome,
        None => "ok",
    }
}
