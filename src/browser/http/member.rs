//! Looking at objects of which nothing is known. Whatever they throw, this passes nothing on: an
//! exception would end the module.

use js_sys::{Array, Function, JsString, Reflect};
use wasm_bindgen::prelude::*;

/// An object's member; `None` where it has none, where it throws, and of what is no object.
pub fn member(object: &JsValue, name: &str) -> Option<JsValue> {
    let value = Reflect::get(object, &name.into()).ok()?;
    (!value.is_undefined() && !value.is_null()).then_some(value)
}

/// An object's method.
pub fn method(object: &JsValue, name: &str) -> Option<Function> {
    member(object, name)?.dyn_into().ok()
}

/// What the method gives; `None` where it throws.
pub fn call(object: &JsValue, method: &Function, arguments: &Array) -> Option<JsValue> {
    Reflect::apply(method, object, arguments).ok()
}

/// A member that is a number, as a number.
pub fn number(object: &JsValue, name: &str) -> Option<f64> {
    member(object, name)?.as_f64()
}

/// A text of no more than so many UTF-16 units. A longer one is not brought over.
pub fn text_up_to(limit: usize, value: &JsValue) -> Option<String> {
    if !value.is_string() {
        return None;
    }
    let length = value.unchecked_ref::<JsString>().length();
    let fits = usize::try_from(length).is_ok_and(|length| length <= limit);
    fits.then(|| value.as_string()).flatten()
}
