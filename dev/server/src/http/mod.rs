//! The server's surface over HTTP: the charge protocol, the demo, the faults and the static files.

mod answer;
mod batch;
mod billing;
mod body;
mod problem;
mod query;
mod request;

use std::path::PathBuf;
use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::http::{HeaderValue, Method, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use tokio_util::sync::CancellationToken;
use tower_http::cors::CorsLayer;
use tower_http::services::ServeDir;
use tower_http::set_header::SetResponseHeaderLayer;
use tower_http::trace::TraceLayer;

use crate::demo;
use crate::faults::{self, Faults};
use crate::store::Store;

pub use answer::{balance_document, rfc3339};
pub use body::invalid;
pub use problem::{Kind, Problem};
pub use request::{Account, JsonBody, MAX_BODY_BYTES, bearer};

/// How long a browser may remember a preflight's answer.
const PREFLIGHT_MAX_AGE: Duration = Duration::from_secs(600);

/// What every request may need. Cheap to clone.
#[derive(Clone, Debug)]
pub struct App {
    /// The database.
    pub store: Store,
    /// The faults to inject, where they are allowed.
    pub faults: Option<Faults>,
    /// How long a token is accepted, in milliseconds.
    pub token_ttl_ms: u64,
    /// Cancelled when the server begins to stop.
    pub stopping: CancellationToken,
}

/// What is served beside the charge protocol.
#[derive(Clone, Debug)]
pub struct Extras {
    /// `/demo/*`.
    pub demo: bool,
    /// Files at `/`.
    pub static_dir: Option<PathBuf>,
}

/// The whole server.
pub fn router(app: App, extras: Extras) -> Router {
    // From the inside out: the charge itself, then what may go wrong around it.
    let mut billing = billing::routes().layer(middleware::from_fn(to_the_end));
    if app.faults.is_some() {
        billing = billing.layer(middleware::from_fn_with_state(app.clone(), faults::inject));
    }
    let mut api = Router::new().nest("/billing/v1", billing);
    if extras.demo {
        api = api.nest("/demo", demo::routes());
    }
    if app.faults.is_some() {
        api = api.route("/faults", faults::routes());
    }
    let api = api
        .method_not_allowed_fallback(not_allowed)
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .layer(cache_control("no-store"));
    let nothing = Router::new()
        .fallback(not_found)
        .layer(cache_control("no-store"));
    let site = match extras.static_dir {
        Some(dir) => {
            let files = ServeDir::new(dir)
                .call_fallback_on_method_not_allowed(true)
                .fallback(nothing);
            let files = Router::new()
                .fallback_service(files)
                .layer(cache_control("no-cache"));
            api.fallback_service(files)
        }
        None => api.fallback_service(nothing),
    };
    site.layer(cors())
        .layer(TraceLayer::new_for_http())
        .with_state(app)
}

/// Any origin may call, with the headers that the protocol needs.
fn cors() -> CorsLayer {
    CorsLayer::new()
        .allow_origin(tower_http::cors::Any)
        .allow_methods([Method::GET, Method::POST, Method::PUT, Method::DELETE])
        .allow_headers([
            header::AUTHORIZATION,
            header::CONTENT_TYPE,
            header::HeaderName::from_static("idempotency-key"),
            header::IF_NONE_MATCH,
            header::HeaderName::from_static("billing-account"),
        ])
        .expose_headers([
            header::DATE,
            header::ETAG,
            header::RETRY_AFTER,
            answer::IDEMPOTENT_REPLAYED,
        ])
        .max_age(PREFLIGHT_MAX_AGE)
}

fn cache_control(value: &'static str) -> SetResponseHeaderLayer<HeaderValue> {
    SetResponseHeaderLayer::if_not_present(header::CACHE_CONTROL, HeaderValue::from_static(value))
}

/// Answers a request in a task of its own, so that a client that goes away doesn't cut off a
/// transaction. Where panics unwind, one is a 500.
async fn to_the_end(request: Request, next: Next) -> Response {
    match tokio::spawn(next.run(request)).await {
        Ok(response) => response,
        Err(error) => {
            tracing::error!("{error}");
            Problem::new(Kind::InternalError, "The request was not answered.").into_response()
        }
    }
}

async fn not_found() -> Problem {
    Problem::new(Kind::NotFound, "There is nothing at this path.")
}

async fn not_allowed(method: Method) -> Problem {
    Problem::new(
        Kind::MethodNotAllowed,
        format!("{method} is not possible here."),
    )
}
