//! When the balance is read without anybody's asking: at the start, from time to time as long as
//! somebody looks, as the probe of an outage, and when it is in doubt.

use super::{Engine, Life};
use crate::core::alert::AlertKind;
use crate::core::balance::is_stale;
use crate::core::clock::Now;

impl Engine {
    pub(super) fn first_refresh(&mut self, now: Now) {
        let lost = self.bulletin.goes_on(AlertKind::NetworkLost);
        match self.is_balance_stale(now) || lost {
            false => self.sync_in(now, self.cx.config.sync_every_ms),
            true if self.wire.gate().lets_probes_through(now) => self.read_balance(now),
            true => self.balance_is_due(now),
        }
    }

    /// The browser is online again: whether the server can be reached, its answer tells. Where
    /// nobody looks, that can wait.
    pub(super) fn balance_is_due_when_seen(&mut self, now: Now) {
        if self.visible {
            self.balance_is_due(now);
        }
    }

    fn is_balance_stale(&self, now: Now) -> bool {
        let stale_after_ms = self.cx.config.stale_after_ms;
        let known = self.balance.confirmed();
        known.is_none_or(|known| is_stale(known.as_of_ms, now.wall_ms, stale_after_ms))
    }

    /// When the balance needs attention: a sync, or its turning stale.
    pub(super) fn balance_deadline(&self, now: Now) -> Option<u64> {
        let sync = self
            .next_sync()
            .filter(|_| self.may_ask(now) && !self.refresh.under_way);
        let stale = self.balance.confirmed().and_then(|known| {
            let age_ms = now.wall_ms.checked_sub(known.as_of_ms)?;
            let left_ms = self.cx.config.stale_after_ms.checked_sub(age_ms)?;
            Some(now.after(left_ms.saturating_add(1)))
        });
        [sync, stale].into_iter().flatten().min()
    }

    pub(super) fn probe_if_due(&mut self, now: Now) {
        if self.wire.gate().probe_is_due(now) {
            self.read_balance(now);
        }
    }

    pub(super) fn sync_if_due(&mut self, now: Now) {
        let due = self.next_sync().is_some_and(|at_ms| at_ms <= now.mono_ms);
        if !due || !self.may_ask(now) {
            return;
        }
        let every_ms = self.cx.config.sync_every_ms;
        match self.balance_age_ms(now) {
            // Another tab, or a charge, was first. That tab stays the first as long as it reads.
            Some(age_ms) if !self.refresh.needed && age_ms < every_ms => {
                let behind_ms = every_ms.div_ceil(4);
                self.sync_in(
                    now,
                    every_ms.saturating_sub(age_ms).saturating_add(behind_ms),
                );
            }
            Some(_) | None => self.read_balance(now),
        }
    }

    /// When the next sync is due; none is while nobody looks, unless it is needed.
    fn next_sync(&self) -> Option<u64> {
        let wanted = self.visible || self.refresh.needed;
        self.refresh.next_sync_ms.filter(|_| wanted)
    }

    /// A tenth of jitter keeps clients apart that were opened together.
    pub(super) fn sync_in(&mut self, now: Now, in_ms: u64) {
        let every_ms = self.cx.config.sync_every_ms;
        self.refresh.next_sync_ms = (every_ms > 0).then(|| {
            let jitter_ms = self.cx.jitter.up_to(every_ms.div_ceil(10));
            now.after(in_ms.saturating_add(jitter_ms))
        });
    }

    /// How long ago the server said what is known; `None` where that can't be told.
    fn balance_age_ms(&self, now: Now) -> Option<u64> {
        now.wall_ms.checked_sub(self.balance.confirmed()?.as_of_ms)
    }

    /// The page came into its user's view, or left it.
    pub(super) fn visible(&mut self, now: Now, visible: bool) {
        let comes = visible && !self.visible;
        self.visible = visible;
        let stale = self.cx.config.sync_every_ms > 0 && self.is_balance_stale(now);
        let lost = self.bulletin.goes_on(AlertKind::NetworkLost);
        if comes && (stale || lost) && self.life == Life::Running {
            self.balance_is_due(now);
        }
    }

    /// Reads the balance as soon as that is possible.
    pub(super) fn balance_is_due(&mut self, now: Now) {
        self.refresh.next_sync_ms = Some(now.mono_ms);
        self.refresh.needed = true;
    }
}
