//! What an answer means, case by case as `protocol.md` has it.

use std::num::IntErrorKind;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::problem::Problem;
use super::{Reading, Response, Setback, SetbackKind, object};
use crate::core::charge::{Charge, Key};
use crate::core::clock::{Now, parse_http_date};
use crate::core::outcome::{DeclineReason, FailureReason};
use crate::core::points::Points;
use crate::core::record::{Decline, Failure, Receipt, Verdict};

/// The longest body that is read, in bytes. A batch of 100 results is below a tenth of it.
pub const BODY_LIMIT: usize = 1_048_576;

/// The meaning of an answer to one charge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChargeAnswer {
    /// A verdict, and the balance that came with it.
    Settled(Verdict, Option<Reading>),
    /// None.
    Setback(Setback),
}

/// The meaning of an answer to `GET charges?key=KEY`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LookUpAnswer {
    /// The server has charged it.
    Charged(Receipt),
    /// The server says that it never charged this key.
    NeverCharged,
    /// The server can't or won't say, now or ever.
    Refused(String),
    /// Not known; worth another question.
    Setback(Setback),
}

/// The meaning of an answer to `GET balance`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BalanceAnswer {
    /// The balance of now.
    Fresh(Reading, Option<String>),
    /// The one that we have is right.
    Unchanged,
    /// The account may not ask.
    Forbidden(String),
    /// The server does not take the question.
    Rejected(String),
    /// None.
    Setback(Setback),
}

/// The meaning of an answer to a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BatchAnswer {
    /// One answer a charge, in the order sent; a charge without a result of its own has a
    /// setback.
    Results(Vec<ChargeAnswer>, Reading),
    /// The server has no batches.
    Unsupported,
    /// The batch as a whole was refused, nothing taken: its charges may be sent one by one.
    Refused(String),
    /// None for any charge in it.
    Setback(Setback),
}

#[derive(Deserialize)]
struct ReceiptBody {
    charge_id: String,
    idempotency_key: String,
    amount: Points,
    charged_at: String,
    balance: Points,
    version: u64,
}

#[derive(Deserialize)]
struct BalanceBody {
    balance: Points,
    version: u64,
}

#[derive(Deserialize)]
struct BatchBody {
    /// Each by itself, so that a malformed one spoils no other.
    results: Vec<Box<RawValue>>,
    balance: Points,
    version: u64,
}

#[derive(Deserialize)]
struct ResultBody {
    idempotency_key: String,
    status: String,
    charge_id: Option<String>,
    amount: Option<Points>,
    charged_at: Option<String>,
    replayed: Option<bool>,
    #[serde(default)]
    problem: Problem,
}

impl ChargeAnswer {
    /// The answer to `POST charges`.
    pub fn of(response: &Response, charge: &Charge, now: Now) -> ChargeAnswer {
        if matches!(response.status, 200 | 201) {
            return match receipt(response, charge) {
                Some(receipt) => {
                    let reading = receipt.reading();
                    ChargeAnswer::Settled(Verdict::Charged(receipt), Some(reading))
                }
                None => ChargeAnswer::Setback(Setback::foreign()),
            };
        }
        let setback = Setback::of(response, now);
        match Problem::of(response) {
            Some(problem) => from_problem(response.status, &problem, setback),
            None if defect!(ProxyPageRefuses) => {
                from_problem(response.status, &Problem::default(), setback)
            }
            None => ChargeAnswer::Setback(setback),
        }
    }
}

impl LookUpAnswer {
    /// The answer to `GET charges?key=KEY`.
    pub fn of(response: &Response, charge: &Charge, now: Now) -> LookUpAnswer {
        if response.status == 200 {
            return match receipt(response, charge) {
                Some(receipt) => LookUpAnswer::Charged(Receipt {
                    replayed: true,
                    ..receipt
                }),
                None => LookUpAnswer::Setback(Setback::foreign()),
            };
        }
        let problem = Problem::of(response);
        match (response.status, problem) {
            (404, Some(problem)) if problem.is("charge-not-found") => LookUpAnswer::NeverCharged,
            (401 | 408 | 409 | 429, _) | (_, None) => {
                LookUpAnswer::Setback(Setback::of(response, now))
            }
            (400..=499 | 501, Some(problem)) => LookUpAnswer::Refused(problem.text()),
            (_, Some(_)) => LookUpAnswer::Setback(Setback::of(response, now)),
        }
    }
}

