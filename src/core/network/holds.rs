//! Patience that was asked for: by the server, or by something before it.

use crate::core::backoff::{Backoff, Jitter};
use crate::core::clock::Now;
use crate::core::protocol::RetryAfter;

/// No wait that a server asks for is longer than a day, in milliseconds.
pub const LONGEST_HOLD_MS: u64 = 86_400_000;

/// Until when nothing leaves.
#[derive(Clone, Debug, Default)]
pub(super) struct Holds {
    /// As the server asked; monotonic.
    own_ms: u64,
    /// As something else asked; monotonic.
    foreign_ms: u64,
    /// Answers in a row that asked for patience.
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
        match asked.filter(|_| !defect!(IgnoresRetryAfter)) {
            None => usual_ms,
            // No time at all, or one that is over, says nothing.
            Some(asked) if asked.certain && asked.wait_ms == 0 => usual_ms,
            Some(asked) if asked.certain => asked.wait_ms,
            // Counted from the user's clock, which may be hours off.
            Some(asked) => {
                let least_ms = usual_ms.max(backoff.base_ms).min(backoff.max_ms);
                asked.wait_ms.clamp(least_ms, backoff.max_ms)
            }
        }
    }

    pub(super) fn until(&mut self, mono_ms: u64) {
        self.own_ms = self.own_ms.max(mono_ms);
    }

    /// The machine slept for so long.
    pub(super) fn slept(&mut self, by_ms: u64) {
        self.own_ms = self.own_ms.saturating_sub(by_ms);
        self.foreign_ms = self.foreign_ms.saturating_sub(by_ms);
    }

    pub(super) fn end_at(&self) -> u64 {
        self.own_ms.max(self.foreign_ms)
    }

    /// The server's own word ends what something else has asked for.
    pub(super) fn answered(&mut self) {
        self.busy = 0;
        self.foreign_ms = 0;
    }
}
