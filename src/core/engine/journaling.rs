//! Orders to the journal, one transaction at a time: what comes meanwhile shares the next one.

use super::journal::{READ_AGAIN_AT_ONCE, Store, Then};
use super::wire::Plan;
use super::{Effect, Engine};
use crate::core::charge::Key;
use crate::core::clock::Now;
use crate::core::journal::{Applied, ApplyAt, Op};
use crate::core::ordered::{Set, set_of};
use crate::core::outcome::OpenReason;
use crate::core::record::{Cause, Conclusion, Record, Verdict};

/// Why an operation is not committed; for people.
pub(super) enum Uncommitted {
    /// The transaction failed, and with it all of its operations.
    Failed(String),
    /// The store can't read the record, and has left it alone.
    Unreadable(String),
}

impl Engine {
    pub(super) fn journal_order(&mut self) -> Option<Effect> {
        let ops = self.writer.begin()?;
        let relaxed = ops.iter().all(Op::may_be_relaxed) || defect!(RelaxesEveryWrite);
        Some(Effect::Journal { ops, relaxed })
    }

    pub(super) fn journaled(&mut self, now: Now, results: Result<Vec<Applied>, String>) {
        let under_way = self.writer.end();
        let mut planned = set_of(under_way.iter().filter_map(|(_, then)| then.plan()));
        let mut changed = Set::new();
        let mut plans = Vec::new();
        let mut signed_out = false;
        match results {
            Ok(results) => {
                self.writer.succeeded();
                self.storage_works(now);
                for ((op, then), applied) in under_way.into_iter().zip(results) {
                    if applied.lost {
                        self.store.lose(op.key());
                    }
                    if let Some(why) = applied.unreadable {
                        // Whoever wrote it may have sent it.
                        self.outbox.update(op.key(), |entry| entry.outdated = true);
                        let error = Uncommitted::Unreadable(why);
                        self.not_committed(now, op, then, &error);
                        continue;
                    }
                    signed_out |= applied.signed_out;
                    if applied.done && !matches!(op, Op::Read { .. }) {
                        changed.insert(op.key().clone(), ());
                    }
                    self.committed(now, &op, then, applied, &mut plans);
                }
            }
            Err(error) => {
                let backoff = Store::backoff(&self.cx);
                self.writer.failed(now, &backoff, &mut self.cx.jitter);
                self.storage_failed(now, &error);
                let error = Uncommitted::Failed(error);
                for (op, then) in under_way {
                    self.not_committed(now, op, then, &error);
                }
            }
        }
        self.announce(changed);
        if signed_out {
            self.leave(now);
        }
        for plan in plans {
            planned.remove(&plan.id);
            self.launch(now, plan);
        }
        for (id, ()) in planned {
            self.leave_slot(id);
        }
        self.let_surplus_go(now);
    }

    /// The last writes of a closed client: nobody here waits for them, but other tabs may.
    pub(super) fn journaled_when_closed(&mut self, results: Result<Vec<Applied>, String>) {
        let under_way = self.writer.end();
        let mut changed = Set::new();
        for ((op, _), applied) in under_way.iter().zip(results.unwrap_or_default()) {
            if applied.done && !matches!(op, Op::Read { .. }) {
                changed.insert(op.key().clone(), ());
            }
        }
        self.announce(changed);
    }

    fn announce(&mut self, changed: Set<Key>) {
        if !changed.is_empty() {
            self.cx.push(Effect::Announce {
                keys: changed.into_iter().map(|(key, ())| key).collect(),
                confirmed: self.balance.confirmed().cloned(),
            });
        }
    }

    fn committed(
        &mut self,
        now: Now,
        op: &Op,
        then: Then,
        applied: Applied,
        plans: &mut Vec<Plan>,
    ) {
        let key = op.key();
        match then {
            Then::Enqueued { call, .. } if applied.signed_out => {
                self.not_enqueued_after_sign_out(now, call, key, applied.record);
            }
            Then::Enqueued { call, plan } => {
                self.enqueued(now, call, key, applied, plan, plans);
            }
            Then::Begun { plan } => {
                if applied.done {
                    self.observe(now, key, applied.record);
                    Plan::collect(plans, plan, key.clone());
                } else {
                    self.set_busy(key, false);
                    let known = |engine: &Engine| Some(engine.outbox.get(key)?.record.clone());
                    let before = known(self);
                    self.observe(now, key, applied.record);
                    if known(self) == before {
                        // Nothing says that it would be done at once the next time.
                        let base_ms = self.cx.config.backoff.base_ms.max(1);
                        self.outbox.delay(key, now.after(base_ms));
                    }
                    self.flush_is_through_with(key);
                    self.progress(now, key);
                }
            }
            Then::Concluded { reading } => {
                self.set_busy(key, false);
                self.observe(now, key, applied.record);
                self.learn(reading, None, now.wall_ms);
                if !(op.concludes_look_up() && self.is_cleared(key)) {
                    self.flush_is_through_with(key);
                }
                self.progress(now, key);
            }
            Then::Observe {
                from_peer,
                confirmed,
            } => {
                if let Some(confirmed) = confirmed {
                    self.balance.learn_cached(confirmed);
                }
                if !from_peer {
                    self.set_busy(key, false);
                }
                self.observe(now, key, applied.record);
                self.progress(now, key);
            }
            Then::GivenUp { call } => {
                self.observe(now, key, applied.record);
                self.given_up(now, call, key, true);
            }
            Then::Wanted { call } => {
                self.calls.waits(call);
                self.observe(now, key, applied.record);
                self.progress(now, key);
            }
            Then::Resaved => {
                self.writer.resaved();
                self.observe(now, key, applied.record);
                self.progress(now, key);
            }
            Then::Sought { call, .. } => {
                self.observe(now, key, applied.record);
                self.sought(now, call, key);
            }
            Then::Refused { error, .. } => self.refused(now, key, applied.record, &error),
        }
    }

