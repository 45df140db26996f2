//! What leaves, and when: the attempts that are due, foreground first.

use super::journal::Then;
use super::lanes::{Lane, Taken};
use super::sent::{Sent, SentWhat};
use super::{Effect, Engine, Life, SendId};
use crate::core::charge::{Charge, Key};
use crate::core::clock::{CLOCK_SLACK_MS, Now};
use crate::core::config::LAUNCH_WITHIN_MS;
use crate::core::journal::Op;
use crate::core::log::Level;
use crate::core::network::Way;
use crate::core::ordered::set_of;
use crate::core::outcome::OpenReason;
use crate::core::protocol::{Request, Spelling};
use crate::core::record::{Purpose, Record, State};

/// One request to be, and the charges that it will carry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Plan {
    pub(super) purpose: Purpose,
    pub(super) id: SendId,
    pub(super) keys: Vec<Key>,
    /// When its claims were made; monotonic.
    pub(super) since_ms: u64,
    /// Its user insists on it, whatever hold there is.
    pub(super) passes: bool,
}

impl Plan {
    /// Adds `key` to the plan of this id in `plans`.
    pub(super) fn collect(plans: &mut Vec<Plan>, plan: Plan, key: Key) {
        match plans.iter_mut().find(|known| known.id == plan.id) {
            Some(known) => known.keys.push(key),
            None => plans.push(plan.carrying(key)),
        }
    }

    pub(super) fn carrying(self, key: Key) -> Plan {
        Plan {
            keys: vec![key],
            ..self
        }
    }
}

impl Engine {
    /// Whether a charge request may leave now.
    pub(super) fn may_send(&self, now: Now) -> bool {
        self.may_begin(now, Way::Sending)
    }

    /// Whether the balance may be asked for now. With a new token to be tried, one goes alone.
    pub(super) fn may_ask(&self, now: Now) -> bool {
        let alone = self.lanes.is_empty() && self.sent.is_empty();
        self.life == Life::Running
            && self.gate.closed_for(now).is_none()
            && (!self.auth.is_stale() || alone)
    }

    /// Takes up the open charges that are due.
    pub(super) fn take_up_due(&mut self, now: Now) {
        self.take_up_passing(now);
        let mut crowd = Vec::new();
        let mut background = Vec::new();
        let mut look_ups = Vec::new();
        if self.gate.closed_to(Way::LookUp, now).is_some() && !self.may_send(now) {
            return;
        }
        for key in self.due_in_order(now) {
            let Some(entry) = self.outbox.get(&key).filter(|entry| !entry.busy) else {
                continue;
            };
            let record = &entry.record;
            if self.needs_look_up(record, now) {
                if !self.may_begin_for(now, Way::LookUp, &key) {
                    continue;
                }
                let waited_for = !self.calls.at(&key).is_empty();
                if !waited_for && self.taken(Lane::LookUp) > 0 {
                    // One has its turn in any case, and the others when nobody waits.
                    look_ups.push(key);
                } else if self.lane_is_free(Lane::Single) {
                    let lane = if waited_for {
                        Lane::Single
                    } else {
                        Lane::LookUp
                    };
                    self.begin(now, Purpose::LookUp, lane, vec![key]);
                }
                continue;
            }
            if !self.may_begin_for(now, Way::Sending, &key) {
                continue;
            }
            if self.calls.wants_sent(&key) {
                if self.lane_is_free(Lane::Single) {
                    self.begin(now, Purpose::Send, Lane::Single, vec![key]);
                } else if !entry.alone {
                    crowd.push(key);
                }
            } else {
                background.push(key);
            }
        }
        crowd.truncate(self.batch_size());
        if crowd.len() > 1 && self.may_send(now) && self.lane_is_free(Lane::Crowd) {
            self.begin(now, Purpose::Send, Lane::Crowd, crowd);
        }
        self.flush_due(background);
        for key in look_ups {
            // A lane stays free for whoever comes to wait.
            if !self.may_begin(now, Way::LookUp) || self.free_lanes() <= 1 {
                return;
            }
            self.begin(now, Purpose::LookUp, Lane::LookUp, vec![key]);
        }
    }

