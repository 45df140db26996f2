//! The end of a turn, and the next one.

use js_sys::Promise;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;

#[wasm_bindgen(raw_module = "/pkg/lib/turn.js")]
extern "C" {
    #[wasm_bindgen(js_name = turnEnds)]
    fn turn_ends() -> Promise;

    #[wasm_bindgen(js_name = nextTask)]
    fn next_task() -> Promise;
}

/// Waits until callers who have just been answered have gone on, and asked for what they ask for next.
pub async fn ends() {
    // It rejects for nothing.
    let _ = JsFuture::from(turn_ends()).await;
}

/// Waits for the page's next task: what waits for the main thread comes first.
pub async fn next() {
    // It rejects for nothing.
    let _ = JsFuture::from(next_task()).await;
}
