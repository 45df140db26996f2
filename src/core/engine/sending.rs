//! What leaves, and when: the attempts that are due, foreground first.

use super::journal::Then;
use super::wire::SentWhat;
use super::wire::{Plan, Slot};
use super::{Engine, Life, SendId};
use crate::core::charge::{Charge, Key};
use crate::core::clock::Now;
use crate::core::journal::Op;
use crate::core::network::Way;
use crate::core::outcome::OpenReason;
use crate::core::protocol::Spelling;
use crate::core::record::Purpose;

impl Engine {
    /// Whether a charge request may leave now.
    pub(super) fn may_send(&self, now: Now) -> bool {
        self.may_begin(now, Way::Sending)
    }

    /// Whether the balance may be asked for now.
    pub(super) fn may_ask(&self, now: Now) -> bool {
        self.life == Life::Running && self.wire.may_ask(now)
    }

    /// Whether a request of this way may be claimed now: the journal can be expected to take the
    /// claim.
    pub(super) fn may_begin(&self, now: Now, way: Way) -> bool {
        self.may_claim(now) && self.wire.may_begin(now, way)
    }

    /// As [`Engine::may_begin`], of this charge.
    pub(super) fn may_begin_for(&self, now: Now, way: Way, key: &Key) -> bool {
        self.may_claim(now) && self.wire.may_begin_for(now, way, key, &self.outbox)
    }

    /// Whether anything may be claimed, if the gate lets it through.
    fn may_claim(&self, now: Now) -> bool {
        self.life == Life::Running && now.mono_ms >= self.writer.paused_until_ms()
    }

    /// Takes up the open charges that are due.
    pub(super) fn take_up_due(&mut self, now: Now) {
        self.take_up_passing(now);
        let mut crowd = Vec::new();
        let mut background = Vec::new();
        let mut look_ups = Vec::new();
        if self.wire.gate().closed_to(Way::LookUp, now).is_some() && !self.may_send(now) {
            return;
        }
        for key in self.wire.due_in_order(now, &self.outbox) {
            let Some(entry) = self.outbox.get(&key).filter(|entry| !entry.busy) else {
                continue;
            };
            let record = &entry.record;
            if self.outlook(now).needs_look_up(record) {
                if !self.may_begin_for(now, Way::LookUp, &key) {
                    continue;
                }
                let waited_for = !self.calls.at(&key).is_empty();
                if !waited_for && self.wire.slots().taken(Slot::LookUp) > 0 {
                    // One has its turn in any case, and the others when nobody waits.
                    look_ups.push(key);
                } else if self.wire.slots().is_free(Slot::Single) {
                    let slot = if waited_for {
                        Slot::Single
                    } else {
                        Slot::LookUp
                    };
                    self.begin(now, Purpose::LookUp, slot, vec![key]);
                }
                continue;
            }
            if !self.may_begin_for(now, Way::Sending, &key) {
                continue;
            }
            if self.calls.wants_sent(&key) {
                if self.wire.slots().is_free(Slot::Single) {
                    self.begin(now, Purpose::Send, Slot::Single, vec![key]);
                } else if !entry.alone {
                    crowd.push(key);
                }
            } else {
                background.push(key);
            }
        }
        crowd.truncate(self.wire.batch_size(&self.cx));
        if crowd.len() > 1 && self.may_send(now) && self.wire.slots().is_free(Slot::Crowd) {
            self.begin(now, Purpose::Send, Slot::Crowd, crowd);
        }
        if !background.is_empty() {
            self.flush.add(background, None);
        }
        for key in look_ups {
            // A lane stays free for whoever comes to wait.
            if !self.may_begin(now, Way::LookUp) || self.wire.slots().free_singles() <= 1 {
                return;
            }
            self.begin(now, Purpose::LookUp, Slot::LookUp, vec![key]);
        }
    }

    /// The tabs that live now, as far as can be known.
    pub(super) fn learn_alive(&mut self, now: Now, alive: Vec<String>) {
        self.tabs.learn_alive(alive);
        self.judge_claims(now);
        self.end_tasks_of_the_dead(now);
    }

