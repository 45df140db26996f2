//! The claim protocol, checked in every interleaving by a model checker.

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

mod actions;
mod checks;
mod end;
mod identity;
mod journal;
mod promises;
mod quotient;
mod reached;
mod rules;
mod server;
mod steps;
mod tab;
mod world;