impl BalanceAnswer {
    /// The answer to `GET balance`; `asked_for_changes` where `If-None-Match` was sent.
    pub fn of(response: &Response, asked_for_changes: bool, now: Now) -> BalanceAnswer {
        match (response.status, Problem::of(response)) {
            (200, _) => match object::<BalanceBody>(&response.body) {
                Some(BalanceBody { balance, version }) => {
                    BalanceAnswer::Fresh(Reading { balance, version }, response.etag.clone())
                }
                None => BalanceAnswer::Setback(Setback::foreign()),
            },
            (304, _) if asked_for_changes => BalanceAnswer::Unchanged,
            (403, Some(problem)) => BalanceAnswer::Forbidden(problem.text()),
            (401 | 408 | 429, _) | (_, None) => BalanceAnswer::Setback(Setback::of(response, now)),
            (400..=499, Some(problem)) => BalanceAnswer::Rejected(problem.text()),
            (_, Some(_)) => BalanceAnswer::Setback(Setback::of(response, now)),
        }
    }
}

impl BatchAnswer {
    /// The answer to `POST charges/batch` with these charges.
    pub fn of(response: &Response, charges: &[Charge], now: Now) -> BatchAnswer {
        match response.status {
            200 => match object::<BatchBody>(&response.body) {
                Some(body) => {
                    let reading = Reading {
                        balance: body.balance,
                        version: body.version,
                    };
                    BatchAnswer::Results(results(&body.results, charges, reading), reading)
                }
                None => BatchAnswer::Setback(Setback::foreign()),
            },
            404 | 405 | 501 => BatchAnswer::Unsupported,
            401 | 408 | 409 | 429 => BatchAnswer::Setback(Setback::of(response, now)),
            400..=499 => match Problem::of(response) {
                Some(problem) => BatchAnswer::Refused(problem.text()),
                None => BatchAnswer::Setback(Setback::of(response, now)),
            },
            _ => BatchAnswer::Setback(Setback::of(response, now)),
        }
    }
}

impl Receipt {
    /// The balance that came with it.
    pub fn reading(&self) -> Reading {
        Reading {
            balance: self.balance,
            version: self.version,
        }
    }
}

impl Setback {
    /// What an answer without a verdict means.
    pub fn of(response: &Response, now: Now) -> Setback {
        let problem = Problem::of(response);
        let own_word = problem.is_some();
        let (kind, untaken) = match response.status {
            401 => (SetbackKind::Unauthorized, own_word),
            429 => (SetbackKind::Busy, own_word),
            503 => (SetbackKind::Busy, true),
            409 => (SetbackKind::InProgress, false),
            400..=599 => (SetbackKind::ServerError, false),
            _ => (SetbackKind::Foreign, false),
        };
        let said = problem.map(|problem| format!(": {}", problem.text()));
        Setback {
            kind,
            untaken,
            own_word: own_word || matches!(kind, SetbackKind::Unauthorized | SetbackKind::Busy),
            retry_after_ms: retry_after_ms(response, now),
            detail: format!("HTTP {}{}", response.status, said.unwrap_or_default()),
        }
    }

    fn foreign() -> Setback {
        Setback {
            kind: SetbackKind::Foreign,
            untaken: false,
            own_word: false,
            retry_after_ms: None,
            detail: "the answer is not the billing server's answer to this request".to_owned(),
        }
    }
}

/// `Retry-After` (RFC 9110, section 10.2.3): seconds, or an HTTP date. A date is the server's, so
/// it is counted from the server's `Date` where that can be read: the user's clock may be wrong.
fn retry_after_ms(response: &Response, now: Now) -> Option<u64> {
    let text = response.retry_after.as_deref()?.trim();
    match text.parse::<u64>() {
        Ok(seconds) => return Some(seconds.saturating_mul(1_000)),
        // More seconds than any number here holds.
        Err(error) if *error.kind() == IntErrorKind::PosOverflow => return Some(u64::MAX),
        Err(_) => {}
    }
    let said_at_ms = response.date.as_deref().and_then(parse_http_date);
    Some(parse_http_date(text)?.saturating_sub(said_at_ms.unwrap_or(now.wall_ms)))
}

fn names(key: &Key, idempotency_key: &str) -> bool {
    idempotency_key == key.wire() || idempotency_key == key.as_str()
}

fn receipt(response: &Response, charge: &Charge) -> Option<Receipt> {
    let body: ReceiptBody = object(&response.body)?;
    let ours = names(&charge.key, &body.idempotency_key) && body.amount == charge.amount;
    let ours = ours || defect!(ForeignAnswerSettles);
    (ours && !body.charge_id.is_empty()).then_some(Receipt {
        charge_id: body.charge_id,
        charged_at: body.charged_at,
        balance: body.balance,
        version: body.version,
        replayed: response.replayed,
    })
}

