//! The two clocks of a browser, and its source of randomness.

#![expect(
    clippy::disallowed_methods,
    reason = "the one place that reads clocks and draws numbers"
)]

use super::scope::scope;
use crate::core::clock::Now;

/// The present.
pub fn now() -> Now {
    let performance = scope().and_then(|scope| scope.performance());
    Now {
        mono_ms: performance.map_or(0, |performance| milliseconds(performance.now())),
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
