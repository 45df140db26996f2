//! The simulator: many runs of several tabs, each the real core, over a simulated journal, clocks
//! and network, against the reference server's real ledger. One seed is one run, whatever the
//! computer: nothing here reads a clock, and nothing is ordered by a hash.
//!
//! A run is a time of chaos, then the faults stop, and everything has to settle. The promises are
//! checked at every step and at the end:
//!
//! 1. A thing that the user wants paid is charged at most once on the server, whatever key it is
//!    sent under.
//! 2. A charge answered `queued` or `unknown` with `durable: true` never disappears. A charge is in
//!    the journal before it is sent, and its receipt before it is told.
//! 3. Answers and notices are true.
//! 4. The balance is the ledger's at its version, less the open charges, and its version never goes
//!    back. Nothing is held twice.
//! 5. Calls are answered in time; once faults stop, everything settles.
//! 6. The counts add up, and nothing is held when nothing is open.
//! 7. Probes are sent only in an outage, and not many; nothing before `Retry-After` but at the
//!    user's insistence. Requests a minute and alerts an hour stay within the budget of user
//!    actions and open charges. Only attempts that had their chance are counted.
//! 8. No user pays for another: once a sign-out is answered, nothing leaves for the account before
//!    it signs in again.
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

mod books;
mod checks;
mod class;
mod counts;
#[cfg(feature = "defects")]
mod defects;
mod dice;
mod effects;
mod end;
mod fate;
mod happening;
mod journal;
mod middle;
mod mix;
mod network;
mod patience;
mod seeds;
#[allow(dead_code)]
#[path = "../world/server/mod.rs"]
mod server;
mod serving;
mod signing_out;
mod storage;
mod tab;
mod trace;
mod user;
mod views;
mod world;
