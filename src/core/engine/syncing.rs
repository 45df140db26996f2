//! When the balance is read without anybody's asking: at the start, from time to time as long as
//! somebody looks, as the probe of an outage, and when it is in doubt.

use super::{Engine, Life};
use crate::core::alert::AlertKind;
use crate::core::clock::Now;

impl Engine {
    pub(super) fn first_refresh(&mut self, now: Now) {
        let lost = self.bulletin.goes_on(AlertKind::NetworkLost);
        match self.balance.is_stale(now, &self.cx) || lost {
            false => self.balance.put_sync_off(now, &mut self.cx),
            true if self.wire.gate().lets_probes_through(now) => self.read_balance(now),
            true => self.balance.need(now),
        }
    }

    pub(super) fn probe_if_due(&mut self, now: Now) {
        if self.wire.gate().probe_is_due(now) {
            self.read_balance(now);
        }
    }

    pub(super) fn sync_if_due(&mut self, now: Now) {
        let due = self.balance.is_due(now) && self.may_ask(now);
        if due && self.balance.is_wanted(now, &mut self.cx) {
            self.read_balance(now);
        }
    }

    /// The page came into its user's view, or left it.
    pub(super) fn visible(&mut self, now: Now, visible: bool) {
        let comes = self.balance.see(visible);
        let stale = self.cx.config.sync_every_ms > 0 && self.balance.is_stale(now, &self.cx);
        let lost = self.bulletin.goes_on(AlertKind::NetworkLost);
        if comes && (stale || lost) && self.life == Life::Running {
            self.balance.need(now);
        }
    }
}
