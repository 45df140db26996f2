//! The number of entries visited in long maps, for tests of how work grows.

use std::cell::Cell;

thread_local! {
    static VISITS: Cell<u64> = const { Cell::new(0) };
}

/// One more.
pub fn count() {
    VISITS.set(VISITS.get().saturating_add(1));
}

/// Number of entries visited by this thread so far.
pub fn so_far() -> u64 {
    VISITS.get()
}
