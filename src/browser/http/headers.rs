//! An answer's headers: a `Headers`, a library's own kind of it, a map, pairs or a plain object.

use js_sys::{Array, Number, Reflect, global};
use wasm_bindgen::prelude::*;

use super::member::{call, member, method, text_up_to};

/// No server sends longer ones.
const LONGEST: usize = 8_192;

/// Headers of an answer, which may be none.
pub struct Headers {
    given: JsValue,
    /// Names and values, where it can list them.
    listed: Vec<(String, JsValue)>,
}

impl Headers {
    /// Those of an answer.
    pub fn of(answer: &JsValue) -> Headers {
        let given = member(answer, "headers").unwrap_or(JsValue::UNDEFINED);
        let listed = listed(&given).unwrap_or_default();
        Headers { given, listed }
    }

    /// The header of this name, which is in lower case.
    pub fn get(&self, name: &str) -> Option<String> {
        let asked = method(&self.given, "get")
            .and_then(|get| call(&self.given, &get, &Array::of1(&name.into())))
            .and_then(|value| header_text(&value));
        asked.or_else(|| {
            let mut named = self.listed.iter().filter(|(other, _)| other == name);
            named.find_map(|(_, value)| header_text(value))
        })
    }
}

/// HTTP's header names have no case, and a transport passes on what its backend calls them.
fn listed(given: &JsValue) -> Option<Vec<(String, JsValue)>> {
    if !given.is_object() {
        return None;
    }
    let is_iterable = Reflect::get(given, &js_sys::Symbol::iterator()).ok()?;
    let pairs: Vec<(JsValue, JsValue)> = match is_iterable.is_function() {
        true => {
            let array = member(&global(), "Array")?;
            let from = method(&array, "from")?;
            let entries: Array = call(&array, &from, &Array::of1(given))?.unchecked_into();
            let of = |entry: JsValue| Some((member(&entry, "0")?, member(&entry, "1")?));
            entries.iter().filter_map(of).collect()
        }
        false => {
            let names = Reflect::own_keys(given).ok()?;
            let of = |name: JsValue| Some((name.clone(), Reflect::get(given, &name).ok()?));
            names.iter().filter_map(of).collect()
        }
    };
    let named = |(name, value)| {
        let name = text_up_to(LONGEST, &name)?;
        Some((name.to_ascii_lowercase(), value))
    };
    Some(pairs.into_iter().filter_map(named).collect())
}

/// A header's value as a text. Some libraries make numbers and lists of them.
fn header_text(value: &JsValue) -> Option<String> {
    let text = match (value.as_f64(), value.as_bool()) {
        (Some(_), _) => value
            .unchecked_ref::<Number>()
            .to_string_with_radix(10)
            .ok()?
            .into(),
        (None, Some(truth)) => truth.to_string(),
        (None, None) if value.is_object() => {
            let joined = call(value, &method(value, "join")?, &Array::of1(&", ".into()))?;
            text_up_to(LONGEST, &joined)?
        }
        (None, None) => text_up_to(LONGEST, value)?,
    };
    // RFC 9110, section 5.5: what may stand in a header. An `ETag` is sent back.
    let text = text.trim();
    let is_plain = text.bytes().all(|byte| (0x20..=0x7e).contains(&byte));
    (is_plain && !text.is_empty()).then(|| text.to_owned())
}
