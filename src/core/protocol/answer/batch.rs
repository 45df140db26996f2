//! The answer to a batch: one result for each of its charges, or one for the whole.

use super::{ChargeAnswer, from_problem, is_key, not_a_receipt, reading};
use crate::core::charge::Charge;
use crate::core::clock::Now;
use crate::core::json::Json;
use crate::core::protocol::members::{Members, not_an_object};
use crate::core::protocol::problem::Problem;
use crate::core::protocol::setback::detail_of;
use crate::core::protocol::{BalanceReading, Response, Secret, Setback};
use crate::core::reason::{DeclineReason, Member, Wrong};
use crate::core::record::{Decline, Receipt, Verdict};
use crate::core::text::Detail;

/// The meaning of an answer to a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BatchAnswer {
    /// One answer per charge, in the order sent; a charge without a result of its own gets a
    /// setback.
    Results(Vec<ChargeAnswer>, BalanceReading),
    /// Batches are not supported: `own_word` if the server itself says so, and nothing was taken.
    Unsupported {
        /// Whether the server itself said so.
        own_word: bool,
    },
    /// The batch is too large, for the server (`own_word`, and nothing was taken) or for something
    /// in front of it.
    TooLarge {
        /// Whether the server itself said so.
        own_word: bool,
        /// What there is to tell.
        detail: Detail,
    },
    /// The batch was rejected as a whole, nothing taken: its charges may be sent one by one.
    Rejected(Detail),
    /// No verdict for any of its charges.
    Setback(Setback),
}

impl BatchAnswer {
    /// Parses the answer to `POST charges/batch` with these charges.
    pub fn of(response: &Response, charges: &[Charge], now: Now) -> BatchAnswer {
        if response.status == 200 {
            return match results(response, charges) {
                Ok(answer) => answer,
                Err(wrong) => BatchAnswer::Setback(not_a_receipt(response, wrong)),
            };
        }
        let setback = Setback::of(response, now);
        if response.is_redirect() {
            return BatchAnswer::Setback(setback);
        }
        let problem = Problem::of(response);
        let own_word = problem.is_some();
        match (response.status, problem) {
            (404 | 405 | 501, _) => BatchAnswer::Unsupported {
                own_word: own_word || defect!(BelievesForeignNoBatches),
            },
            (413, problem) => BatchAnswer::TooLarge {
                own_word,
                detail: detail_of(response.status, problem.as_ref()),
            },
            (401 | 408 | 409 | 429, _) => BatchAnswer::Setback(setback),
            (403, Some(problem)) if problem.is_account_mismatch() => BatchAnswer::Setback(setback),
            (400..=499, Some(problem)) => BatchAnswer::Rejected(problem.detail()),
            (_, _) => BatchAnswer::Setback(setback),
        }
    }
}

/// One result of a batch that names its charge.
struct Item<'a> {
    key: String,
    status: String,
    problem: Problem,
    charged_at: Result<String, Wrong>,
    body: Members<'a>,
}

impl<'a> Item<'a> {
    /// Parses each result by itself, so that a malformed one spoils no other.
    fn of(result: &'a Json<'a>, secret: &Secret) -> Option<Item<'a>> {
        let body = Members::of(result)?;
        Some(Item {
            key: body.text(Member::IdempotencyKey).ok()?,
            status: body.text(Member::Status).unwrap_or_default(),
            problem: body
                .object(Member::Problem)
                .map(|problem| Problem::from(problem, secret))
                .unwrap_or_default(),
            charged_at: body
                .text(Member::ChargedAt)
                .map(|text| secret.redacted(&text)),
            body,
        })
    }
}

fn results(response: &Response, charges: &[Charge]) -> Result<BatchAnswer, Wrong> {
    let json = Json::parse(&response.body);
    let body = json.as_ref().and_then(Members::of);
    let body = body.ok_or_else(|| not_an_object(&response.body))?;
    let results = body.list(Member::Results)?;
    let reading = reading(body)?;
    let items: Vec<Item> = results
        .iter()
        .filter_map(|result| Item::of(result, &response.secret))
        .collect();
    let answers = charges
        .iter()
        .map(|charge| {
            let is_own = is_key(&charge.key);
            let mut own = items.iter().filter(|item| is_own(&item.key));
            let answer = match (own.next(), own.next()) {
                (Some(item), None) => item_answer(item, charge, reading),
                // Two results for one charge may contradict each other.
                (Some(_), Some(_)) | (None, _) => foreign(Wrong::NoResult),
            };
            match answer {
                ChargeAnswer::Settled(Verdict::Charged(_), _) => answer,
                ChargeAnswer::Settled(..) | ChargeAnswer::Setback(_) if response.redirected => {
                    foreign(Wrong::Redirected)
                }
                ChargeAnswer::Settled(..) | ChargeAnswer::Setback(_) => answer,
            }
        })
        .collect();
    Ok(BatchAnswer::Results(answers, reading))
}

fn foreign(wrong: Wrong) -> ChargeAnswer {
    ChargeAnswer::Setback(Setback::foreign(wrong))
}

fn item_answer(item: &Item, charge: &Charge, reading: BalanceReading) -> ChargeAnswer {
    match item.status.as_str() {
        "charged" => match item_receipt(item, charge, reading) {
            Ok(receipt) => ChargeAnswer::Settled(Verdict::Charged(receipt), None),
            Err(wrong) => foreign(wrong),
        },
        status @ ("declined" | "rejected") => {
            let usual = if status == "declined" { 402 } else { 400 };
            let status = item.problem.status.unwrap_or(usual);
            let answer = from_problem(status, &item.problem, Setback::of_item(&item.problem));
            match answer {
                // The server explicitly said `declined`, whatever the problem's type.
                ChargeAnswer::Settled(Verdict::Failed(failure), _) if usual == 402 => {
                    let decline = Decline {
                        reason: DeclineReason::Rejected,
                        balance: item.problem.balance(),
                        detail: failure.detail,
                    };
                    ChargeAnswer::Settled(Verdict::Declined(decline), None)
                }
                answer @ (ChargeAnswer::Settled(..) | ChargeAnswer::Setback(_)) => answer,
            }
        }
        "retry" => ChargeAnswer::Setback(Setback::of_item(&item.problem)),
        _ => foreign(Wrong::Unknown),
    }
}

fn item_receipt(item: &Item, charge: &Charge, reading: BalanceReading) -> Result<Receipt, Wrong> {
    if item.body.points(Member::Amount)? != charge.amount && !defect!(ForeignAnswerSettles) {
        return Err(Wrong::Another(Member::Amount));
    }
    Ok(Receipt {
        charge_id: item.body.name(Member::ChargeId)?,
        charged_at: item.charged_at.clone()?,
        balance: reading.balance,
        version: reading.version,
        held: reading.held,
        replayed: item.body.is_true(Member::Replayed),
    })
}
