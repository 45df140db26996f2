//! Holds: waits that the server, or something in front of it, asked for.

use crate::core::backoff::{Backoff, Jitter};
use crate::core::clock::Now;
use crate::core::protocol::RetryAfter;

/// Longest hold of a server, a day, in milliseconds.
pub const LONGEST_HOLD_MS: u64 = 86_400_000;

/// The holds, each with its end.
#[derive(Clone, Debug, Default)]
pub(super) struct Holds {
    /// End of the server's own hold; monotonic.
    own_ms: u64,
    /// End of a hold asked for by something else; monotonic.
    foreign_ms: u64,
    /// Consecutive answers that asked for a wait.
    busy: u32,
}

impl Holds {
    pub(super) fn by_server(
        &mut self,
        asked: Option<RetryAfter>,
        now: Now,
        backoff: &Backoff,
        jitter: &mut Jitter,
    ) {
        let wait_ms = self.wait_ms(asked, backoff, jitter);
        self.until(now.after(wait_ms.min(LONGEST_HOLD_MS)));
    }

    pub(super) fn by_another(
        &mut self,
        asked: Option<RetryAfter>,
        now: Now,
        backoff: &Backoff,
        jitter: &mut Jitter,
    ) {
        let wait_ms = self.wait_ms(asked, backoff, jitter).min(backoff.max_ms);
        self.foreign_ms = self.foreign_ms.max(now.after(wait_ms));
    }

    fn wait_ms(
        &mut self,
        asked: Option<RetryAfter>,
        backoff: &Backoff,
        jitter: &mut Jitter,
    ) -> u64 {
        let usual_ms = backoff.delay_ms(self.busy, jitter);
        self.busy = self.busy.saturating_add(1);
        let Some(asked) = asked.filter(|_| !defect!(IgnoresRetryAfter)) else {
            return usual_ms;
        };
        // No wait, or one that is over, says nothing.
        if asked.certain && asked.wait_ms == 0 {
            return usual_ms;
        }
        let spread_ms = backoff.spread_ms(asked.wait_ms, jitter);
        let wait_ms = asked.wait_ms.saturating_add(spread_ms);
        match asked.certain {
            true => wait_ms,
            // Measured by the user's clock, which may be hours off.
            false => {
                let least_ms = usual_ms.max(backoff.base_ms).min(backoff.max_ms);
                wait_ms.clamp(least_ms, backoff.max_ms)
            }
        }
    }

    pub(super) fn until(&mut self, mono_ms: u64) {
        self.own_ms = self.own_ms.max(mono_ms);
    }

    /// The machine slept for `by_ms`.
    pub(super) fn slept(&mut self, by_ms: u64) {
        self.own_ms = self.own_ms.saturating_sub(by_ms);
        self.foreign_ms = self.foreign_ms.saturating_sub(by_ms);
    }

    pub(super) fn end_at(&self) -> u64 {
        self.own_ms.max(self.foreign_ms)
    }

    /// The server's own answer ends a hold that something else asked for.
    pub(super) fn answered(&mut self) {
        self.busy = 0;
        self.foreign_ms = 0;
    }
}
