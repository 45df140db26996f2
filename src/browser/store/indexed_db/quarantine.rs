//! What did not pass its check, kept as it was found.

use js_sys::Array;
use wasm_bindgen::JsCast as _;

use super::bindings::Aside;
use crate::browser::store::SetAside;

/// These, as they are shown.
pub fn shown(aside: &Array) -> Vec<SetAside> {
    let aside = aside.iter().map(|aside| {
        let aside: Aside = aside.unchecked_into();
        SetAside {
            key: aside.key(),
            detail: aside.why(),
            found_at: aside.found_at_ms(),
            stored: aside.stored(),
        }
    });
    aside.collect()
}
