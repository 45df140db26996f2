//! Who may leave, and who first, while something is wrong: one request on trial, and what its user
//! insists on.

use super::lanes::Lane;
use super::{Engine, Life};
use crate::core::charge::Key;
use crate::core::clock::Now;
use crate::core::network::Way;
use crate::core::record::Purpose;

impl Purpose {
    /// The way that its requests go.
    pub(super) fn way(self) -> Way {
        match self {
            Purpose::Send => Way::Sending,
            Purpose::LookUp => Way::LookUp,
        }
    }
}

impl Engine {
    /// Whether a request of this way may be claimed now: the journal can be expected to take the
    /// claim. On trial, one goes alone; with a new token to be tried, too.
    pub(super) fn may_begin(&self, now: Now, way: Way) -> bool {
        self.gate.closed_to(way, now).is_none()
            && self.may_claim(now)
            && (!self.gate.is_on_trial(way) || self.is_alone(way))
    }

    /// As [`Engine::may_begin`], of this charge.
    pub(super) fn may_begin_for(&self, now: Now, way: Way, key: &Key) -> bool {
        let held = self.gate.holds_suspects(now) && self.is_suspect(key);
        self.may_begin(now, way) && !held
    }

    /// Whether anything may be claimed, if the gate lets it through.
    fn may_claim(&self, now: Now) -> bool {
        let alone = self.lanes.is_empty() && self.sent.is_empty();
        self.life == Life::Running
            && (!self.auth.is_stale() || alone)
            && now.mono_ms >= self.writer.paused_until_ms()
    }

    /// Whether nothing is under way whose end could be taken for the trial's.
    fn is_alone(&self, way: Way) -> bool {
        let mut ways = self.lanes.values().map(|taken| taken.purpose.way());
        match self.gate.is_trial_of_life() {
            true => ways.next().is_none(),
            false => !ways.any(|taken| taken == way),
        }
    }

    /// The charges that are due, in order; while something is on trial, first those whose end
    /// tells most.
    pub(super) fn due_in_order(&self, now: Now) -> Vec<Key> {
        let mut due = self.outbox.due(now);
        let on_trial = self.gate.is_on_trial(Way::Sending) || self.gate.is_on_trial(Way::LookUp);
        if on_trial {
            due.sort_by_key(|key| self.distrust(key));
        }
        due
    }

    /// On a trial of life, one that is in doubt already goes again, in turn with another one: that
    /// one may be the cause. Else whatever has not been lost while the server lived.
    fn distrust(&self, key: &Key) -> (bool, bool) {
        let lost = self
            .outbox
            .get(key)
            .is_some_and(|entry| entry.lost_at_ms.is_some());
        match self.gate.is_trial_of_life() {
            true => (self.last_trial.as_ref() == Some(key), !lost),
            false => (self.is_suspect(key), false),
        }
    }

    /// Whether a request about this charge was lost although the server lived: the next loss says
    /// little of the others.
    pub(super) fn is_suspect(&self, key: &Key) -> bool {
        let lost_at_ms = self.outbox.get(key).and_then(|entry| entry.lost_at_ms);
        lost_at_ms.is_some_and(|at_ms| self.gate.has_lived_since(at_ms))
            && !defect!(EveryLossClosesGate)
    }

    /// Takes up what its users insist on, whatever asks for patience: once each.
    pub(super) fn take_up_passing(&mut self, now: Now) {
        for key in self.calls.passing() {
            let due = self
                .outbox
                .get(&key)
                .filter(|entry| !entry.busy && entry.due_ms() <= now.mono_ms)
                .filter(|entry| entry.record.is_open());
            let Some(entry) = due else {
                continue;
            };
            let purpose = match self.needs_look_up(&entry.record, now) {
                true => Purpose::LookUp,
                false => Purpose::Send,
            };
            let waits = self.gate.closed_to(purpose.way(), now).is_some();
            let may = self.gate.lets_pass() && self.may_claim(now);
            if waits && may && self.lane_is_free(Lane::Single) {
                self.begin_passing(now, purpose, key);
            }
        }
    }
}
