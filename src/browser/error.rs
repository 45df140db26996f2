//! Errors on their way to JavaScript, where the facade makes a `BillingError` of them.

use js_sys::{Object, Reflect};
use wasm_bindgen::JsValue;

use crate::core::charge::InvalidArgument;

/// `BillingError.code` of the public API, as far as this side decides it.
#[derive(Clone, Copy, Debug)]
pub enum Code {
    /// The caller's mistake: nothing was sent or stored.
    InvalidArgument,
    /// There is no charge of this key.
    NotFound,
    /// The client is closed.
    Closed,
}

/// An error for the facade.
pub fn error(code: Code, message: &str) -> JsValue {
    let code = match code {
        Code::InvalidArgument => "invalid_argument",
        Code::NotFound => "not_found",
        Code::Closed => "closed",
    };
    let error = Object::new();
    // Setting a property of a new plain object can't fail.
    let _ = Reflect::set(&error, &"code".into(), &code.into());
    let _ = Reflect::set(&error, &"message".into(), &message.into());
    error.into()
}

impl From<InvalidArgument> for JsValue {
    fn from(mistake: InvalidArgument) -> JsValue {
        error(Code::InvalidArgument, &mistake.message)
    }
}

/// What a JavaScript exception says, for people.
pub fn text(exception: &JsValue) -> String {
    let message = Reflect::get(exception, &"message".into()).ok();
    let message = message.and_then(|message| message.as_string());
    let text = message.or_else(|| exception.as_string());
    text.unwrap_or_else(|| "an exception without a message".to_owned())
}
