//! A model of the claim protocol, and all of its runs: two tabs, two charges, every order of
//! events.
//!
//! Two parts are the real ones: the records with the operations on them
//! ([`tollbox::core::journal::Op`]), and the server's decision
//! ([`tollbox_server::ledger::decide`]). The others are modelled by hand, in outline: the tabs,
//! which claim a charge in one transaction, send when it has committed, note the result in another
//! and tell what that has left; the network; and time, which passes in steps. A real engine has
//! deadlines, jitter and counts that are never the same twice, so its runs can't be exhausted;
//! `tests/simulation` draws some of those.
//!
//! The mishaps, each as often as `rules::Left` allows: a request or its answer is lost; a tab
//! crashes, so that its memory is gone, its requests may still arrive, its last transaction may
//! still commit, and it starts again; a claim ends while its tab sleeps, or its tab is known to be
//! dead; a charge is given up; the account, which can't pay the dear charge, is topped up.
//!
//! The promises, in every state:
//!
//! 1. A key is charged at most once. The server's check of keys is enough for that; no rule of the
//!    client is needed.
//! 2. A charge answered `queued` or `unknown` is in the journal, open, parked or settled.
//! 3. Answers are true: `charged` only of charges that the ledger has; `declined` and `failed` only
//!    of those that it has not, and never will have until they are asked for again; `queued` only
//!    of those that it has not so far.
//!
//! One case is left out: a tab that evicts a receipt and asks for the same charge again can't know
//! that it is paid until the server says so.
//!
//! `cargo test --profile sim --package tollbox --test model` runs it at speed. Each check prints
//! the number of states, the number of steps between them, and the depth of the deepest state.

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
