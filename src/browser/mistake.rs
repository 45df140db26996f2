//! What is wrong with an option: which one, what it may be, and what was given.

use js_sys::{JSON, Reflect};
use wasm_bindgen::prelude::*;

use crate::core::charge::InvalidArgument;

#[wasm_bindgen(raw_module = "/pkg/lib/shown.js")]
extern "C" {
    /// The value in a message, shortened, and nothing of an object's contents.
    fn shown(value: &JsValue) -> String;
}

/// The mistake in an option, whose message begins with its path, and what was given. `options` is JSON.
pub fn in_options(mistake: InvalidArgument, options: &str) -> InvalidArgument {
    let path = mistake.message.split(' ').next().unwrap_or_default();
    let found = JSON::parse(options).and_then(|options| {
        path.split('.')
            .try_fold(options, |inside, name| Reflect::get(&inside, &name.into()))
    });
    match found {
        Ok(given) if !given.is_undefined() => {
            let given = shown(&given);
            InvalidArgument::new(format!("{}, not {given}", mistake.message))
        }
        Ok(_) | Err(_) => mistake,
    }
}
