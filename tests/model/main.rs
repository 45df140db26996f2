//! A model of the claim protocol, and all of its runs: two tabs, two charges, whatever order
//! things happen in.
//!
//! What is real: the records and the operations on them ([`tollbox::core::journal::Op`]), and the
//! server's decision ([`tollbox_server::ledger::decide`]). What is modelled by hand, in outline:
//! the tabs, which claim a charge in one transaction, send when it has committed, note what came
//! of it in another and tell what that has left; the network; and time, which goes by in steps. An
//! engine itself has deadlines, jitter and counts that are never the same twice, so its runs have
//! no end; `tests/simulation` draws some of those.
//!
//! What may happen, each so often as `rules::Left` says: a request or its answer is lost; a tab
//! crashes, so that its memory is gone, what it has sent may still arrive, its last transaction
//! may still commit, and it starts again; a claim ends while its tab sleeps, or its tab is known
//! to be dead; a charge is given up; the account, which can't pay the dear charge, is topped up.
//!
//! The promises, in every state:
//!
//! 1. A key is charged at most once. That is the server's key alone: no rule of the client is
//!    needed for it.
//! 2. What was answered `queued` or `unknown` is in the journal, open, parked or settled.
//! 3. What was said is true: `charged` only of what the ledger has; `declined` and `failed` only
//!    of what it has not, and never will have until it is asked for again; `queued` only of what
//!    it has not so far.
//!
//! One case is left out. Who lets go of a receipt and asks for the same charge again can't know
//! that it is paid until the server says so.
//!
//! `cargo test --profile sim --package tollbox --test model` runs it at speed. Each check prints
//! how many states there are, how many steps lead to them, and the longest of the shortest ways
//! to one.

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
