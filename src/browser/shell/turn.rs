//! The end of a turn.

use js_sys::Promise;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;

#[wasm_bindgen(raw_module = "/pkg/lib/turn.js")]
extern "C" {
    #[wasm_bindgen(js_name = turnEnds)]
    fn turn_ends() -> Promise;
}

/// Waits until callers who have just been answered have gone on, and asked for what they ask for next.
pub async fn ends() {
    // It rejects for nothing.
    let _ = JsFuture::from(turn_ends()).await;
}
