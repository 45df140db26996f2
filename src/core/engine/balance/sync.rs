//! When the balance is read without anybody's asking.

use super::super::context::Context;
use crate::core::clock::Now;

/// When the next reading is due.
#[derive(Debug, Default)]
pub struct Sync {
    /// Monotonic; `None` before the first.
    next_ms: Option<u64>,
    /// The next is not for freshness' sake: it is made wherever the user looks.
    needed: bool,
}

impl Sync {
    /// When the next is due; none is while nobody looks, unless it is needed.
    pub(super) fn next_ms(&self, visible: bool) -> Option<u64> {
        self.next_ms.filter(|_| visible || self.needed)
    }

    pub(super) fn is_needed(&self) -> bool {
        self.needed
    }

    /// The balance has been told.
    pub(super) fn done(&mut self) {
        self.needed = false;
    }

    /// A tenth of jitter keeps clients apart that were opened together.
    pub(super) fn put_off(&mut self, now: Now, in_ms: u64, cx: &mut Context) {
        let every_ms = cx.config.sync_every_ms;
        self.next_ms = (every_ms > 0).then(|| {
            let jitter_ms = cx.jitter.up_to(every_ms.div_ceil(10));
            now.after(in_ms.saturating_add(jitter_ms))
        });
    }

    /// Reads the balance as soon as that is possible.
    pub(super) fn need(&mut self, now: Now) {
        self.next_ms = Some(now.mono_ms);
        self.needed = true;
    }

    /// A reading that is needed is not done with a request.
    pub(super) fn again_if_needed(&mut self, now: Now, cx: &Context) {
        if self.needed {
            let delay_ms = cx.config.backoff.max_ms.max(1);
            self.next_ms = Some(now.after(delay_ms));
        }
    }

    /// The machine slept: the next is due so much sooner.
    pub(super) fn slept(&mut self, by_ms: u64) {
        self.next_ms = self.next_ms.map(|at_ms| at_ms.saturating_sub(by_ms));
    }
}
