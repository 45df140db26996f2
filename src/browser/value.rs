//! Values on their way to JavaScript.

use js_sys::JSON;
use serde::Serialize as _;
use serde_wasm_bindgen::Serializer;
use wasm_bindgen::JsValue;

use crate::core::json::ToJson;

/// The same as [`to_js`], made of its text: faster where there are many members.
pub fn parsed(value: &dyn ToJson) -> JsValue {
    // It is the text of a value.
    JSON::parse(&value.to_json().to_text()).unwrap_or(JsValue::NULL)
}

/// A plain object, as JSON would have it: `null`, never `undefined`; numbers, never BigInts.
pub fn to_js(value: &dyn ToJson) -> JsValue {
    let json = value.to_json();
    // Strings, safe integers and plain records always have a JavaScript form.
    json.serialize(&Serializer::json_compatible())
        .unwrap_or(JsValue::NULL)
}
