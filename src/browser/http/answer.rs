//! Reading an answer, whoever gave it.

use js_sys::{Array, Promise};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;

use super::ExchangeError;
use super::limit::Limit;
use crate::core::protocol::answer::BODY_LIMIT;
use crate::core::protocol::{Response, Unreadable};

#[wasm_bindgen(raw_module = "/pkg/lib/answer.js")]
extern "C" {
    /// Resolves with what is read of an answer, or with what keeps it from being read.
    #[wasm_bindgen(js_name = readAnswer)]
    fn read_answer(answer: &JsValue, limit: usize, signal: &web_sys::AbortSignal) -> Promise;
}

/// The whole of an answer.
pub async fn read(answer: &JsValue, limit: &Limit) -> Result<Response, ExchangeError> {
    let reading = JsFuture::from(read_answer(answer, BODY_LIMIT, &limit.signal()));
    let Some(Ok(read)) = limit.within(reading).await else {
        return Err(ExchangeError::Lost);
    };
    if read.is_null() {
        return Ok(Response {
            redirected: true,
            ..Response::default()
        });
    }
    if let Some(trouble) = read.as_string() {
        return Err(error_of(&trouble, limit));
    }
    let read: Array = read.unchecked_into();
    let text = |place| read.get(place).as_string();
    let body = text(2).unwrap_or_default();
    if body.len() > BODY_LIMIT {
        return Err(error_of("too_long", limit));
    }
    let is_replayed = |value: String| value.eq_ignore_ascii_case("true");
    Ok(Response {
        // A whole number in range.
        status: read.get(0).as_f64().unwrap_or_default() as u16,
        redirected: read.get(1).is_truthy(),
        body,
        etag: text(3),
        retry_after: text(4),
        date: text(5),
        age: text(6),
        content_type: text(7),
        replayed: text(8).is_some_and(is_replayed),
        ..Response::default()
    })
}

fn error_of(trouble: &str, limit: &Limit) -> ExchangeError {
    let why = match trouble {
        "lost" => return ExchangeError::Lost,
        "not_an_answer" => Unreadable::NotAnAnswer,
        "no_status" => Unreadable::NoStatus,
        "too_long" => Unreadable::TooLong,
        "already_read" => Unreadable::AlreadyRead,
        "no_text" => Unreadable::NoText,
        _ => Unreadable::Failing,
    };
    // Nobody waits for the rest of it.
    limit.end();
    ExchangeError::Unreadable(why)
}
