//! Reading an answer, whoever gave it: the browser's own, another window's, a library's in its place,
//! or a transport's. Nothing is taken for granted but that it is to look like an answer.

use wasm_bindgen::prelude::*;

use super::headers::Headers;
use super::limit::Limit;
use super::member::{member, text_up_to};
use super::{ExchangeError, body};
use crate::core::protocol::{Response, Unreadable};

/// The longest text that is a status.
const STATUS_DIGITS: usize = 3;

/// The whole of an answer.
pub async fn read(answer: &JsValue, limit: &Limit) -> Result<Response, ExchangeError> {
    if !answer.is_object() {
        return Err(ExchangeError::Unreadable(Unreadable::NotAnAnswer));
    }
    // A redirect that nobody has followed, of which the browser tells nothing else.
    let is_redirect = member(answer, "type").is_some_and(|kind| kind == "opaqueredirect");
    if is_redirect {
        return Ok(Response {
            redirected: true,
            ..Response::default()
        });
    }
    let status =
        member(answer, "status").ok_or(ExchangeError::Unreadable(Unreadable::NotAnAnswer))?;
    let status = status_of(&status).ok_or(ExchangeError::Unreadable(Unreadable::NoStatus))?;
    let headers = Headers::of(answer);
    let body = body::read(answer, &headers, limit).await;
    if let Err(ExchangeError::Unreadable(_)) = &body {
        // Nobody waits for the rest of it.
        limit.end();
    }
    let body = body?;
    let is_replayed = |value: String| value.eq_ignore_ascii_case("true");
    Ok(Response {
        status,
        etag: headers.get("etag"),
        retry_after: headers.get("retry-after"),
        date: headers.get("date"),
        age: headers.get("age"),
        redirected: member(answer, "redirected").is_some_and(|it| it.as_bool() == Some(true)),
        content_type: headers.get("content-type"),
        replayed: headers.get("idempotent-replayed").is_some_and(is_replayed),
        body,
        ..Response::default()
    })
}

/// A number, or its digits.
fn status_of(status: &JsValue) -> Option<u16> {
    let number = match status.as_f64() {
        Some(number) => number,
        None => text_up_to(STATUS_DIGITS, status)?
            .parse::<u16>()
            .ok()?
            .into(),
    };
    let is_one = number.fract() == 0.0 && (100.0..600.0).contains(&number);
    // A float becomes an integer by truncation and within its range.
    is_one.then_some(number as u16)
}
