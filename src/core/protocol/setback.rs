//! Setbacks: answers without a verdict, their origin, and the wait they ask for.

use std::num::IntErrorKind;

use super::problem::Problem;
use super::{Response, Unreadable};
use crate::core::bilingual::both;
use crate::core::clock::{Now, parse_http_date};
use crate::core::reason::OpenReason;

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
    /// Human-readable detail.
    pub detail: String,
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

/// Why an answer can't be the billing server's to this request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrong {
    /// The protocol has no such answer.
    Unknown,
    /// It has no body.
    Empty,
    /// Its body is no JSON object.
    NotJson,
    /// It could not be read.
    Unreadable(Unreadable),
    /// It was reached by a redirect, or is one.
    Redirected,
    /// It came from a cache.
    Cached,
    /// A member is missing.
    Missing(&'static str),
    /// A member is not a whole number.
    NotWhole(&'static str),
    /// A member is above 2^53-1.
    TooLarge(&'static str),
    /// A member is not a string.
    NotText(&'static str),
    /// A member is not a list.
    NotAList(&'static str),
    /// A member names another charge.
    Another(&'static str),
    /// The answer to a batch has no result for this charge, or two.
    NoResult,
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

impl Wrong {
    /// Human-readable detail, in both languages.
    pub fn text(self) -> String {
        let whole = (
            "the answer is not the billing server's answer to this request",
            "应答不是计费服务器对本请求的应答",
        );
        if let Wrong::Unreadable(why) = self {
            let (english, chinese) = why.texts();
            return both(english, chinese);
        }
        match self.in_words() {
            None => both(whole.0, whole.1),
            Some((english, chinese)) => both(
                &format!("{}: {english}", whole.0),
                &format!("{}：{chinese}", whole.1),
            ),
        }
    }

    fn in_words(self) -> Option<(String, String)> {
        let of = |name: &str, english: &str, chinese: &str| {
            Some((format!("{name} {english}"), format!("{name} {chinese}")))
        };
        let said = |english: &str, chinese: &str| Some((english.to_owned(), chinese.to_owned()));
        match self {
            Wrong::Unknown | Wrong::Unreadable(_) => None,
            Wrong::Empty => said("it has no body", "其 body 为空"),
            Wrong::NotJson => said("its body is not a JSON object", "其 body 不是 JSON 对象"),
            Wrong::Redirected => said("it was redirected", "请求被重定向"),
            Wrong::Cached => said("a cache has given it", "它来自缓存"),
            Wrong::Missing(name) => of(name, "is missing", "缺失"),
            Wrong::NotWhole(name) => of(name, "is not a whole number", "不是整数"),
            Wrong::TooLarge(name) => of(
                name,
                "is not a whole number up to 2^53-1",
                "不是 2^53-1 以内的整数",
            ),
            Wrong::NotText(name) => of(name, "is not a string", "不是字符串"),
            Wrong::NotAList(name) => of(name, "is not a list", "不是列表"),
            Wrong::Another(name) => of(name, "is not this charge's", "不属于这笔扣费"),
            Wrong::NoResult => said(
                "it has not one result for this charge",
                "其中没有这笔扣费的唯一结果",
            ),
        }
    }

    /// Whether the answer most likely still is the server's, with a single malformed member.
    pub fn is_a_slip(self) -> bool {
        match self {
            Wrong::NotWhole(_) | Wrong::TooLarge(_) | Wrong::NotText(_) | Wrong::NotAList(_) => {
                true
            }
            Wrong::Unknown
            | Wrong::Empty
            | Wrong::NotJson
            | Wrong::Unreadable(_)
            | Wrong::Redirected
            | Wrong::Cached
            | Wrong::Missing(_)
            | Wrong::Another(_)
            | Wrong::NoResult => false,
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
        let said = problem.map(|problem| format!(": {}", problem.text()));
        Setback {
            kind,
            untaken,
            own_word: is_problem && kind != SetbackKind::GaveUp,
            retry_after: RetryAfter::of(response, now),
            detail: format!("HTTP {}{}", response.status, said.unwrap_or_default()),
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
            detail: problem.text(),
        }
    }

    /// The setback for a page of unknown origin, which settles nothing.
    pub fn of_page(detail: String) -> Setback {
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
            detail: wrong.text(),
        }
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
