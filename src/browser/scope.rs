//! The global scope of a page or a worker.

use wasm_bindgen::JsCast as _;
use web_sys::{Window, WorkerGlobalScope};

/// The scope that this runs in; `None` outside of a browser.
///
/// A worker's has the same members under the same names, as far as they are used here, but for
/// `document` and `localStorage`, which it has not: both are `None` then, as where a page is not
/// allowed storage.
pub fn scope() -> Option<Window> {
    let global = js_sys::global();
    let is_browsers =
        global.is_instance_of::<Window>() || global.is_instance_of::<WorkerGlobalScope>();
    is_browsers.then(|| global.unchecked_into())
}