fn from_problem(status: u16, problem: &Problem, setback: Setback) -> ChargeAnswer {
    let detail = problem.text();
    let failed = |reason| {
        let failure = Failure {
            reason,
            retryable: false,
            detail: detail.clone(),
        };
        ChargeAnswer::Settled(Verdict::Failed(failure), None)
    };
    let declined = |reason| {
        let decline = Decline {
            reason,
            balance: problem.balance(),
            detail: detail.clone(),
        };
        ChargeAnswer::Settled(Verdict::Declined(decline), problem.reading())
    };
    match status {
        402 if problem.is("insufficient-balance") => declined(DeclineReason::InsufficientBalance),
        402 | 403 if problem.declined => declined(DeclineReason::Rejected),
        403 => failed(FailureReason::Forbidden),
        422 if problem.is("idempotency-key-reused") => failed(FailureReason::Conflict),
        409 if problem.is("request-in-progress") => ChargeAnswer::Setback(setback),
        401 | 408 | 429 => ChargeAnswer::Setback(setback),
        400..=499 => failed(FailureReason::InvalidRequest),
        _ => ChargeAnswer::Setback(setback),
    }
}

fn results(results: &[Box<RawValue>], charges: &[Charge], reading: Reading) -> Vec<ChargeAnswer> {
    let parsed: Vec<ResultBody> = results
        .iter()
        .filter_map(|result| object(result.get()))
        .collect();
    charges
        .iter()
        .map(|charge| {
            let mut own = parsed
                .iter()
                .filter(|result| names(&charge.key, &result.idempotency_key));
            match (own.next(), own.next()) {
                (Some(result), None) => item_answer(result, charge, reading),
                // Two results for one charge contradict each other at worst.
                (Some(_), Some(_)) | (None, _) => ChargeAnswer::Setback(Setback::foreign()),
            }
        })
        .collect()
}

fn item_answer(result: &ResultBody, charge: &Charge, reading: Reading) -> ChargeAnswer {
    match result.status.as_str() {
        "charged" => item_receipt(result, charge, reading)
            .map_or(ChargeAnswer::Setback(Setback::foreign()), |receipt| {
                ChargeAnswer::Settled(Verdict::Charged(receipt), None)
            }),
        status @ ("declined" | "rejected") => {
            let usual = if status == "declined" { 402 } else { 400 };
            let status = result.problem.status.unwrap_or(usual);
            let answer = from_problem(status, &result.problem, Setback::of_item(&result.problem));
            match answer {
                // The server has said `declined` in so many words, whatever the problem's type.
                ChargeAnswer::Settled(Verdict::Failed(failure), _) if usual == 402 => {
                    let decline = Decline {
                        reason: DeclineReason::Rejected,
                        balance: result.problem.balance(),
                        detail: failure.detail,
                    };
                    ChargeAnswer::Settled(Verdict::Declined(decline), None)
                }
                answer @ (ChargeAnswer::Settled(..) | ChargeAnswer::Setback(_)) => answer,
            }
        }
        "retry" => ChargeAnswer::Setback(Setback::of_item(&result.problem)),
        _ => ChargeAnswer::Setback(Setback::foreign()),
    }
}

impl Setback {
    fn of_item(problem: &Problem) -> Setback {
        let (kind, untaken) = match problem.status {
            Some(401) => (SetbackKind::Unauthorized, true),
            Some(429 | 503) => (SetbackKind::Busy, true),
            Some(409) => (SetbackKind::InProgress, false),
            Some(_) | None => (SetbackKind::ServerError, false),
        };
        Setback {
            kind,
            untaken,
            own_word: true,
            retry_after_ms: None,
            detail: problem.text(),
        }
    }
}

fn item_receipt(result: &ResultBody, charge: &Charge, reading: Reading) -> Option<Receipt> {
    let charge_id = result.charge_id.clone().filter(|id| !id.is_empty())?;
    let charged_at = result.charged_at.clone()?;
    let ours = result.amount? == charge.amount || defect!(ForeignAnswerSettles);
    ours.then_some(Receipt {
        charge_id,
        charged_at,
        balance: reading.balance,
        version: reading.version,
        replayed: result.replayed.unwrap_or(false),
    })
}

#[cfg(test)]
mod tests;
