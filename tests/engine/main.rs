//! Scenarios of the core: engines in the world of `../world/`, against the reference server's real
//! ledger. `script/` drives that world; every other file has the scenarios of one subject.

#![cfg(not(target_arch = "wasm32"))]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::unreachable,
    clippy::arithmetic_side_effects,
    clippy::wildcard_enum_match_arm,
    clippy::match_wildcard_for_single_variants,
    missing_docs
)]

mod account_mismatch;
mod alert_episodes;
mod attempts;
mod balance_refresh;
mod balance_sync;
mod batch_halving;
mod batches;
mod blocked_requests;
mod cached_answers;
mod call_limits;
mod cancel;
mod cancel_withdrawn;
mod claim_protocol;
mod clock_jumps;
mod close;
mod connection_slots;
mod crashes;
mod decoding;
mod enqueue_failed;
mod eviction;
mod flush;
mod foreground_calls;
mod foreign_answers;
mod gateway_timeouts;
mod holds;
mod key_encoding;
mod key_expiry;
mod late_requests;
mod locale;
mod look_up;
mod lost_records;
mod malformed_answers;
mod many_charges;
mod migration;
mod notices;
mod outage;
mod outcomes;
mod pages;
mod peers;
mod promises;
mod receipts;
mod rejections;
mod retry_after;
mod retry_failed;
mod script;
mod setbacks;
mod sign_out;
mod snapshot;
mod startup;
mod storage_failures;
mod tabs;
mod tasks;
mod token;
mod token_redaction;
mod token_scope;
mod unreadable_journal;
// Each of its drivers uses a part of it.
#[allow(dead_code)]
#[path = "../world/mod.rs"]
mod world;
mod write_failures;

use world::server;
