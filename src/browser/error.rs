//! Errors on their way to JavaScript, where the facade makes a `BillingError` of them.

use js_sys::{Object, Reflect};
use wasm_bindgen::JsValue;

pub use super::code::Code;
use crate::core::charge::InvalidArgument;

/// An error for the facade.
pub fn error(code: Code, message: &str) -> JsValue {
    let error = Object::new();
    // Setting a property of a new plain object can't fail.
    let _ = Reflect::set(&error, &"code".into(), &code.code().into());
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
