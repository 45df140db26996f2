//! Taking a charge on: by `charge`, and again by `retry`; giving it up by `cancel`.

use super::answering::{is_charged, replayed};
use super::calls::Kind;
use super::journaling::Then;
use super::sending::{Lane, Plan};
use super::{Answer, CallId, Engine, Life};
use crate::core::charge::{Charge, Key};
use crate::core::clock::Now;
use crate::core::config::OfflineSpend;
use crate::core::journal::{Applied, Op};
use crate::core::outbox::Entry;
use crate::core::outcome::{FailureReason, Outcome};
use crate::core::points::Points;
use crate::core::record::{Failure, Purpose, Record, State};
use crate::core::snapshot::ChargeRecord;

impl Engine {
    pub(super) fn charge(&mut self, now: Now, call: CallId, charge: Charge) {
        if self.life != Life::Running {
            return self.resolve(call, Answer::Closed);
        }
        if !defect!(HoldsTaskTwice) {
            self.tasks.remove(&charge.key);
        }
        let key = charge.key.clone();
        if let Some(entry) = self.outbox.get(&key) {
            let record = &entry.record;
            if !record.charge().is_same_as(&charge) {
                let outcome = Outcome {
                    key,
                    task_id: charge.task_id,
                    amount: charge.amount,
                    attempts: record.attempts(),
                    what: self.conflict_with(record.charge()),
                };
                return self.resolve(call, Answer::Outcome(outcome));
            }
            if is_charged(record) && !entry.busy {
                let outcome = replayed(self.outcome_of(now, entry));
                return self.resolve(call, Answer::Outcome(outcome));
            }
        }
        let waiting = self.call(now, Kind::Charge, key, Some(charge.clone()));
        self.calls.add(call, waiting);
        self.enqueue(now, call, charge);
    }

    pub(super) fn retry(&mut self, now: Now, call: CallId, key: Key) {
        self.gate.hurry(now);
        self.seek(now, call, Kind::Retry, key);
    }

    pub(super) fn cancel(&mut self, now: Now, call: CallId, key: Key) {
        // A look-up may be needed, and harms nothing.
        self.gate.hurry(now);
        self.seek(now, call, Kind::Cancel, key);
    }

    pub(super) fn wait_settled(&mut self, now: Now, call: CallId, key: Key) {
        self.seek(now, call, Kind::Settled, key);
    }

    pub(super) fn show(&mut self, call: CallId, key: Key) {
        let waiting = self.call(Now::default(), Kind::Show, key.clone(), None);
        self.calls.add(call, waiting);
        self.journaling
            .push(Op::Read { key }, Then::Sought { call });
    }

    /// Takes up a call about a charge that should be there, in memory or in the journal.
    fn seek(&mut self, now: Now, call: CallId, kind: Kind, key: Key) {
        let waiting = self.call(now, kind, key.clone(), None);
        self.calls.add(call, waiting);
        // What failed here may have been charged by another tab since.
        let may_be_old = |entry: &Entry| {
            entry.saved && !entry.busy && !entry.record.is_open() && !is_charged(&entry.record)
        };
        match self.outbox.get(&key) {
            Some(entry) if !may_be_old(entry) => self.found(now, call, kind, &key),
            Some(_) | None => {
                self.calls.set_seeking(call, true);
                self.journaling
                    .push(Op::Read { key }, Then::Sought { call });
            }
        }
    }

    pub(super) fn sought(&mut self, now: Now, call: CallId, key: &Key, record: Option<Record>) {
        let Some(kind) = self.calls.get(call).map(|call| call.kind) else {
            return;
        };
        self.calls.set_seeking(call, false);
        // What could not be stored is known here only.
        let unsaved = self.outbox.get(key).is_some_and(|entry| !entry.saved);
        if !unsaved {
            self.observe(now, key, record);
        }
        if kind == Kind::Show {
            let (durable, locale) = (self.durable(), self.config.locale);
            let entry = self.outbox.get(key);
            let shown =
                entry.map(|entry| ChargeRecord::of(&entry.record, durable && entry.saved, locale));
            return self.resolve_waiting(call, Answer::Record(shown));
        }
        match self.outbox.get(key) {
            Some(_) => self.found(now, call, kind, key),
            None => self.resolve(call, Answer::NotFound),
        }
    }