    /// Whether the server must be asked what it knows of this key before it is sent again: the
    /// key may have been forgotten, the attempts are used up, or only a look-up can tell whether
    /// it is to be sent at all.
    pub(super) fn needs_look_up(&self, record: &Record, now: Now) -> bool {
        let cleared = match record.state() {
            State::Waiting(waiting) => waiting.cleared(),
            State::Attempting(attempting) => attempting.stays_cleared(),
            State::Parked(_) | State::Settled(_) => return false,
        };
        let left = record.may_have_left() || !self.store.is_durable();
        let may_be_taken = left && !cleared;
        let due = self.key_expired(record, now) || self.is_exhausted(record);
        record.is_only_looked_up() || (may_be_taken && due)
    }

    /// Whether the server may have forgotten the key by the end of a request that is claimed now.
    /// Where the clock was set back that can't be told, and asking harms nothing.
    pub(super) fn key_expired(&self, record: &Record, now: Now) -> bool {
        let wall_ms = match defect!(IgnoresClockSetBack) {
            true => now.wall_ms,
            false => self.clocks.latest_wall_ms(now),
        };
        let margin_ms = match defect!(KeyTimeHasNoMargin) {
            true => 0,
            false => self.cx.config.claim_ms().saturating_add(CLOCK_SLACK_MS),
        };
        let ends = |age_ms: u64| age_ms.saturating_add(margin_ms) > self.cx.config.key_ttl_ms;
        record.age_ms(wall_ms).is_none_or(ends) && !defect!(SendsExpiredKey)
    }

    pub(super) fn is_exhausted(&self, record: &Record) -> bool {
        record.spent() >= self.cx.config.max_total_attempts
    }

    /// The tabs that live now, as far as can be known.
    pub(super) fn learn_alive(&mut self, now: Now, alive: Vec<String>) {
        self.alive = set_of(alive);
        self.judge_claims(now);
        self.end_tasks_of_the_dead(now);
    }

    /// What a dead tab has claimed need not wait for its claim to run out.
    pub(super) fn judge_claims(&mut self, now: Now) {
        // A tab that came later is in no list of the dead, though it is in none of the living.
        self.dead.clear();
        if self.alive.is_empty() {
            return;
        }
        let claims = self.outbox.iter().filter_map(|entry| {
            let tab = &entry.record.claim()?.tab;
            let dead = *tab != self.cx.tab && !self.alive.contains_key(tab);
            dead.then(|| (entry.record.charge().key.clone(), tab.clone()))
        });
        let claims: Vec<(Key, String)> = claims.collect();
        for (key, tab) in claims {
            self.dead.insert(tab, ());
            self.outbox.hurry(&key, now);
        }
    }

    /// The tab that has claimed this charge, if it is known to be dead.
    fn dead_claimant(&self, key: &Key) -> Option<String> {
        let tab = &self.outbox.get(key)?.record.claim()?.tab;
        self.dead.contains_key(tab).then(|| tab.clone())
    }

    /// Claims `keys` in the journal, to send them together.
    pub(super) fn begin(&mut self, now: Now, purpose: Purpose, lane: Lane, keys: Vec<Key>) {
        let plan = self.plan(now, purpose, lane);
        self.begin_as(now, &plan, keys);
    }

