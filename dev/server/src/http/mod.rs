//! The server's surface over HTTP: the charge protocol, the demo, the faults and the static files.

mod account;
mod answer;
mod batch;
mod billing;
mod body;
mod health;
mod holds;
mod number;
mod observed;
mod openapi;
mod problem;
mod query;
mod received;
mod request;
mod same_origin;

use std::path::PathBuf;
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderName, HeaderValue, Method, header};
use axum::middleware;
use axum::routing::get;
use tokio_util::sync::CancellationToken;
use tower_http::cors::CorsLayer;
use tower_http::services::ServeDir;
use tower_http::set_header::SetResponseHeaderLayer;

use crate::demo;
use crate::faults::{self, Faults};
use crate::metrics::Metrics;
use crate::store::Store;

pub use account::{Account, bearer};
pub use answer::{BalanceDocument, rfc3339};
pub use body::invalid;
pub use health::operators;
pub use number::Whole;
pub use problem::{Kind, Problem};
pub use request::{JsonBody, MAX_BODY_BYTES};

/// How long a browser may remember a preflight's answer.
const PREFLIGHT_MAX_AGE: Duration = Duration::from_secs(600);

/// The state shared by all requests. Cheap to clone.
#[derive(Clone, Debug)]
pub struct App {
    /// The database.
    pub store: Store,
    /// The faults to inject, where they are allowed.
    pub faults: Option<Faults>,
    /// How long a token is accepted, in milliseconds.
    pub token_ttl_ms: u64,
    /// How long a request's body may take to arrive in full.
    pub body_within: Duration,
    /// What is counted and measured.
    pub metrics: Metrics,
    /// Cancelled when the server begins to stop.
    pub stopping: CancellationToken,
}

/// The services beside the charge protocol.
#[derive(Clone, Debug)]
pub struct Extras {
    /// `/demo/*`.
    pub demo: bool,
    /// Files at `/`.
    pub static_dir: Option<PathBuf>,
}

/// The whole server.
pub fn router(app: App, extras: Extras) -> Router {
    // Layers from the inside out: the charge itself, then the faults around it.
    let (billing, document) = openapi::documented(billing::routes(app.store.keeps_holds()));
    let billing = billing
        .method_not_allowed_fallback(not_allowed)
        .fallback(not_found);
    let mut billing = billing.layer(middleware::from_fn_with_state(
        app.clone(),
        received::decide,
    ));
    if app.faults.is_some() {
        billing = billing.layer(middleware::from_fn_with_state(app.clone(), faults::inject));
    }
    let mut own = Router::new();
    if extras.demo {
        own = own.nest("/demo", demo::routes());
    }
    if app.faults.is_some() {
        own = own.route("/faults", faults::routes());
    }
    let receive = middleware::from_fn_with_state(app.clone(), received::receive);
    let api = Router::new()
        .nest("/billing/v1", billing)
        .route("/billing/v1/openapi.json", get(openapi::serve(document)))
        .method_not_allowed_fallback(not_allowed)
        .layer(receive.clone())
        .layer(cors());
    let own = own
        .method_not_allowed_fallback(not_allowed)
        .layer(receive)
        .layer(middleware::from_fn(same_origin::demand));
    let api = api
        .merge(own)
        .merge(health::routes())
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .layer(cache_control("no-store"))
        .layer(no_page(
            "content-security-policy",
            "sandbox; default-src 'none'",
        ))
        .layer(no_page("x-content-type-options", "nosniff"));
    let nothing = Router::new()
        .fallback(not_found)
        .layer(cache_control("no-store"));
    let site = match extras.static_dir {
        Some(dir) => {
            let files = ServeDir::new(dir)
                .precompressed_br()
                .call_fallback_on_method_not_allowed(true)
                .fallback(nothing);
            let files = Router::new()
                .fallback_service(files)
                .layer(cache_control("no-cache"));
            api.fallback_service(files)
        }
        None => api.fallback_service(nothing),
    };
    site.layer(middleware::from_fn_with_state(
        app.clone(),
        observed::observe,
    ))
    .with_state(app)
}

/// CORS: any origin may call, with the headers that the protocol needs.
fn cors() -> CorsLayer {
    CorsLayer::new()
        .allow_origin(tower_http::cors::Any)
        .allow_methods([Method::GET, Method::POST, Method::DELETE])
        .allow_headers([
            header::AUTHORIZATION,
            header::CONTENT_TYPE,
            HeaderName::from_static("idempotency-key"),
            header::IF_NONE_MATCH,
            HeaderName::from_static("billing-account"),
        ])
        .expose_headers([
            header::DATE,
            header::ETAG,
            header::RETRY_AFTER,
            answer::IDEMPOTENT_REPLAYED,
        ])
        .max_age(PREFLIGHT_MAX_AGE)
}

/// Keeps every answer from acting as a page, whatever a fault has put into it.
fn no_page(name: &'static str, value: &'static str) -> SetResponseHeaderLayer<HeaderValue> {
    SetResponseHeaderLayer::overriding(
        HeaderName::from_static(name),
        HeaderValue::from_static(value),
    )
}

fn cache_control(value: &'static str) -> SetResponseHeaderLayer<HeaderValue> {
    SetResponseHeaderLayer::if_not_present(header::CACHE_CONTROL, HeaderValue::from_static(value))
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
