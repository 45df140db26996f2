//! The two clocks of a browser, and its source of randomness.

#![expect(
    clippy::disallowed_methods,
    reason = "the one place that reads clocks and draws numbers"
)]

use wasm_bindgen::prelude::*;

use super::scope::scope;
use crate::core::clock::Now;

#[wasm_bindgen]
extern "C" {
    /// The global `performance`, which pages, workers, Node.js and test environments have alike.
    #[wasm_bindgen(catch, js_namespace = performance, js_name = now)]
    fn performance_now() -> Result<f64, JsValue>;
}

/// The present.
pub fn now() -> Now {
    Now {
        mono_ms: performance_now().map_or(0, milliseconds),
        wall_ms: milliseconds(js_sys::Date::now()),
    }
}

/// Whole milliseconds; what is negative or not finite counts as 0.
fn milliseconds(time: f64) -> u64 {
    // A float becomes an integer by truncation and within its range.
    time as u64
}

/// 64 random bits, from the browser's generator where there is one.
pub fn random_u64() -> u64 {
    let mut bytes = [0_u8; 8];
    let crypto = scope().and_then(|scope| scope.crypto().ok());
    let filled = crypto.map(|crypto| crypto.get_random_values_with_u8_array(&mut bytes));
    match filled {
        Some(Ok(_)) => u64::from_le_bytes(bytes),
        Some(Err(_)) | None => (js_sys::Math::random() * u64::MAX as f64) as u64,
    }
}
