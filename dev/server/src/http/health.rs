//! What an operator's probes ask: whether the process lives, whether it can decide, what it counts.

use std::time::Duration;

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::App;
use super::problem::{Kind, Problem};
use crate::metrics::MEDIA_TYPE;

/// How long the database may take to answer a probe.
const ANSWER_WITHIN: Duration = Duration::from_secs(1);

/// `/healthz` and `/readyz`.
pub fn routes() -> Router<App> {
    Router::new()
        .route("/healthz", get(health))
        .route("/readyz", get(readiness))
}

/// The router of the address of `--metrics`.
pub fn operators(app: App) -> Router {
    routes().route("/metrics", get(metrics)).with_state(app)
}

/// The process lives: it answers.
async fn health() -> Json<Value> {
    Json(json!({ "status": "alive" }))
}

/// The server can decide: the database answers, and it isn't stopping.
async fn readiness(State(app): State<App>) -> Result<Json<Value>, Problem> {
    let unready = |why| Problem::new(Kind::ServiceUnavailable, why);
    if app.stopping.is_cancelled() {
        return Err(unready("The server is stopping."));
    }
    match app.store.ping(Instant::now() + ANSWER_WITHIN).await {
        Ok(()) => Ok(Json(json!({ "status": "ready" }))),
        Err(error) => {
            tracing::warn!("not ready: {error}");
            Err(unready("The database does not answer."))
        }
    }
}

async fn metrics(State(app): State<App>) -> Result<Response, Problem> {
    app.store.count_connections();
    let text = app.metrics.text().map_err(|error| {
        tracing::error!("{error}");
        Problem::new(Kind::InternalError, "The metrics could not be written.")
    })?;
    Ok(([(header::CONTENT_TYPE, MEDIA_TYPE)], text).into_response())
}