    fn found(&mut self, now: Now, call: CallId, kind: Kind, key: &Key) {
        let Some(entry) = self.outbox.get(key).cloned() else {
            return;
        };
        let again = kind == Kind::Retry && self.life == Life::Running;
        if again && !is_charged(&entry.record) {
            self.enqueue(now, call, entry.record.charge().clone());
        } else if kind == Kind::Retry && is_charged(&entry.record) && !entry.busy {
            let outcome = replayed(self.outcome_of(now, &entry));
            self.resolve(call, Answer::Outcome(outcome));
        } else {
            if kind == Kind::Cancel && entry.record.given_up() {
                self.outbox.hurry(key, now);
            }
            self.progress(now, key);
        }
    }

    /// Orders a charge to be taken on, and claimed at once where it can leave at once.
    fn enqueue(&mut self, now: Now, call: CallId, charge: Charge) {
        let key = charge.key.clone();
        let known = self.outbox.get(&key).cloned();
        if known
            .as_ref()
            .is_some_and(|entry| entry.busy || matches!(entry.record.state(), State::Attempting(_)))
        {
            // Under way already, here or in another tab: this call waits for the same end.
            return self.progress(now, &key);
        }
        let admission = self.admission(now, &charge);
        let look_up_first = known
            .as_ref()
            .is_some_and(|entry| entry.record.attempts() > 0);
        let leaves = admission.is_ok()
            && !look_up_first
            && self.may_send(now)
            && self.lane_is_free(Lane::Single);
        let mut plan = leaves.then(|| self.plan(Purpose::Send, Lane::Single));
        let sequence = self.next_sequence(now);
        let charge = known.map_or(charge, |entry| entry.record.charge().clone());
        let op = Op::Enqueue {
            charge: charge.clone(),
            sequence,
            admission: admission.clone(),
            claim: plan.as_ref().map(|_| self.claim(now)),
        };
        if self.outbox.get(&key).is_none() {
            // Held from this moment, whatever else is charged while it is being written.
            let record = match admission {
                Ok(()) => Record::open(charge, sequence),
                Err(failure) => Record::refused(charge, sequence, failure),
            };
            self.outbox.put(record, false, now, self.patience());
        }
        self.set_busy(&key, true);
        self.journaling.retry_unsaved_of(&key);
        if let Some(plan) = plan.take_if(|_| defect!(SendsBeforeJournaling)) {
            self.launch(now, plan.carrying(key));
        }
        self.journaling.push(op, Then::Enqueued { call, plan });
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
            State::Attempting(attempting) => attempting.claim().tab == self.tab,
            State::Waiting(_) | State::Parked(_) | State::Settled(_) => false,
        };
        let charged_before = applied.done && is_charged(&record);
        self.take_record(now, record, true);
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
    fn answer_replayed(&mut self, now: Now, key: &Key, call: CallId) {
        if let Some(entry) = self.outbox.get(key) {
            let outcome = replayed(self.outcome_of(now, entry));
            self.resolve_waiting(call, Answer::Outcome(outcome));
        }
    }

    pub(super) fn not_enqueued(&mut self, now: Now, call: CallId, key: &Key, error: &str) {
        self.set_busy(key, false);
        let Some(entry) = self.outbox.get(key).cloned() else {
            return self.resolve_waiting(call, Answer::NotFound);
        };
        let record = entry.record;
        if !entry.saved {
            // Another tab may have charged it, which reading can tell though writing fails.
            self.set_busy(key, true);
            let then = Then::Refused {
                error: error.to_owned(),
            };
            let key = key.clone();
            return self.journaling.push(Op::Read { key }, then);
        } else if !record.is_held() {
            let what = self.storage_failure(error).into();
            let outcome = Outcome::about(&record, what);
            self.resolve_waiting(call, Answer::Outcome(outcome));
        } else {
            self.answer_so_far(now, call);
        }
        self.progress(now, key);
    }

    /// The charge could not be written down, and this is what the journal has of it.
    pub(super) fn refused(&mut self, now: Now, key: &Key, found: Option<Record>, error: &str) {
        self.set_busy(key, false);
        let Some(entry) = self.outbox.get(key).filter(|entry| !entry.saved) else {
            return;
        };
        let known = entry.record.clone();
        match found {
            Some(found) => {
                let charged = is_charged(&found);
                self.outbox.remove(key);
                self.take_record(now, found, true);
                for call in self.calls.at(key) {
                    if charged {
                        self.answer_replayed(now, key, call);
                    }
                }
            }
            None => {
                let failure = self.storage_failure(error);
                let refused = Record::refused(known.charge().clone(), known.sequence(), failure);
                self.take_record(now, refused, false);
            }
        }
        self.progress(now, key);
    }

