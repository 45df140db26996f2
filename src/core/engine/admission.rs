//! Taking a charge on: by `charge`, and again by `retry`; giving it up by `cancel`.

use super::calls::{Call, Kind, conflict_with};
use super::calls::{is_charged, replayed};
use super::journal::Then;
use super::wire::Plan;
use super::wire::Slot;
use super::{Answer, CallId, Engine, Life};
use crate::core::charge::{Charge, Key};
use crate::core::clock::Now;
use crate::core::config::OfflineSpend;
use crate::core::journal::{Applied, Op};
use crate::core::outcome::{FailureReason, Outcome};
use crate::core::points::Points;
use crate::core::record::{Failure, Purpose, Record, State};

impl Engine {
    pub(super) fn charge(&mut self, now: Now, call: CallId, mut charge: Charge) {
        if self.life != Life::Running {
            return self.resolve(call, Answer::Closed);
        }
        let task = self.tasks.own(&charge.key);
        let task = task.filter(|task| task.covers(&charge));
        let has_place = task.is_some();
        let held = task.map(|task| task.amount);
        charge.held = held.filter(|held| *held != charge.amount);
        if !defect!(HoldsTaskTwice) {
            self.tasks.end(&charge.key);
        }
        let key = charge.key.clone();
        if let Some(entry) = self.outbox.get(&key) {
            let record = &entry.record;
            if !record.charge().is_same_as(&charge) {
                let outcome = Outcome {
                    key,
                    task_id: charge.task_id.clone(),
                    amount: charge.amount,
                    attempts: record.attempts(),
                    what: conflict_with(&self.cx, record.charge()),
                };
                self.cx.log_outcome(now, &charge, &outcome);
                return self.resolve(call, Answer::Outcome(outcome));
            }
            if is_charged(record) && !entry.busy {
                let outcome = replayed(self.outlook(now).of(entry));
                return self.resolve(call, Answer::Outcome(outcome));
            }
        }
        let waiting = Call::new(now, Kind::Charge, key, Some(charge.clone()), &self.cx);
        self.calls.add(call, waiting);
        self.enqueue(now, call, charge, has_place);
    }

    /// Orders a charge to be taken on, and claimed at once where it can leave at once. One of
    /// finished work `has_place` in the queue already.
    pub(super) fn enqueue(&mut self, now: Now, call: CallId, charge: Charge, has_place: bool) {
        let key = charge.key.clone();
        let known = self.outbox.get(&key).cloned();
        if known
            .as_ref()
            .is_some_and(|entry| entry.busy || matches!(entry.record.state(), State::Attempting(_)))
        {
            // Under way already, here or in another tab: this call waits for the same end.
            let ends_untaken = |record: &Record| record.given_up() || record.is_refused();
            if let Some(record) = known.map(|entry| entry.record).filter(ends_untaken) {
                // It is being looked up to be told as cancelled or refused, and is wanted after
                // all. That may have ended before this is written down.
                self.calls.writes(call);
                let op = Op::Enqueue {
                    charge: record.charge().clone(),
                    // Of its own, where the journal has lost it: what it then has is no earlier
                    // state of what is known here.
                    sequence: self.next_sequence(now),
                    admission: Ok(()),
                    claim: None,
                    may_have_left: record.may_have_left() || self.store.may_have_been_sent(&key),
                    may_arrive_for_ms: self.cx.config.unknown_past_ms(),
                };
                self.writer.push(op, Then::Wanted { call });
                self.answer_cancels(now, &key);
            }
            return self.progress(now, &key);
        }
        if known.as_ref().is_some_and(|entry| entry.record.given_up()) {
            self.answer_cancels(now, &key);
        }
        let admission = self.admission(now, &charge, has_place);
        let may_have_left = known
            .as_ref()
            .is_some_and(|entry| entry.record.may_have_left())
            || self.store.may_have_been_sent(&key);
        let leaves = admission.is_ok()
            && !may_have_left
            && self.may_send(now)
            && self.wire.slots().is_free(Slot::Single);
        let mut plan = leaves.then(|| self.wire.plan(now, Purpose::Send, Slot::Single));
        let sequence = self.next_sequence(now);
        let charge = known.map_or(charge, |entry| entry.record.charge().clone());
        let taken_on = admission.is_ok();
        let op = Op::Enqueue {
            charge: charge.clone(),
            sequence,
            admission: admission.clone(),
            claim: plan.as_ref().map(|_| self.cx.claim(now)),
            may_have_left,
            may_arrive_for_ms: self.cx.config.unknown_past_ms(),
        };
        if self.outbox.get(&key).is_none() {
            // Held from this moment, whatever else is charged while it is being written.
            let record = Record::open(charge, sequence);
            let record = match may_have_left {
                true => record.in_doubt(now.wall_ms, self.cx.config.unknown_past_ms()),
                false => record,
            };
            let record = match admission {
                Ok(()) => record,
                Err(failure) => record.turned_down(failure),
            };
            self.outbox.put(record, false, now, self.patience());
            self.outbox
                .update(&key, |entry| entry.own_sequence = sequence);
        }
        match taken_on {
            true => self.set_taken_up(&key),
            // It stays as it is, or fails.
            false => self.set_busy(&key, true),
        }
        self.writer.remember(&key);
        self.writer.retry_unsaved_of(&key);
        if let Some(plan) = plan.take_if(|_| defect!(SendsBeforeWriter)) {
            self.launch(now, plan.carrying(key));
        }
        self.writer.push(op, Then::Enqueued { call, plan });
    }

