//! The token of a request, which the user's code gives.

use wasm_bindgen::JsValue;

use super::Destination;
use super::limit::{Limit, Missed};
use crate::browser::host::Host;
use crate::core::engine::Unsent;

/// A token that has come, or that there is none.
#[derive(Clone, PartialEq, Eq)]
pub struct RequestToken {
    text: Option<String>,
    /// It took most of the request's time.
    is_slow: bool,
}

impl RequestToken {
    /// What goes along as `Authorization`.
    pub fn text(&self) -> Option<&str> {
        self.text.as_deref()
    }

    /// An answer has come to the request.
    pub(super) fn answered(&self, host: &Host, status: u16) {
        if let (Some(token), 401) = (&self.text, status) {
            host.rejected(token);
        }
    }

    /// The request has had no answer. Where the token left it little time the next one is to have
    /// more.
    pub(super) fn lost(&self, host: &Host) {
        if let (Some(token), true) = (&self.text, self.is_slow) {
            host.keep_token(token);
        }
    }
}

/// Asks for a token.
pub async fn ask_token(
    host: &Host,
    destination: &Destination,
    refresh: bool,
    limit: &Limit,
) -> Result<RequestToken, Unsent> {
    let limit_ms = limit.length_ms() as f64;
    let asked = host
        .token(refresh, limit_ms, &destination.token_lock)
        .map_err(|_| Unsent::TokenFailed)?;
    match limit.race(&asked).await {
        Ok(token) => Ok(RequestToken {
            text: text_of(&token)?,
            is_slow: limit.is_half_over(),
        }),
        Err(Missed::TimeUp) => Err(Unsent::TokenLate),
        Err(Missed::Rejected) => Err(Unsent::TokenFailed),
    }
}

fn text_of(token: &JsValue) -> Result<Option<String>, Unsent> {
    if token.is_null() || token.is_undefined() {
        return Ok(None);
    }
    match token.as_string() {
        Some(token) if token.is_empty() => Ok(None),
        // RFC 9110, section 5.5: what may stand in a header.
        Some(token) if token.bytes().all(|byte| (0x21..=0x7e).contains(&byte)) => Ok(Some(token)),
        Some(_) | None => Err(Unsent::NoToken),
    }
}