    /// Whether a charge may be taken on now.
    pub(super) fn admission(&self, now: Now, charge: &Charge) -> Result<(), Failure> {
        let known = self.outbox.get(&charge.key);
        if known.is_some_and(|entry| entry.record.is_held()) {
            return Ok(());
        }
        if self.outbox.open() >= self.config.max_entries {
            return Err(Failure {
                reason: FailureReason::QueueFull,
                retryable: true,
                detail: self.say(
                    &format!("{} charges are open already", self.config.max_entries),
                    &format!("已有 {} 笔扣费未完成", self.config.max_entries),
                ),
            });
        }
        self.offline_spend(now, charge.amount)
    }

    /// Whether so many points may be spent now, if the server is out of reach.
    pub(super) fn offline_spend(&self, now: Now, amount: Points) -> Result<(), Failure> {
        if !self.gate.is_out_of_reach() {
            return Ok(());
        }
        let held = self.held();
        let denied = match self.config.offline_spend {
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
            OfflineSpend::WithinBalance => {
                let stale_after_ms = self.config.stale_after_ms;
                match self.balance.view(held, now.wall_ms, stale_after_ms) {
                    Some(balance) if amount <= balance.available => return Ok(()),
                    Some(_) => (
                        "more points than are available, and the server can't be reached",
                        "超出可用算力，且无法连接服务器",
                    ),
                    None => (
                        "no balance is known, and the server can't be reached",
                        "余额未知，且无法连接服务器",
                    ),
                }
            }
        };
        Err(Failure {
            reason: FailureReason::OfflineSpendDenied,
            retryable: true,
            detail: self.say(denied.0, denied.1),
        })
    }

    fn next_sequence(&mut self, now: Now) -> u64 {
        // Room for many charges in one millisecond, and still a safe integer for 250 years.
        let at_least = now.wall_ms.saturating_mul(1_000);
        self.last_sequence = self.last_sequence.saturating_add(1).max(at_least);
        self.last_sequence
    }

    /// Goes on with giving a charge up: it is written down that it is, and then looked up until
    /// it is known what became of it.
    pub(super) fn progress_cancel(&mut self, now: Now, key: &Key, entry: &Entry) {
        let settled = matches!(entry.record.state(), State::Settled(_));
        if settled || entry.record.given_up() || !entry.saved {
            return;
        }
        for id in self.calls.at(key) {
            let Some(call) = self.calls.get(id).filter(|call| call.kind == Kind::Cancel) else {
                continue;
            };
            if self.life != Life::Running || call.tries >= self.config.max_attempts {
                self.answer_so_far(now, id);
            } else if !call.ordered {
                self.calls.set_ordered(id, true);
                let op = Op::Cancel {
                    key: key.clone(),
                    detail: self.say("given up; nothing was taken", "已取消，没有扣费"),
                };
                self.journaling.push(op, Then::GivenUp { call: id });
            }
        }
    }

    /// It is written down that this call gave its charge up, or could not be.
    pub(super) fn given_up(&mut self, now: Now, call: CallId, key: &Key, committed: bool) {
        self.calls.set_ordered(call, false);
        if committed {
            self.outbox.hurry(key, now);
        } else {
            self.count_try(key);
        }
        self.progress(now, key);
    }

    /// Takes up again once, by itself, what failed but may yet succeed now that the server can
    /// be reached.
    pub(super) fn take_up_failed(&mut self) {
        let mut again = Vec::new();
        let room = self.config.max_entries.saturating_sub(self.outbox.open());
        for entry in self.outbox.iter() {
            let fits = again.len() < room;
            if fits && entry.record.is_retryable() && !entry.busy && !entry.retaken {
                again.push(entry.record.charge().key.clone());
            }
        }
        for key in again {
            self.outbox.update(&key, |entry| entry.retaken = true);
            self.reopen(key);
        }
    }

    pub(super) fn reopen(&mut self, key: Key) {
        self.set_busy(&key, true);
        let then = Then::Observe {
            from_peer: false,
            confirmed: None,
        };
        let saved = self.outbox.get(&key).filter(|entry| !entry.saved);
        let op = match saved {
            // Never stored: it is taken on anew.
            Some(entry) => Op::Enqueue {
                charge: entry.record.charge().clone(),
                sequence: entry.record.sequence(),
                admission: Ok(()),
                claim: None,
            },
            None => Op::Reopen { key: key.clone() },
        };
        self.journaling.retry_unsaved_of(&key);
        self.journaling.push(op, then);
    }
}
