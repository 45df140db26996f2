//! The answers to a hold and to its release, an optional part of the protocol: `docs/holds.md`.

use super::{is_about, reading};
use crate::core::charge::Charge;
use crate::core::clock::Now;
use crate::core::json::Json;
use crate::core::protocol::members::Members;
use crate::core::protocol::problem::Problem;
use crate::core::protocol::{BalanceReading, Response, Setback, SetbackKind};
use crate::core::reason::{DeclineReason, Member};
use crate::core::record::Decline;

/// The meaning of an answer to `POST holds`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HoldAnswer {
    /// The points are held.
    Held {
        /// The balance, with what is held.
        reading: BalanceReading,
        /// For how long, in seconds.
        expires_in_s: u64,
    },
    /// There are too few points.
    Declined(Decline, Option<BalanceReading>),
    /// The key has been charged: nothing is left to be held.
    AlreadyCharged,
    /// The server itself says that it does not hold points for this charge.
    Rejected,
    /// The server's own word on all requests: the token, the signed-in account, a pause.
    Setback(Setback),
    /// Nothing is known.
    Unknown,
}

/// The meaning of an answer to `DELETE holds?key=KEY`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReleaseAnswer {
    /// The points are not held any more.
    Released(BalanceReading),
    /// The server's own word on all requests, as in [`HoldAnswer`].
    Setback(Setback),
    /// Nothing is known.
    Unknown,
}

impl HoldAnswer {
    /// Parses the answer to `POST holds` for this charge.
    pub fn of(response: &Response, charge: &Charge, now: Now) -> HoldAnswer {
        if matches!(response.status, 200 | 201) {
            return held(response, charge).unwrap_or(HoldAnswer::Unknown);
        }
        if let Some(setback) = of_all_requests(response, now) {
            return HoldAnswer::Setback(setback);
        }
        let Some(problem) = Problem::of(response).filter(|_| !response.is_redirect()) else {
            return HoldAnswer::Unknown;
        };
        match response.status {
            402 if problem.is("insufficient-balance") => {
                let decline = Decline {
                    reason: DeclineReason::InsufficientBalance,
                    balance: problem.balance(),
                    detail: problem.detail(),
                };
                HoldAnswer::Declined(decline, problem.reading())
            }
            409 if problem.is("already-charged") => HoldAnswer::AlreadyCharged,
            408 => HoldAnswer::Unknown,
            400..=499 | 501 => HoldAnswer::Rejected,
            _ => HoldAnswer::Unknown,
        }
    }
}

impl ReleaseAnswer {
    /// Parses the answer to `DELETE holds?key=KEY`.
    pub fn of(response: &Response, now: Now) -> ReleaseAnswer {
        if response.status == 200 && !response.is_redirect() {
            let json = Json::parse(&response.body);
            let body = json.as_ref().and_then(Members::of);
            let reading = body.and_then(|body| reading(body).ok());
            return reading.map_or(ReleaseAnswer::Unknown, ReleaseAnswer::Released);
        }
        let setback = of_all_requests(response, now);
        setback.map_or(ReleaseAnswer::Unknown, ReleaseAnswer::Setback)
    }
}

/// The server's own word, if it is about all requests: the token, the signed-in account, a pause.
fn of_all_requests(response: &Response, now: Now) -> Option<Setback> {
    let setback = Setback::of(response, now);
    let of_all = match setback.kind {
        SetbackKind::Unauthorized | SetbackKind::AnotherAccount => true,
        SetbackKind::Busy => setback.untaken,
        SetbackKind::InProgress
        | SetbackKind::ServerError
        | SetbackKind::GaveUp
        | SetbackKind::TooLarge
        | SetbackKind::Foreign(_) => false,
    };
    of_all.then_some(setback)
}

fn held(response: &Response, charge: &Charge) -> Option<HoldAnswer> {
    let json = Json::parse(&response.body)?;
    let body = Members::of(&json)?;
    is_about(charge, body).ok()?;
    let reading = reading(body).ok()?;
    let expires_in_s = body.version(Member::ExpiresIn).ok()?;
    reading.held.map(|_| HoldAnswer::Held {
        reading,
        expires_in_s,
    })
}