    pub(super) fn not_committed(&mut self, now: Now, op: Op, then: Then, error: &Uncommitted) {
        let key = op.key().clone();
        let (error, is_readable) = match error {
            Uncommitted::Failed(error) => (error, true),
            Uncommitted::Unreadable(why) => (why, false),
        };
        if defect!(HidesStorageFailure) {
            self.outbox.update(&key, |entry| entry.saved = true);
        }
        match then {
            Then::Enqueued { call, .. } => self.not_enqueued(now, call, &key, error),
            Then::Begun { .. } => {
                // Not written down, so not sent.
                self.set_busy(&key, false);
                self.outbox
                    .delay(&key, now.after(self.cx.config.backoff.base_ms.max(1)));
                self.flush_is_through_with(&key);
                self.count_try(&key);
                self.progress(now, &key);
            }
            Then::Concluded { reading } => {
                self.apply_unsaved(now, &op);
                self.set_busy(&key, false);
                self.keep_unsaved(now, op);
                self.learn(reading, None, now.wall_ms);
                self.flush_is_through_with(&key);
                self.progress(now, &key);
            }
            Then::Observe {
                from_peer,
                confirmed,
            } => {
                if let Some(confirmed) = confirmed {
                    self.balance.learn_cached(confirmed);
                }
                if !from_peer {
                    self.set_busy(&key, false);
                }
                let outdated = self.outbox.get(&key).is_some_and(|entry| entry.outdated);
                match self.writer.again_at_ms(now) {
                    // Still not known; soon a reading of its own may go well.
                    Some(again_ms) if outdated => {
                        self.reader.doubt();
                        self.reader.look_by(again_ms);
                    }
                    Some(_) | None if is_readable => self.up_to_date(&key),
                    // Whoever can read it may have sent it.
                    Some(_) | None => {}
                }
                self.progress(now, &key);
            }
            Then::GivenUp { call } => self.given_up(now, call, &key, false),
            // It ends as it would have.
            Then::Wanted { call } => {
                self.calls.waits(call);
                self.progress(now, &key);
            }
            Then::Resaved => self.keep_unsaved(now, op),
            Then::Refused { error, unread } if unread < READ_AGAIN_AT_ONCE => {
                let unread = unread.saturating_add(1);
                self.writer.push(op, Then::Refused { error, unread });
            }
            Then::Refused { error, .. } => self.refused_unread(now, &key, &error),
            Then::Sought { call, .. } => self.seek_later(now, call, &key),
        }
    }

    pub(super) fn keep_unsaved(&mut self, now: Now, op: Op) {
        let backoff = Store::backoff(&self.cx);
        self.writer
            .keep_unsaved(op, now, &backoff, &mut self.cx.jitter);
    }

    /// The truth as this tab knows it, though the store did not take it.
    fn apply_unsaved(&mut self, now: Now, op: &Op) {
        let Some(entry) = self.outbox.get(op.key()) else {
            return;
        };
        let taken = matches!(
            op,
            Op::Conclude {
                conclusion: Conclusion::Settled(Verdict::Charged(_)),
                ..
            }
        );
        if !taken && entry.claimed_until_ms() <= now.mono_ms {
            // Another tab may have gone on with it, and only the journal knows.
            let key = op.key().clone();
            return self.told_by_peer(vec![key], None);
        }
        let before = entry.record.clone();
        let applied = op.apply(Some(before.clone()), self.apply_at(now));
        let Some(record) = applied.record else {
            return;
        };
        let ends_untaken = !record.is_held() && record.receipt().is_none();
        let record = match ends_untaken && !defect!(TellsUnwrittenVerdicts) {
            true => self.undecided(now, op, before),
            false => Some(record),
        };
        if let Some(record) = record {
            self.take_record(now, record, false);
        }
    }

    /// A verdict that nothing was taken is in this tab only: who comes later would go on with the
    /// charge, and make it. So it stays open until the verdict has been written down.
    fn undecided(&self, now: Now, op: &Op, record: Record) -> Option<Record> {
        let Op::Conclude { tab, attempt, .. } = op else {
            return None;
        };
        let cause = Cause {
            reason: OpenReason::Timeout,
            detail: self.cx.say(
                "the server's answer could not be stored yet",
                "服务器的应答尚未能写入本地存储",
            ),
        };
        let lost = Conclusion::Lost(cause, 0);
        let next_ms = self.cx.config.backoff.max_ms;
        record.conclude(tab, *attempt, lost, next_ms, now.wall_ms)
    }

    pub(super) fn apply_at(&self, now: Now) -> ApplyAt {
        ApplyAt::new(now.wall_ms, self.tabs.session())
    }
}
