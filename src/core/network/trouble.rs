//! Trouble: requests of one way that are lost or rejected while probes are answered.

use super::Way;
use crate::core::backoff::{Backoff, Jitter};
use crate::core::clock::Now;
use crate::core::reason::OpenReason;

/// The trouble of one way, until one of its requests is answered.
#[derive(Clone, Copy, Debug)]
pub(super) struct Trouble {
    /// Whether the token was rejected; otherwise a request was lost.
    pub(super) rejected: bool,
    /// Whether a probe has been accepted since, so that only another request can tell more.
    pub(super) probed: bool,
    /// Consecutive repetitions, after the first.
    failures: u32,
    /// When the next request may leave; monotonic.
    pub(super) next_at_ms: u64,
}

impl Trouble {
    /// The first loss. It closes the gate until the server is known to be alive.
    pub(super) fn lost(now: Now) -> Trouble {
        Trouble {
            rejected: false,
            probed: false,
            failures: 0,
            next_at_ms: now.mono_ms,
        }
    }

    /// A rejection, continuing an earlier one if that is what went before.
    pub(super) fn rejected(
        before: Option<Trouble>,
        now: Now,
        backoff: &Backoff,
        jitter: &mut Jitter,
    ) -> Trouble {
        let failures = before.map_or(0, |before| before.failures.saturating_add(1));
        Trouble {
            rejected: true,
            probed: before.is_some_and(|before| before.probed),
            failures,
            next_at_ms: now.after(backoff.delay_ms(failures, jitter)),
        }
    }

    /// Another loss or rejection.
    pub(super) fn again(&mut self, now: Now, backoff: &Backoff, jitter: &mut Jitter) {
        self.failures = self.failures.saturating_add(1);
        self.next_at_ms = now.after(backoff.delay_ms(self.failures, jitter));
    }

    /// The probe for it was rejected as well.
    pub(super) fn not_probed(&mut self, now: Now, backoff: &Backoff, jitter: &mut Jitter) {
        if self.probe_at().is_some() {
            self.again(now, backoff, jitter);
        }
    }

    pub(super) fn hurry(&mut self, now: Now) {
        self.next_at_ms = self.next_at_ms.min(now.mono_ms);
        self.failures = 0;
    }

    /// The obstacle that this trouble causes.
    pub(super) fn closes(self, now: Now) -> Option<OpenReason> {
        let waits = now.mono_ms < self.next_at_ms;
        match self.rejected {
            true => (waits || !self.probed).then_some(OpenReason::Unauthorized),
            false => waits.then_some(OpenReason::Unreachable),
        }
    }

    /// When a probe is to check whether it persists; monotonic.
    pub(super) fn probe_at(self) -> Option<u64> {
        (self.rejected && !self.probed).then_some(self.next_at_ms)
    }
}

/// The trouble of each way, and of suspect charges.
#[derive(Clone, Debug, Default)]
pub(super) struct Troubles {
    sending: Option<Trouble>,
    look_up: Option<Trouble>,
    /// Charges, in any number, whose requests are lost while the server is alive.
    pub(super) suspects: Option<Trouble>,
}

impl Troubles {
    pub(super) fn of(&self, way: Way) -> Option<Trouble> {
        match way {
            Way::Sending => self.sending,
            Way::LookUp => self.look_up,
        }
    }

    pub(super) fn slot(&mut self, way: Way) -> &mut Option<Trouble> {
        match way {
            Way::Sending => &mut self.sending,
            Way::LookUp => &mut self.look_up,
        }
    }

    /// When a probe is to check whether any persists; monotonic.
    pub(super) fn probe_at(&self) -> Option<u64> {
        let ways = [self.sending, self.look_up].into_iter().flatten();
        ways.filter_map(Trouble::probe_at).min()
    }

    /// When the next delayed request may leave; monotonic.
    pub(super) fn ends_after(&self, now: Now) -> Option<u64> {
        let all = [self.sending, self.look_up, self.suspects];
        let ends = all.into_iter().flatten().map(|trouble| trouble.next_at_ms);
        ends.filter(|at_ms| *at_ms > now.mono_ms).min()
    }

    /// The machine slept for `by_ms`.
    pub(super) fn slept(&mut self, by_ms: u64) {
        let all = [&mut self.sending, &mut self.look_up, &mut self.suspects];
        for trouble in all.into_iter().flatten() {
            trouble.next_at_ms = trouble.next_at_ms.saturating_sub(by_ms);
        }
    }

    pub(super) fn hurry(&mut self, now: Now) {
        let all = [&mut self.sending, &mut self.look_up, &mut self.suspects];
        for trouble in all.into_iter().flatten() {
            trouble.hurry(now);
        }
    }

    /// A probe is lost as well: ends what a single loss has begun, if the server was last alive
    /// before it.
    pub(super) fn blame_outage(&mut self, alive_ms: Option<u64>) {
        for slot in [&mut self.sending, &mut self.look_up] {
            let is_first = slot.is_some_and(|trouble| {
                let since = alive_ms.is_none_or(|alive_ms| alive_ms < trouble.next_at_ms);
                !trouble.rejected && trouble.failures == 0 && since
            });
            if is_first {
                *slot = None;
            }
        }
    }

    /// The token of a probe or of a charge was accepted: the other ways may try.
    pub(super) fn token_is_accepted(&mut self) {
        for slot in [&mut self.sending, &mut self.look_up] {
            match slot {
                Some(trouble) if trouble.rejected && defect!(BalanceEndsPause) => *slot = None,
                Some(trouble) => trouble.probed = true,
                None => {}
            }
        }
    }

    /// A probe's token was rejected, or its acceptance is unknown.
    pub(super) fn not_probed(&mut self, now: Now, backoff: &Backoff, jitter: &mut Jitter) {
        for trouble in [&mut self.sending, &mut self.look_up].into_iter().flatten() {
            trouble.not_probed(now, backoff, jitter);
        }
    }
}
