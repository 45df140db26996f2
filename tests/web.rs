//! The shell in a real browser: storage, requests, clocks.
#![cfg(target_arch = "wasm32")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a test that can't go on should fail"
)]

#[path = "web/accounts.rs"]
mod accounts;
#[path = "web/adding.rs"]
mod adding;
#[path = "web/balance_cache.rs"]
mod balance_cache;
#[path = "web/batch_claims.rs"]
mod batch_claims;
#[path = "web/charges.rs"]
mod charges;
#[path = "web/claims.rs"]
mod claims;
#[path = "web/clock.rs"]
mod clock;
#[path = "web/damage.rs"]
mod damage;
#[path = "web/fetched.rs"]
mod fetched;
#[path = "web/host.rs"]
mod host;
#[path = "web/lost.rs"]
mod lost;
#[path = "web/migration.rs"]
mod migration;
#[path = "web/noted_queue.rs"]
mod noted_queue;
#[path = "web/opening.rs"]
mod opening;
#[path = "web/raw.rs"]
mod raw;
#[path = "web/reading.rs"]
mod reading;
#[path = "web/schema.rs"]
mod schema;
#[path = "web/signing_out.rs"]
mod signing_out;
#[path = "web/stores.rs"]
mod stores;
#[path = "web/token.rs"]
mod token;
#[path = "web/transport.rs"]
mod transport;
#[path = "web/trying_again.rs"]
mod trying_again;

wasm_bindgen_test::wasm_bindgen_test_configure!(run_in_browser);
