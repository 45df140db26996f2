//! The background sync of the balance.

use super::super::context::Context;
use crate::core::clock::Now;

/// The schedule of the background sync.
#[derive(Debug, Default)]
pub struct Sync {
    /// When the next reading is due; monotonic, `None` before the first.
    next_ms: Option<u64>,
    /// Whether the next reading is needed for more than freshness, and so made even while the page
    /// is hidden.
    needed: bool,
}

impl Sync {
    /// When the next reading is due; `None` while the page is hidden, unless it is needed.
    pub(super) fn next_ms(&self, visible: bool) -> Option<u64> {
        self.next_ms.filter(|_| visible || self.needed)
    }

    pub(super) fn is_needed(&self) -> bool {
        self.needed
    }

    /// The balance has been read.
    pub(super) fn done(&mut self) {
        self.needed = false;
    }

    /// Delays the next reading, with a tenth of jitter to spread clients that were opened together.
    pub(super) fn put_off(&mut self, now: Now, in_ms: u64, cx: &mut Context) {
        let every_ms = cx.config.sync_every_ms;
        self.next_ms = (every_ms > 0).then(|| {
            let jitter_ms = cx.jitter.up_to(every_ms.div_ceil(10));
            now.after(in_ms.saturating_add(jitter_ms))
        });
    }

    /// Requests a reading as soon as possible.
    pub(super) fn need(&mut self, now: Now) {
        self.next_ms = Some(now.mono_ms);
        self.needed = true;
    }

    /// A needed reading stays scheduled until one succeeds.
    pub(super) fn again_if_needed(&mut self, now: Now, cx: &Context) {
        if self.needed {
            let delay_ms = cx.config.backoff.max_ms.max(1);
            self.next_ms = Some(now.after(delay_ms));
        }
    }

    /// The machine slept: the next reading is due `by_ms` sooner.
    pub(super) fn slept(&mut self, by_ms: u64) {
        self.next_ms = self.next_ms.map(|at_ms| at_ms.saturating_sub(by_ms));
    }
}