    pub(super) fn enqueued(
        &mut self,
        now: Now,
        call: CallId,
        key: &Key,
        applied: Applied,
        plan: Option<Plan>,
        plans: &mut Vec<Plan>,
    ) {
        let Some(record) = applied.record else {
            return;
        };
        let claimed = match record.state() {
            State::Attempting(attempting) => attempting.claim().tab == self.cx.tab,
            State::Waiting(_) | State::Parked(_) | State::Settled(_) => false,
        };
        let charged_before = applied.done && is_charged(&record);
        self.take_record(now, record, true);
        self.has_been_read(key);
        match plan {
            Some(plan) if claimed => Plan::collect(plans, plan, key.clone()),
            Some(_) | None => self.set_busy(key, false),
        }
        if charged_before {
            self.answer_replayed(now, key, call);
        }
        self.progress(now, key);
    }

    /// The charge had been made before this call.
    pub(super) fn answer_replayed(&mut self, now: Now, key: &Key, call: CallId) {
        let (Some(entry), Some(waiting)) = (self.outbox.get(key), self.calls.get(call)) else {
            return;
        };
        // The key may be another charge's than the one that is asked for.
        let asked = waiting.charge.as_ref();
        let same = asked.is_none_or(|charge| charge.is_same_as(entry.record.charge()));
        if same && waiting.kind != Kind::Show {
            let outcome = replayed(self.outlook(now).of(entry));
            self.resolve_waiting(call, Answer::Outcome(outcome));
        }
    }

    /// Whether a charge may be taken on now.
    pub(super) fn admission(
        &self,
        now: Now,
        charge: &Charge,
        has_place: bool,
    ) -> Result<(), Failure> {
        let known = self.outbox.get(&charge.key);
        if known.is_some_and(|entry| entry.record.is_held()) {
            return Ok(());
        }
        if !has_place && self.room_for(Some(&charge.key)) == 0 {
            return Err(Failure {
                reason: FailureReason::QueueFull,
                retryable: true,
                detail: self.cx.say(
                    &format!(
                        "{} charges are open already, those of running tasks among them",
                        self.cx.config.max_entries
                    ),
                    &format!(
                        "已有 {} 笔扣费未完成（含运行中的任务）",
                        self.cx.config.max_entries
                    ),
                ),
            });
        }
        self.offline_spend(now, charge.amount)
    }

    /// Whether so many points may be spent now, if the server is out of reach.
    pub(super) fn offline_spend(&self, now: Now, amount: Points) -> Result<(), Failure> {
        if !self.wire.gate().is_out_of_reach() {
            return Ok(());
        }
        let held = self.held().plus(self.outbox.points_of_taken_up());
        let denied = match self.cx.config.offline_spend {
            OfflineSpend::Unlimited => return Ok(()),
            OfflineSpend::Deny => (
                "nothing may be charged while the server can't be reached",
                "无法连接服务器时不允许扣费",
            ),
            OfflineSpend::Points(limit) if held.plus(amount) <= limit => return Ok(()),
            OfflineSpend::Points(_) => (
                "more points than may be charged without the server",
                "超出离线可用的算力",
            ),
            OfflineSpend::WithinBalance => match self.balance.view(held, now, &self.cx) {
                Some(balance) if amount <= balance.available => return Ok(()),
                Some(_) => (
                    "more points than are available, and the server can't be reached",
                    "超出可用算力，且无法连接服务器",
                ),
                None => (
                    "no balance is known, and the server can't be reached",
                    "余额未知，且无法连接服务器",
                ),
            },
        };
        Err(Failure {
            reason: FailureReason::OfflineSpendDenied,
            retryable: true,
            detail: self.cx.say(denied.0, denied.1),
        })
    }

    pub(super) fn next_sequence(&mut self, now: Now) -> u64 {
        // Room for many charges in one millisecond, and still a safe integer for 250 years.
        let at_least = now.wall_ms.saturating_mul(1_000);
        self.last_sequence = self.last_sequence.saturating_add(1).max(at_least);
        self.last_sequence
    }
}
