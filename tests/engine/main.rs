//! Scenarios of the core: engines driven by their contract over a simulated journal, clock and
//! network, against the reference server's real ledger.

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

mod at_rest;
mod balances;
mod batches;
mod cached;
mod calls;
mod certainty;
mod checks;
mod clocks;
mod crashes;
mod decoding;
mod ends;
mod episodes;
mod failing_writes;
mod flushes;
mod foreground;
mod foreign;
mod forgetful;
mod forgetting;
mod gateways;
mod giving_up;
mod halving;
mod happening;
mod hearing;
mod keys;
mod lanes;
mod languages;
mod lateness;
mod limits;
mod look_ups;
mod malformed;
mod mismatch;
mod moving;
mod outage;
mod outcomes;
mod patience;
mod put_off;
mod quoted;
mod refusals;
mod refusals_by_kind;
mod server;
mod setbacks;
mod shown;
mod signing_out;
mod starts;
mod storage;
mod syncing;
mod tabs;
mod taking_up;
mod tasks;
mod tokens;
mod turns;
mod unread;
mod unreadable;
mod unwritten;
mod wanted;
mod watching;
mod ways;
mod world;
