//! Tollbox: a billing outbox for the browser.
//!
//! - [`core`] decides: outcomes, journal, balance. Pure, and the same on every target.
//! - `browser` does: storage, requests, time, tabs. Only on wasm32.

#[macro_use]
pub mod core;

#[cfg(target_arch = "wasm32")]
pub mod browser;
