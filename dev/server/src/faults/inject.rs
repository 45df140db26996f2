//! The layer that injects faults.

use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{Html, IntoResponse, Response};

use super::{Answer, Fault, Operation};
use crate::clock::now_ms;
use crate::http::{App, Kind, Problem, bearer};

/// A response with this extension is never sent: the connection is closed in its place.
#[derive(Clone, Copy, Debug)]
pub struct Cut;

/// Injects the fault of the first matching rule into this request.
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
        Fault::Status { answer, after } => {
            if after {
                next.run(request).await;
            }
            made(answer)
        }
        Fault::Late { ms, answer } => {
            tokio::spawn(async move {
                tokio::time::sleep(Duration::from_millis(ms)).await;
                next.run(request).await;
            });
            answer.map_or_else(cut, made)
        }
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
            let deadline = app.store.deadline();
            app.store
                .account_of(&token, now_ms(), deadline)
                .await
                .ok()
                .flatten()
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

/// Hangs until the client disconnects, which drops this future, or the server stops.
async fn hang(app: &App) -> Response {
    app.stopping.cancelled().await;
    cut()
}

fn made(answer: Answer) -> Response {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = match answer.body {
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
    let retry_after = answer
        .retry_after
        .map(|value| (header::RETRY_AFTER.as_str().to_owned(), value));
    for (name, value) in answer.headers.into_iter().chain(retry_after) {
        let header = (HeaderName::try_from(name), HeaderValue::try_from(value));
        if let (Ok(name), Ok(value)) = header {
            response.headers_mut().insert(name, value);
        }
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
