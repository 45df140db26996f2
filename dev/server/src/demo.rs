//! The demo's endpoints beside the charge protocol: signing in, translating, setting prices, topping
//! up, and a view of the database.

use axum::extract::State;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::clock::now_ms;
use crate::http::{Account, App, BalanceDocument, JsonBody, Problem, Whole, invalid, rfc3339};
use crate::ledger::{Amount, InvalidCharge, MAX_ID_CHARS, is_id};
use crate::store::Record;
use crate::translate::{Target, price, translate};

/// Everything below `/demo`.
pub fn routes() -> Router<App> {
    Router::new()
        .route("/session", post(sign_in))
        .route("/translate", post(translate_task))
        .route("/price", post(set_price))
        .route("/top-up", post(top_up))
        .route("/ledger", get(ledger))
        .route("/about", get(about))
}

#[derive(Deserialize)]
struct SignIn {
    account: String,
}

/// Signs in without a password: it is a demo.
async fn sign_in(
    State(app): State<App>,
    JsonBody(SignIn { account }): JsonBody<SignIn>,
) -> Result<Json<Value>, Problem> {
    if !is_id(&account) {
        return Err(invalid(format!(
            "account must be 1 to {MAX_ID_CHARS} characters."
        )));
    }
    let token = Uuid::new_v4().to_string();
    let now_ms = now_ms();
    let expires_at_ms = now_ms.saturating_add(app.token_ttl_ms);
    app.store
        .sign_in(&account, &token, now_ms, expires_at_ms)
        .await?;
    Ok(Json(json!({
        "token": token,
        "account": account,
        "expires_at": rfc3339(expires_at_ms),
    })))
}

#[derive(Deserialize)]
struct Task {
    task_id: String,
    text: String,
    target: Language,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Language {
    Zh,
    En,
}

async fn translate_task(
    State(app): State<App>,
    Account(account): Account,
    JsonBody(Task {
        task_id,
        text,
        target,
    }): JsonBody<Task>,
) -> Result<Json<Value>, Problem> {
    if !is_id(&task_id) {
        return Err(InvalidCharge::TaskId.into());
    }
    let target = match target {
        Language::Zh => Target::Zh,
        Language::En => Target::En,
    };
    let price = Amount::new(price(&text)).ok_or(InvalidCharge::Amount)?;
    app.store.set_price(&account, &task_id, price).await?;
    Ok(Json(json!({
        "task_id": task_id,
        "translated": translate(&text, target),
        "price": price.get(),
    })))
}

#[derive(Deserialize)]
struct Price {
    task_id: String,
    price: Whole,
}

/// Sets the price of a task, as a backend does that knows what the work has cost.
async fn set_price(
    State(app): State<App>,
    Account(account): Account,
    JsonBody(Price { task_id, price }): JsonBody<Price>,
) -> Result<Json<Value>, Problem> {
    if !is_id(&task_id) {
        return Err(InvalidCharge::TaskId.into());
    }
    let price = Amount::new(price.0)
        .ok_or_else(|| invalid("price must be a whole number from 1 to 2^53 - 1."))?;
    app.store.set_price(&account, &task_id, price).await?;
    Ok(Json(json!({ "task_id": task_id, "price": price.get() })))
}

#[derive(Deserialize)]
struct TopUp {
    points: Whole,
}

async fn top_up(
    State(app): State<App>,
    Account(account): Account,
    JsonBody(TopUp { points }): JsonBody<TopUp>,
) -> Result<Json<BalanceDocument>, Problem> {
    let points = Amount::new(points.0)
        .ok_or_else(|| invalid("points must be a whole number from 1 to 2^53 - 1."))?;
    let balance = app
        .store
        .top_up(&account, points, now_ms())
        .await?
        .ok_or_else(|| invalid("The balance would pass 2^53 - 1."))?;
    Ok(Json(BalanceDocument::from(balance)))
}

/// The account's balance and charges in the database.
async fn ledger(State(app): State<App>, Account(account): Account) -> Result<Json<Value>, Problem> {
    let (records, balance) = app.store.charges(&account, now_ms()).await?;
    let mut ledger = json!(BalanceDocument::from(balance));
    ledger["charges"] = records.iter().map(record_document).collect();
    Ok(Json(ledger))
}

fn record_document(Record { charge, requests }: &Record) -> Value {
    json!({
        "idempotency_key": charge.request.key(),
        "charge_id": charge.charge_id,
        "task_id": charge.request.task_id(),
        "feature": charge.request.feature(),
        "amount": charge.request.amount().get(),
        "charged_at": rfc3339(charge.charged_at_ms),
        "requests": requests,
    })
}

async fn about(State(app): State<App>) -> Json<Value> {
    Json(json!({
        "faults": app.faults.is_some(),
        "seed_balance": app.store.seed_balance(),
    }))
}