    /// What a dead tab has claimed need not wait for its claim to run out.
    pub(super) fn judge_claims(&mut self, now: Now) {
        for key in self.tabs.claims_of_dead(&self.outbox) {
            self.outbox.hurry(&key, now);
        }
    }

    /// Claims `keys` in the journal, to send them together.
    pub(super) fn begin(&mut self, now: Now, purpose: Purpose, slot: Slot, keys: Vec<Key>) {
        let plan = self.wire.plan(now, purpose, slot);
        self.begin_as(now, &plan, keys);
    }

    /// As [`Engine::begin`], for a user who insists.
    pub(super) fn begin_passing(&mut self, now: Now, purpose: Purpose, key: Key) {
        let plan = Plan {
            passes: true,
            ..self.wire.plan(now, purpose, Slot::Single)
        };
        self.begin_as(now, &plan, vec![key]);
    }

    fn begin_as(&mut self, now: Now, plan: &Plan, keys: Vec<Key>) {
        let purpose = plan.purpose;
        for key in keys {
            self.set_busy(&key, true);
            // What is known of it here counts only when it is written down.
            self.writer.retry_unsaved_of(&key);
            let op = Op::Begin {
                over: self.tabs.dead_claimant(&key, &self.outbox),
                seen: self.outbox.get(&key).map(|entry| entry.record.revision()),
                key,
                purpose,
                claim: self.cx.claim(now),
            };
            self.writer.push(op, Then::Begun { plan: plan.clone() });
        }
    }

    /// Sends what was claimed for one plan, unless the gate has closed since, or its claims may
    /// not last as long as the request.
    pub(super) fn launch(&mut self, now: Now, plan: Plan) {
        if let Some(reason) = self.may_not_launch(now, &plan) {
            for key in plan.keys {
                self.conclude_not_sent(now, &key, reason);
            }
            return self.leave_slot(plan.id);
        }
        let charges: Vec<Charge> = plan
            .keys
            .iter()
            .filter_map(|key| self.outbox.get(key))
            .map(|entry| entry.record.charge().clone())
            .collect();
        let what = match (plan.purpose, charges.as_slice()) {
            (_, []) => return self.leave_slot(plan.id),
            (Purpose::LookUp, [charge, ..]) => SentWhat::LookUp {
                charge: charge.clone(),
                spelling: Spelling::Own,
            },
            (Purpose::Send, [charge]) => SentWhat::Charge {
                charge: charge.clone(),
            },
            (Purpose::Send, _) => SentWhat::Batch { charges },
        };
        self.wire.launches(&plan);
        for key in &plan.keys {
            self.calls.has_its_try(key);
            self.outbox
                .update(key, |entry| entry.left_at_ms = now.mono_ms);
        }
        self.send(now, plan.id, what);
    }

    fn may_not_launch(&self, now: Now, plan: &Plan) -> Option<OpenReason> {
        match self.life {
            Life::Running => self.wire.may_not_launch(now, plan, &self.outbox, &self.cx),
            Life::Recovering | Life::SignedOut | Life::Closed => Some(OpenReason::Unauthorized),
        }
    }

    pub(super) fn send(&mut self, now: Now, send: SendId, what: SentWhat) {
        match &what {
            SentWhat::Charge { .. } => self.stats.attempted(1),
            SentWhat::Batch { charges } => self.stats.attempted(charges.len()),
            SentWhat::LookUp { .. } | SentWhat::Balance { .. } => {}
        }
        let known = self.balance.confirmed().map(|known| known.version);
        self.wire.send(now, send, what, known, &mut self.cx);
    }

    /// Whatever this plan or request was for has come to an end.
    pub(super) fn leave_slot(&mut self, id: SendId) {
        if self.wire.leave_slot(id) == Some(Slot::Flush) {
            self.flush_step_ended();
        }
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
            let purpose = match self.outlook(now).needs_look_up(&entry.record) {
                true => Purpose::LookUp,
                false => Purpose::Send,
            };
            let waits = self.wire.gate().closed_to(purpose.way(), now).is_some();
            let may = self.wire.gate().lets_pass() && self.may_claim(now);
            if waits && may && self.wire.slots().is_free(Slot::Single) {
                self.begin_passing(now, purpose, key);
            }
        }
    }
}
