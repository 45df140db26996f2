//! Setbacks: answers without a verdict, their origin, and the wait they ask for.

use std::num::IntErrorKind;

use super::Response;
use super::problem::Problem;
use crate::core::clock::{Now, parse_http_date};
use crate::core::reason::{OpenReason, Wrong};
use crate::core::text::Detail;

/// Why a request brought no verdict, and the consequence for the requests behind it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setback {
    /// The kind of failure.
    pub kind: SetbackKind,
    /// Whether the server itself says that this request took nothing.
    pub untaken: bool,
    /// Whether the answer can be taken to come from the billing server.
    pub own_word: bool,
    /// The wait that the server asked for.
    pub retry_after: Option<RetryAfter>,
    /// What there is to tell.
    pub detail: Detail,
}

/// The kind of failure of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SetbackKind {
    /// `401`.
    Unauthorized,
    /// `403`, type `account-mismatch`: another account is signed in.
    AnotherAccount,
    /// `429`, `503`: the whole queue waits.
    Busy,
    /// `409`: another request with this key is in progress.
    InProgress,
    /// `408`, `502`, `504`: a gateway gave up waiting, and the request may still take effect.
    GaveUp,
    /// `5xx`, or a `4xx` without a problem document.
    ServerError,
    /// `413` without a problem document: something in front of the server rejects requests of this
    /// size.
    TooLarge,
    /// Not the billing server's answer to this request.
    Foreign(Wrong),
}

/// The wait that the server asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryAfter {
    /// Milliseconds.
    pub wait_ms: u64,
    /// Whether that is certain: a date without the server's clock is measured by the user's, which
    /// may be hours off.
    pub certain: bool,
}

impl SetbackKind {
    /// Why the charge is still open.
    pub fn reason(self) -> OpenReason {
        match self {
            SetbackKind::Unauthorized | SetbackKind::AnotherAccount => OpenReason::Unauthorized,
            SetbackKind::Busy | SetbackKind::InProgress => OpenReason::Busy,
            SetbackKind::GaveUp
            | SetbackKind::ServerError
            | SetbackKind::TooLarge
            | SetbackKind::Foreign(_) => OpenReason::ServerError,
        }
    }
}

impl Setback {
    /// The setback for an answer without a verdict.
    pub fn of(response: &Response, now: Now) -> Setback {
        if let Some(why) = response.unreadable {
            return Setback::foreign(Wrong::Unreadable(why));
        }
        if response.is_redirect() {
            return Setback::foreign(Wrong::Redirected);
        }
        let problem = Problem::of(response);
        let is_problem = problem.is_some();
        let mismatch = problem.as_ref().is_some_and(Problem::is_account_mismatch);
        let (kind, untaken) = match response.status {
            401 => (SetbackKind::Unauthorized, is_problem),
            403 if mismatch && !defect!(IgnoresAccountMismatch) => {
                (SetbackKind::AnotherAccount, true)
            }
            429 => (SetbackKind::Busy, is_problem),
            503 => (
                SetbackKind::Busy,
                is_problem || defect!(BelievesForeignBusy),
            ),
            409 => (SetbackKind::InProgress, false),
            408 | 502 | 504 if defect!(BelievesGateways) => (SetbackKind::ServerError, false),
            408 | 502 | 504 => (SetbackKind::GaveUp, false),
            413 if !is_problem => (SetbackKind::TooLarge, false),
            400..=599 => (SetbackKind::ServerError, false),
            _ => return Setback::foreign(Wrong::Unknown),
        };
        let detail = match (&problem, kind) {
            (None, SetbackKind::TooLarge) => Detail::TooLarge(response.status),
            (problem, _) => detail_of(response.status, problem.as_ref()),
        };
        Setback {
            kind,
            untaken,
            own_word: is_problem && kind != SetbackKind::GaveUp,
            retry_after: RetryAfter::of(response, now),
            detail,
        }
    }

    /// The setback for an item of a batch without a verdict.
    pub(super) fn of_item(problem: &Problem) -> Setback {
        let (kind, untaken) = match problem.status {
            Some(401) => (SetbackKind::Unauthorized, true),
            Some(403) if problem.is_account_mismatch() => (SetbackKind::AnotherAccount, true),
            Some(429 | 503) => (SetbackKind::Busy, true),
            Some(409) => (SetbackKind::InProgress, false),
            Some(408 | 502 | 504) if !defect!(BelievesGateways) => (SetbackKind::GaveUp, false),
            Some(_) | None => (SetbackKind::ServerError, false),
        };
        Setback {
            kind,
            untaken,
            own_word: kind != SetbackKind::GaveUp,
            retry_after: None,
            detail: problem.detail(),
        }
    }

    /// The setback for a page of unknown origin, which settles nothing.
    pub fn of_page(detail: Detail) -> Setback {
        Setback {
            kind: SetbackKind::ServerError,
            untaken: false,
            own_word: false,
            retry_after: None,
            detail,
        }
    }

    /// The setback for an answer that is not the billing server's.
    pub(super) fn foreign(wrong: Wrong) -> Setback {
        Setback {
            kind: SetbackKind::Foreign(wrong),
            untaken: false,
            own_word: false,
            retry_after: None,
            detail: Detail::Foreign(wrong),
        }
    }
}

/// An answer of this status, with the server's own words, if there is a problem document.
pub(super) fn detail_of(status: u16, problem: Option<&Problem>) -> Detail {
    match problem {
        Some(problem) => Detail::Problem(status, problem.words()),
        None => Detail::Status(status),
    }
}

impl RetryAfter {
    /// Parses `Retry-After` (RFC 9110, section 10.2.3): seconds, or an HTTP date. A date is the
    /// server's, so it is measured from the server's `Date`, where that can be read.
    fn of(response: &Response, now: Now) -> Option<RetryAfter> {
        let text = response.retry_after.as_deref()?.trim();
        let certainly = |wait_ms| {
            Some(RetryAfter {
                wait_ms,
                certain: true,
            })
        };
        match text.parse::<u64>() {
            Ok(seconds) => return certainly(seconds.saturating_mul(1_000)),
            // More seconds than the number type holds.
            Err(error) if *error.kind() == IntErrorKind::PosOverflow => return certainly(u64::MAX),
            Err(_) => {}
        }
        let until_ms = parse_http_date(text)?;
        match response.date.as_deref().and_then(parse_http_date) {
            Some(said_at_ms) => certainly(until_ms.saturating_sub(said_at_ms)),
            None => Some(RetryAfter {
                wait_ms: until_ms.saturating_sub(now.wall_ms),
                certain: false,
            }),
        }
    }
}
