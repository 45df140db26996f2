//! An answer's body, as far as it may be read: a server, or whoever answers for it, may never end it.

use js_sys::{Array, ArrayBuffer, JSON, Promise, Reflect, Uint8Array, global};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::{JsFuture, spawn_local};

use super::ExchangeError;
use super::headers::Headers;
use super::limit::{Limit, Missed};
use super::member::{call, member, method, number, text_up_to};
use crate::core::protocol::Unreadable;
use crate::core::protocol::answer::BODY_LIMIT;

/// The body of an answer, to its end, as text. What was read in part is let go of.
pub async fn read(
    answer: &JsValue,
    headers: &Headers,
    limit: &Limit,
) -> Result<String, ExchangeError> {
    let failing = ExchangeError::Unreadable(Unreadable::Failing);
    let body = Reflect::get(answer, &"body".into()).map_err(|_| failing)?;
    let stated = headers.get("content-length");
    let stated = stated.and_then(|length| length.parse::<usize>().ok());
    if stated.is_some_and(|length| length > BODY_LIMIT) {
        cancel(&body);
        return Err(ExchangeError::Unreadable(Unreadable::TooLong));
    }
    if body.is_string() {
        return whole(&body);
    }
    if member(answer, "bodyUsed").is_some_and(|used| used.is_truthy()) {
        return Err(ExchangeError::Unreadable(Unreadable::AlreadyRead));
    }
    if let Some(reader) = method(&body, "getReader").and_then(|get| call(&body, &get, &none())) {
        let read = streamed(&reader, limit).await;
        if read.is_err() {
            cancel(&reader);
        }
        return read;
    }
    if let Some(text) = method(answer, "text") {
        return whole(&awaited(call(answer, &text, &none()), limit).await?);
    }
    if let Some(json) = method(answer, "json") {
        return stringified(&awaited(call(answer, &json, &none()), limit).await?);
    }
    if let Some(text) = method(&body, "text") {
        return whole(&awaited(call(&body, &text, &none()), limit).await?);
    }
    if number(&body, "byteLength").is_some() {
        return piece(Some(body), BODY_LIMIT).map(|bytes| decoded(&bytes));
    }
    match body.is_undefined() || body.is_null() {
        true => Ok(String::new()),
        false => stringified(&body),
    }
}

/// What such a call comes to.
async fn awaited(called: Option<JsValue>, limit: &Limit) -> Result<JsValue, ExchangeError> {
    let called = called.ok_or(ExchangeError::Unreadable(Unreadable::Failing))?;
    match limit.race(&called).await {
        Ok(value) => Ok(value),
        Err(Missed::TimeUp) => Err(ExchangeError::Lost),
        Err(Missed::Rejected) => Err(ExchangeError::Unreadable(Unreadable::Failing)),
    }
}

/// A text that has been read already.
fn whole(text: &JsValue) -> Result<String, ExchangeError> {
    if !text.is_string() {
        return Err(ExchangeError::Unreadable(Unreadable::NoText));
    }
    let text = text_up_to(BODY_LIMIT, text).filter(|text| text.len() <= BODY_LIMIT);
    text.ok_or(ExchangeError::Unreadable(Unreadable::TooLong))
}

/// A library has made an object of the JSON.
fn stringified(value: &JsValue) -> Result<String, ExchangeError> {
    match JSON::stringify(value) {
        Ok(text) => whole(&text.into()),
        Err(_) => Err(ExchangeError::Unreadable(Unreadable::NoText)),
    }
}

/// Reads piece by piece, so that no more is ever held than may be read.
async fn streamed(reader: &JsValue, limit: &Limit) -> Result<String, ExchangeError> {
    let failing = ExchangeError::Unreadable(Unreadable::Failing);
    let read = method(reader, "read").ok_or(failing.clone())?;
    let mut bytes = Vec::new();
    loop {
        let next = call(reader, &read, &none()).ok_or(failing.clone())?;
        // A connection that breaks rejects, as a time limit does.
        let next = limit.race(&next).await.map_err(|_| ExchangeError::Lost)?;
        let Ok(done) = Reflect::get(&next, &"done".into()) else {
            return Err(failing);
        };
        if done.is_truthy() {
            return Ok(decoded(&bytes));
        }
        let room = BODY_LIMIT.saturating_sub(bytes.len());
        bytes.extend(piece(member(&next, "value"), room)?);
    }
}

/// One piece of a stream, if it is no larger than the room for it.
fn piece(value: Option<JsValue>, room: usize) -> Result<Vec<u8>, ExchangeError> {
    let no_text = ExchangeError::Unreadable(Unreadable::NoText);
    let too_long = ExchangeError::Unreadable(Unreadable::TooLong);
    let value = value.ok_or(no_text.clone())?;
    if value.is_string() {
        let text = text_up_to(room, &value).filter(|text| text.len() <= room);
        return text.map(String::into_bytes).ok_or(too_long);
    }
    let length = number(&value, "byteLength").ok_or(no_text.clone())?;
    if length > room as f64 {
        return Err(too_long);
    }
    let arguments = match ArrayBuffer::is_view(&value) {
        true => {
            let part = |name| member(&value, name).ok_or(no_text.clone());
            Array::of3(&part("buffer")?, &part("byteOffset")?, &length.into())
        }
        false => Array::of1(&value),
    };
    let constructor = method(&global(), "Uint8Array").ok_or(no_text.clone())?;
    // Of a buffer that has been given away it can't be made.
    let bytes = Reflect::construct(&constructor, &arguments).map_err(|_| no_text.clone())?;
    let bytes: Uint8Array = bytes.unchecked_into();
    match usize::try_from(bytes.length()) {
        Ok(length) if length <= room => Ok(bytes.to_vec()),
        Ok(_) | Err(_) => Err(no_text),
    }
}

/// As `Response.text` decodes: without a byte order mark, and whatever is not UTF-8 replaced.
fn decoded(bytes: &[u8]) -> String {
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    String::from_utf8_lossy(text).into_owned()
}

/// Tells a stream, or its reader, that nobody reads on.
fn cancel(stream: &JsValue) {
    let cancelled = method(stream, "cancel").and_then(|cancel| call(stream, &cancel, &none()));
    if let Some(cancelled) = cancelled {
        spawn_local(async move {
            // It rejects where the stream is broken, and would be reported as unhandled.
            let both = Array::of2(&cancelled, &Promise::resolve(&JsValue::UNDEFINED));
            let _ = JsFuture::from(Promise::all_settled(&both)).await;
        });
    }
}

fn none() -> Array {
    Array::new()
}
