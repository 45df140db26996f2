//! Values on their way to JavaScript.

use serde::Serialize as _;
use serde_wasm_bindgen::Serializer;
use wasm_bindgen::JsValue;

use crate::core::json::ToJson;

/// A plain object, as JSON would have it: `null`, never `undefined`; numbers, never BigInts.
pub fn to_js(value: &dyn ToJson) -> JsValue {
    let json = value.to_json();
    // Strings, safe integers and plain records always have a JavaScript form.
    json.serialize(&Serializer::json_compatible())
        .unwrap_or(JsValue::NULL)
}
