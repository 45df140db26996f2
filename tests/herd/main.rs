//! A thundering herd: many clients, each the real core with open charges, that all lose their server
//! in the same second and come back after the same outage. It counts the requests that reach the
//! server each second, and the time until every charge is settled.
//!
//! Environment, for `cargo xtask herd`: `TOLLBOX_CLIENTS`, and `TOLLBOX_RESULTS`, the file for the
//! figures.

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

mod backend;
mod client;
mod fleet;
mod outage;
mod report;
mod scenario;
mod tally;
// Each of its users uses a part of it.
#[allow(dead_code)]
#[path = "../world/schedule.rs"]
mod schedule;
#[allow(dead_code, unused_imports)]
#[path = "../world/server/mod.rs"]
mod server;

use self::fleet::Fleet;
use self::outage::Outage;
use self::scenario::Scenario;
use self::tally::Tally;

/// Few enough for a test, many enough for a peak to mean something.
const CLIENTS: usize = 500;
/// Most of the clients that may send in one second after an outage: three times what an even spread
/// over the longest backoff would have.
const PEAK_SHARE: f64 = 0.1;

#[test]
fn clients_come_back_spread_over_time_and_settle_everything() {
    for outage in Outage::ALL {
        let tally = herd(*outage, None);
        assert_eq!(tally.unsettled(), 0, "{outage:?}");
        let share = tally.peak() as f64 / CLIENTS as f64;
        // Devices whose network is back in the same moment all ask at once, as their users expect.
        let spreads = *outage != Outage::Offline;
        assert!(share <= PEAK_SHARE || !spreads, "{outage:?}: {share}");
    }
}

#[test]
fn an_overloaded_server_settles_everything_after_an_outage() {
    // As few requests a second as need a minute for all of them.
    let tally = herd(Outage::Refused, Some(CLIENTS as u64 * 2 / 60));
    assert_eq!(tally.unsettled(), 0);
}

#[cfg(feature = "defects")]
#[test]
fn the_herds_defect_is_caught() {
    use tollbox::core::defects::Defect;

    Defect::set(Some(Defect::NoJitter));
    let tally = herd(Outage::Busy, None);
    Defect::set(None);
    let share = tally.peak() as f64 / CLIENTS as f64;
    assert!(share > PEAK_SHARE, "no peak without jitter: {share}");
}

#[test]
#[ignore = "a measurement: cargo xtask herd"]
fn the_figures() {
    report::write();
}

fn herd(outage: Outage, capacity: Option<u64>) -> Tally {
    Fleet::run(&Scenario::new(outage, capacity, CLIENTS))
}
