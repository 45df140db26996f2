//! The time limits of a request: one to receive it, and one to decide it. A request that exceeds
//! either is refused.

use std::convert::Infallible;

use axum::body::{Body, Bytes};
use axum::extract::{FromRequest, FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tokio::time::{Instant, timeout};
use tracing::Instrument;

use super::App;
use super::problem::{Kind, Problem};

/// Reads the whole body before anything is begun, so that an unfinished request takes nothing and
/// delays no other.
pub async fn receive(State(app): State<App>, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let reading = Bytes::from_request(Request::from_parts(parts.clone(), body), &());
    let problem = match timeout(app.body_within, reading).await {
        Ok(Ok(body)) => return next.run(Request::from_parts(parts, Body::from(body))).await,
        Ok(Err(rejection)) if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE => {
            Problem::new(Kind::PayloadTooLarge, rejection.body_text())
        }
        Ok(Err(rejection)) => Problem::new(Kind::InvalidRequest, rejection.body_text()),
        Err(_) => Problem::new(Kind::RequestTimeout, "The body did not come to its end."),
    };
    // The rest of the body is not read.
    problem
        .with_header(header::CONNECTION, HeaderValue::from_static("close"))
        .into_response()
}

/// The deadline of a request's decision. One outside of the charge protocol has the same time from
/// now on.
#[derive(Clone, Copy, Debug)]
pub struct Deadline(pub Instant);

impl FromRequestParts<App> for Deadline {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Infallible> {
        let own = parts.extensions.get().copied();
        Ok(own.unwrap_or_else(|| Self(app.store.deadline())))
    }
}

/// Sets the deadline of a request that has been received, and answers it in a task of its own, so
/// that a client that goes away doesn't cut off a transaction. Where panics unwind, one is a 500.
pub async fn decide(State(app): State<App>, mut request: Request, next: Next) -> Response {
    request
        .extensions_mut()
        .insert(Deadline(app.store.deadline()));
    match tokio::spawn(next.run(request).in_current_span()).await {
        Ok(response) => response,
        Err(error) => {
            tracing::error!("{error}");
            Problem::new(Kind::InternalError, "The request was not answered.").into_response()
        }
    }
}
