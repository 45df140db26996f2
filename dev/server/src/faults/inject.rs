//! The layer that lets faults happen.

use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{Html, IntoResponse, Response};

use super::{Fault, Operation};
use crate::clock::now_ms;
use crate::http::{App, Kind, Problem, bearer};

/// A response with this extension is never sent: the connection is closed in its place.
#[derive(Clone, Copy, Debug)]
pub struct Cut;

/// Lets the first matching fault happen to this request.
pub async fn inject(State(app): State<App>, request: Request, next: Next) -> Response {
    let operation = Operation::of(request.method(), request.uri().path());
    let token = bearer(request.headers());
    let Some(fault) = fault_for(&app, operation, token).await else {
        return next.run(request).await;
    };
    match fault {
        Fault::Latency { ms } => {
            tokio::time::sleep(Duration::from_millis(ms)).await;
            next.run(request).await
        }
        Fault::DropBefore {} => cut(),
        Fault::DropAfter {} => {
            next.run(request).await;
            cut()
        }
        Fault::Status {
            status,
            retry_after,
            body,
        } => answer(status, retry_after, body),
        Fault::Hang {} => hang(&app).await,
        Fault::HangAfter {} => {
            next.run(request).await;
            hang(&app).await
        }
        Fault::Garbage {} => Html("<!doctype html><title>Welcome</title>").into_response(),
    }
}

async fn fault_for(
    app: &App,
    operation: Option<Operation>,
    token: Option<String>,
) -> Option<Fault> {
    let faults = app.faults.as_ref()?;
    let account = match token {
        Some(token) if faults.need_account() => {
            app.store.account_of(&token, now_ms()).await.ok().flatten()
        }
        Some(_) | None => None,
    };
    faults.take(operation, account.as_deref())
}

fn cut() -> Response {
    let mut response = Response::default();
    response.extensions_mut().insert(Cut);
    response
}

/// Until the client goes, which drops this future, or the server stops.
async fn hang(app: &App) -> Response {
    app.stopping.cancelled().await;
    cut()
}

fn answer(status: u16, retry_after: Option<String>, body: Option<String>) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = match body {
        Some(json) if serde_json::from_str::<serde_json::Value>(&json).is_ok() => {
            let media_type = if status.is_success() {
                "application/json"
            } else {
                "application/problem+json"
            };
            let media_type = [(header::CONTENT_TYPE, media_type)];
            (status, media_type, json).into_response()
        }
        Some(page) => (status, Html(page)).into_response(),
        None => problem(status).into_response(),
    };
    let retry_after = retry_after.and_then(|value| HeaderValue::try_from(value).ok());
    if let Some(retry_after) = retry_after {
        response
            .headers_mut()
            .insert(header::RETRY_AFTER, retry_after);
    }
    response
}

fn problem(status: StatusCode) -> Problem {
    const DETAIL: &str = "A fault that was asked for.";
    match Kind::of_status(status) {
        Some(Kind::Unauthorized) => {
            Problem::unauthorized(r#"Bearer error="invalid_token""#, DETAIL)
        }
        Some(kind) => Problem::new(kind, DETAIL),
        None => Problem::blank(status, DETAIL),
    }
}
