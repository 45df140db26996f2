//! The simulator: many runs of several tabs, each the real core, over a simulated journal, clocks
//! and network, against the reference server's real ledger. One seed is one run, whatever the
//! computer: nothing here reads a clock, and nothing is ordered by a hash.
//!
//! A run is a time of chaos, then the faults stop, and everything has to settle. The promises are
//! checked at every step and at the end; `../world/` has the world, and lists them.
//!
//! Environment: `TOLLBOX_SEEDS` (`N` or `A..B`), `TOLLBOX_SEED` (one, with its whole trace),
//! `TOLLBOX_FAULTS` (see `class.rs`), `TOLLBOX_LATE_MS`, `TOLLBOX_DEFECT` (see `defects.rs`).

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

mod chance;
mod class;
mod connection;
#[cfg(feature = "defects")]
mod defects;
mod dice;
mod fate;
mod middle;
mod mix;
mod network;
mod run;
mod seeds;
mod serving;
mod storage;
mod user;
mod users;
// Each of its drivers uses a part of it.
#[allow(dead_code)]
#[path = "../world/mod.rs"]
mod world;

/// The world of one run.
type World = world::World<chance::Chance>;
