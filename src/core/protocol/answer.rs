//! The meaning of an answer, case by case as in `docs/server.md`.

mod batch;
mod hold;

pub use self::batch::BatchAnswer;
pub use self::hold::{HoldAnswer, ReleaseAnswer};

use super::members::{Members, not_an_object};
use super::problem::Problem;
use super::{BalanceReading, Response, Setback, SetbackKind};
use crate::core::charge::{Charge, Key};
use crate::core::clock::Now;
use crate::core::json::Json;
use crate::core::reason::{DeclineReason, FailureReason, Member, Wrong};
use crate::core::record::{Decline, Failure, Receipt, Verdict};
use crate::core::server_clock::Sign;
use crate::core::text::Detail;

/// Maximum length of a body, in bytes. A batch of 100 results is below a tenth of it.
pub const BODY_LIMIT: usize = 1_048_576;

/// The meaning of an answer to one charge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChargeAnswer {
    /// A verdict, and the balance that came with it.
    Settled(Verdict, Option<BalanceReading>),
    /// No verdict.
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
    Rejected(Detail),
    /// Not known; worth asking again.
    Setback(Setback),
}

/// The meaning of an answer to `GET balance`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BalanceAnswer {
    /// The current balance.
    Fresh(BalanceReading, Option<String>),
    /// The known balance is still right.
    Unchanged,
    /// The account is not allowed to ask.
    Forbidden(Detail),
    /// The server does not support the request.
    Rejected(Detail),
    /// No answer to the question.
    Setback(Setback),
}

impl ChargeAnswer {
    /// Parses the answer to `POST charges`.
    pub fn of(response: &Response, charge: &Charge, now: Now) -> ChargeAnswer {
        if matches!(response.status, 200 | 201) {
            return match receipt(response, charge) {
                Ok(receipt) => {
                    let reading = BalanceReading::from(&receipt);
                    ChargeAnswer::Settled(Verdict::Charged(receipt), Some(reading))
                }
                Err(wrong) => ChargeAnswer::Setback(not_a_receipt(response, wrong)),
            };
        }
        let setback = Setback::of(response, now);
        match Problem::of(response).filter(|_| !response.is_redirect()) {
            Some(problem) => from_problem(response.status, &problem, setback),
            None if defect!(ProxyPageRejects) => {
                from_problem(response.status, &Problem::default(), setback)
            }
            None => ChargeAnswer::Setback(setback),
        }
    }
}

impl LookUpAnswer {
    /// Parses the answer to `GET charges?key=KEY`.
    pub fn of(response: &Response, charge: &Charge, now: Now) -> LookUpAnswer {
        if response.status == 200 {
            return match receipt(response, charge) {
                Ok(receipt) => LookUpAnswer::Charged(Receipt {
                    replayed: true,
                    ..receipt
                }),
                Err(wrong) => LookUpAnswer::Setback(not_a_receipt(response, wrong)),
            };
        }
        let problem = Problem::of(response).filter(|_| !response.is_redirect());
        match (response.status, problem) {
            (404, Some(problem)) if problem.is("charge-not-found") => LookUpAnswer::NeverCharged,
            (401 | 408 | 409 | 429, _) | (_, None) => {
                LookUpAnswer::Setback(Setback::of(response, now))
            }
            (403, Some(problem)) if problem.is_account_mismatch() => {
                LookUpAnswer::Setback(Setback::of(response, now))
            }
            (400..=499 | 501, Some(problem)) => LookUpAnswer::Rejected(problem.detail()),
            (_, Some(_)) => LookUpAnswer::Setback(Setback::of(response, now)),
        }
    }
}

impl LookUpAnswer {
    /// The same, given whether the answer is fresh: a cached "never charged" says nothing.
    pub fn with(self, sign: Sign) -> LookUpAnswer {
        match (self, sign) {
            (LookUpAnswer::NeverCharged, Sign::Cached) => {
                LookUpAnswer::Setback(Setback::foreign(Wrong::Cached))
            }
            (answer, Sign::Certain | Sign::Possible | Sign::Cached) => answer,
        }
    }
}