    /// As [`Engine::begin`], for a user who insists.
    pub(super) fn begin_passing(&mut self, now: Now, purpose: Purpose, key: Key) {
        let plan = Plan {
            passes: true,
            ..self.plan(now, purpose, Lane::Single)
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
                over: self.dead_claimant(&key),
                seen: self.outbox.get(&key).map(|entry| entry.record.revision()),
                key,
                purpose,
                claim: self.cx.claim(now),
            };
            self.writer.push(op, Then::Begun { plan: plan.clone() });
        }
    }

    /// A plan that takes its lane from now on.
    pub(super) fn plan(&mut self, now: Now, purpose: Purpose, lane: Lane) -> Plan {
        let id = self.next_send();
        self.lanes.insert(id, Taken { lane, purpose });
        Plan {
            purpose,
            id,
            keys: Vec::new(),
            since_ms: now.mono_ms,
            passes: false,
        }
    }

    pub(super) fn next_send(&mut self) -> SendId {
        self.last_send = self.last_send.saturating_add(1);
        self.last_send
    }

    /// Sends what was claimed for one plan, unless the gate has closed since, or its claims may
    /// not last as long as the request.
    pub(super) fn launch(&mut self, now: Now, plan: Plan) {
        if let Some(reason) = self.may_not_launch(now, &plan) {
            for key in plan.keys {
                self.conclude_not_sent(now, &key, reason);
            }
            return self.leave_lane(plan.id);
        }
        let charges: Vec<Charge> = plan
            .keys
            .iter()
            .filter_map(|key| self.outbox.get(key))
            .map(|entry| entry.record.charge().clone())
            .collect();
        let what = match (plan.purpose, charges.as_slice()) {
            (_, []) => return self.leave_lane(plan.id),
            (Purpose::LookUp, [charge, ..]) => SentWhat::LookUp {
                charge: charge.clone(),
                spelling: Spelling::Own,
            },
            (Purpose::Send, [charge]) => SentWhat::Charge {
                charge: charge.clone(),
            },
            (Purpose::Send, _) => SentWhat::Batch { charges },
        };
        if self.gate.is_trial_of_life() {
            self.last_trial = plan.keys.first().cloned();
        }
        for key in &plan.keys {
            self.calls.has_its_try(key);
            self.outbox
                .update(key, |entry| entry.left_at_ms = now.mono_ms);
        }
        self.send(now, plan.id, what);
    }

    fn may_not_launch(&self, now: Now, plan: &Plan) -> Option<OpenReason> {
        if self.life != Life::Running || self.waits_for_token() {
            return Some(OpenReason::Unauthorized);
        }
        // Nor does what is within its claim outlive its key, which was looked at for as long as
        // the claim lasts.
        let needed_until_ms = now.wall_after(self.cx.config.under_way_ms());
        let claims = plan.keys.iter().filter_map(|key| {
            let entry = self.outbox.get(key)?;
            entry.record.claim().map(|claim| claim.until_ms)
        });
        let too_late = now.mono_ms.saturating_sub(plan.since_ms) > LAUNCH_WITHIN_MS;
        if too_late
            || claims
                .min()
                .is_some_and(|until_ms| until_ms < needed_until_ms)
        {
            return Some(OpenReason::Timeout);
        }
        match plan.passes && self.gate.lets_pass() {
            true => None,
            false => self.gate.closed_to(plan.purpose.way(), now),
        }
    }

    /// Whether a new token was asked for, and nobody knows yet whether it is accepted.
    pub(super) fn waits_for_token(&self) -> bool {
        self.auth.is_stale() && !self.sent.is_empty()
    }

    pub(super) fn send(&mut self, now: Now, send: SendId, what: SentWhat) {
        let request = match &what {
            SentWhat::Charge { charge } => Request::charge(charge),
            SentWhat::Batch { charges } => Request::batch(charges.iter()),
            SentWhat::LookUp { charge, spelling } => Request::look_up(&charge.key, *spelling),
            SentWhat::Balance { etag } => Request::balance(etag.as_deref(), &self.nonce(send)),
        };
        let request = request.on_behalf_of(&self.cx.account);
        #[cfg(feature = "defects")]
        let request = crate::core::defects::request(request, &self.cx.tab, send);
        match &what {
            SentWhat::Charge { .. } => self.stats.attempted(1),
            SentWhat::Batch { charges } => self.stats.attempted(charges.len()),
            SentWhat::LookUp { .. } | SentWhat::Balance { .. } => {}
        }
        self.cx.log(now, Level::Debug, request.to_string());
        let refreshed = self.auth.is_stale();
        let epoch = self.auth.epoch;
        let confirmed = self.balance.confirmed();
        self.sent.insert(
            send,
            Sent {
                what,
                epoch,
                refreshed,
                left_at_ms: now.mono_ms,
                on_trial: self.gate.is_trial_of_life(),
                known: confirmed.map(|known| known.version),
            },
        );
        self.cx.push(Effect::Send {
            send,
            request,
            refresh_token: refreshed,
            time_limit_ms: self.cx.config.request_timeout_ms,
        });
    }

    /// What only this request's query says: the tab's name is its alone, among all starts too.
    fn nonce(&self, send: SendId) -> String {
        format!("{}.{send}", self.cx.tab)
    }
}
