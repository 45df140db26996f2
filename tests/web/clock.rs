//! The clocks and the source of randomness.

use std::collections::BTreeSet;

use tollbox::browser::clock::{now, random_u64};
use wasm_bindgen_futures::JsFuture;
use wasm_bindgen_test::wasm_bindgen_test;

use crate::host;

/// The year 2024 and the year 2100, milliseconds since the Unix epoch.
const THIS_CENTURY_MS: std::ops::Range<u64> = 1_704_067_200_000..4_102_444_800_000;

#[wasm_bindgen_test]
async fn the_monotonic_clock_advances_and_never_goes_back() {
    let start = now();
    let mut last = start;
    while last.mono_ms < start.mono_ms + 20 {
        let next = now();
        assert!(next.mono_ms >= last.mono_ms);
        last = next;
    }
    JsFuture::from(host::next_turn()).await.unwrap();
    assert!(now().mono_ms >= last.mono_ms);
}

#[wasm_bindgen_test]
fn the_wall_clock_counts_milliseconds_since_the_epoch() {
    assert!(THIS_CENTURY_MS.contains(&now().wall_ms));
}

#[wasm_bindgen_test]
fn random_numbers_fill_all_64_bits_and_do_not_repeat() {
    let numbers: BTreeSet<u64> = (0..1_000).map(|_| random_u64()).collect();
    assert_eq!(numbers.len(), 1_000);
    assert_eq!(numbers.iter().fold(0, |all, number| all | number), u64::MAX);
}