impl BalanceAnswer {
    /// Parses the answer to `GET balance`; `asked_for_changes` if `If-None-Match` was sent.
    pub fn of(response: &Response, asked_for_changes: bool, now: Now) -> BalanceAnswer {
        let problem = Problem::of(response).filter(|_| !response.is_redirect());
        match (response.status, problem) {
            (200, _) => match Json::parse(&response.body).as_ref().and_then(Members::of) {
                Some(body) => match reading(body) {
                    Ok(reading) => BalanceAnswer::Fresh(reading, response.etag.clone()),
                    Err(wrong) => BalanceAnswer::Setback(not_a_receipt(response, wrong)),
                },
                None => BalanceAnswer::Setback(not_a_receipt(response, Wrong::Unknown)),
            },
            (304, _) if asked_for_changes && !response.redirected => BalanceAnswer::Unchanged,
            (403, Some(problem)) if problem.is_account_mismatch() => {
                BalanceAnswer::Setback(Setback::of(response, now))
            }
            (403, Some(problem)) => BalanceAnswer::Forbidden(problem.detail()),
            (401 | 408 | 429, _) | (_, None) => BalanceAnswer::Setback(Setback::of(response, now)),
            (400..=499, Some(problem)) => BalanceAnswer::Rejected(problem.detail()),
            (_, Some(_)) => BalanceAnswer::Setback(Setback::of(response, now)),
        }
    }
}

/// The balance that came with a receipt.
impl From<&Receipt> for BalanceReading {
    fn from(receipt: &Receipt) -> BalanceReading {
        BalanceReading {
            balance: receipt.balance,
            version: receipt.version,
            held: receipt.held,
        }
    }
}

/// Tells whether an idempotency key in an answer is this one.
fn is_key(key: &Key) -> impl Fn(&str) -> bool {
    let wire = key.wire();
    move |told| told == wire || told == key.as_str()
}

/// An answer that should be a receipt or a balance but is not one.
fn not_a_receipt(response: &Response, wrong: Wrong) -> Setback {
    Setback::foreign(match response.is_redirect() {
        true => Wrong::Redirected,
        false => wrong,
    })
}

fn reading(body: Members) -> Result<BalanceReading, Wrong> {
    Ok(BalanceReading {
        balance: body.points(Member::Balance)?,
        version: body.version(Member::Version)?,
        held: body.points(Member::Held).ok(),
    })
}

/// The key and the amount are this charge's.
fn is_about(charge: &Charge, body: Members) -> Result<(), Wrong> {
    let any = defect!(ForeignAnswerSettles);
    if !is_key(&charge.key)(&body.text(Member::IdempotencyKey)?) && !any {
        return Err(Wrong::Another(Member::IdempotencyKey));
    }
    if body.points(Member::Amount)? != charge.amount && !any {
        return Err(Wrong::Another(Member::Amount));
    }
    Ok(())
}

fn receipt(response: &Response, charge: &Charge) -> Result<Receipt, Wrong> {
    let json = Json::parse(&response.body);
    let body = json.as_ref().and_then(Members::of);
    let body = body.ok_or_else(|| not_an_object(&response.body))?;
    is_about(charge, body)?;
    let reading = reading(body)?;
    Ok(Receipt {
        charge_id: body.name(Member::ChargeId)?,
        charged_at: response.secret.redacted(&body.text(Member::ChargedAt)?),
        balance: reading.balance,
        version: reading.version,
        held: reading.held,
        replayed: response.replayed,
    })
}

fn from_problem(status: u16, problem: &Problem, setback: Setback) -> ChargeAnswer {
    let detail = problem.detail();
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
        403 if setback.kind == SetbackKind::AnotherAccount => ChargeAnswer::Setback(setback),
        403 => failed(FailureReason::Forbidden),
        422 if problem.is("idempotency-key-reused") => failed(FailureReason::Conflict),
        409 if problem.is("request-in-progress") => ChargeAnswer::Setback(setback),
        401 | 408 | 429 => ChargeAnswer::Setback(setback),
        400..=499 => failed(FailureReason::InvalidRequest),
        _ => ChargeAnswer::Setback(setback),
    }
}

#[cfg(test)]
mod tests;
