//! Orders to the journal, one transaction at a time: what comes meanwhile shares the next one.

use super::sending::Plan;
use super::{CallId, Effect, Engine, SendId};
use crate::core::alert::AlertKind;
use crate::core::balance::Confirmed;
use crate::core::charge::Key;
use crate::core::clock::Now;
use crate::core::journal::{Applied, ApplyAt, Op};
use crate::core::ordered::Set;
use crate::core::outcome::FailureReason;
use crate::core::protocol::Reading;
use crate::core::record::{Failure, Purpose};

/// Conclusions that could not be written, kept to be tried again. What does not fit is learnt
/// again from the server.
const UNSAVED_LIMIT: usize = 1_000;

/// The journal as the engine uses it.
#[derive(Debug, Default)]
pub(super) struct Journaling {
    under_way: Vec<(Op, Then)>,
    next: Vec<(Op, Then)>,
    /// Conclusions that the store failed to take.
    unsaved: Vec<Op>,
}

/// What follows when an operation is committed.
#[derive(Clone, Debug)]
pub(super) enum Then {
    /// Answer or send for this call.
    Enqueued { call: CallId, plan: Option<Plan> },
    /// Send what was claimed, together with the others of this plan.
    Begun { plan: Plan },
    /// Learn the balance that came with the conclusion, at the same moment.
    Concluded { reading: Option<Reading> },
    /// Nothing but take note; `from_peer` where another tab made the change.
    Observe {
        from_peer: bool,
        confirmed: Option<Confirmed>,
    },
    /// Answer this call, which asked for a charge that is not in memory.
    Sought { call: CallId },
    /// Go on for this call, which gives its charge up.
    GivenUp { call: CallId },
    /// Nothing but take note: what it concludes has been told.
    Resaved,
    /// The charge could not be written down: refuse it, if it is not there already.
    Refused { error: String },
}

impl Then {
    fn plan(&self) -> Option<SendId> {
        match self {
            Then::Begun { plan }
            | Then::Enqueued {
                plan: Some(plan), ..
            } => Some(plan.id),
            Then::Enqueued { plan: None, .. }
            | Then::Concluded { .. }
            | Then::Observe { .. }
            | Then::Sought { .. }
            | Then::GivenUp { .. }
            | Then::Resaved
            | Then::Refused { .. } => None,
        }
    }
}

impl Journaling {
    /// Whether nothing is under way or waiting.
    pub(super) fn is_idle(&self) -> bool {
        self.under_way.is_empty() && self.next.is_empty()
    }

    pub(super) fn push(&mut self, op: Op, then: Then) {
        self.next.push((op, then));
    }

    /// Whether conclusions wait to be written again.
    pub(super) fn has_unsaved(&self) -> bool {
        !self.unsaved.is_empty()
    }

    /// Drops the claims that wait to be written down, and names those that are being written.
    pub(super) fn give_up_claims(&mut self) -> Vec<(Key, Purpose)> {
        self.next.retain(|(op, _)| !matches!(op, Op::Begin { .. }));
        for (op, _) in &mut self.next {
            if let Op::Enqueue { claim, .. } = op {
                *claim = None;
            }
        }
        let claims = self.under_way.iter().filter_map(|(op, then)| {
            then.plan()?;
            let purpose = match op {
                Op::Begin { purpose, .. } => *purpose,
                Op::Enqueue { .. }
                | Op::Conclude { .. }
                | Op::Reopen { .. }
                | Op::Cancel { .. }
                | Op::Forget { .. }
                | Op::Read { .. } => Purpose::Send,
            };
            Some((op.key().clone(), purpose))
        });
        claims.collect()
    }

    fn keep_unsaved(&mut self, op: Op) {
        if self.unsaved.len() < UNSAVED_LIMIT {
            self.unsaved.push(op);
        }
    }

    /// Writes what is known of this charge before anything else about it.
    pub(super) fn retry_unsaved_of(&mut self, key: &Key) {
        let (own, others) = std::mem::take(&mut self.unsaved)
            .into_iter()
            .partition(|op| op.key() == key);
        self.unsaved = others;
        let own: Vec<Op> = own;
        for op in own {
            self.next.push((op, Then::Resaved));
        }
    }

    pub(super) fn retry_unsaved(&mut self) {
        for op in std::mem::take(&mut self.unsaved) {
            self.next.push((op, Then::Resaved));
        }
    }
}

impl Engine {
    pub(super) fn journal_order(&mut self) -> Option<Effect> {
        if !self.journaling.under_way.is_empty() || self.journaling.next.is_empty() {
            return None;
        }
        self.journaling.under_way = std::mem::take(&mut self.journaling.next);
        let ops: Vec<Op> = self
            .journaling
            .under_way
            .iter()
            .map(|(op, _)| op.clone())
            .collect();
        let relaxed = ops.iter().all(Op::may_be_relaxed) || defect!(RelaxesEveryWrite);
        Some(Effect::Journal { ops, relaxed })
    }

    pub(super) fn journaled(&mut self, now: Now, results: Result<Vec<Applied>, String>) {
        let under_way = std::mem::take(&mut self.journaling.under_way);
        let mut planned: Set<SendId> = under_way
            .iter()
            .filter_map(|(_, then)| Some((then.plan()?, ())))
            .collect();
        let mut changed = Set::new();
        let mut plans = Vec::new();
        match results {
            Ok(results) => {
                for ((op, then), applied) in under_way.into_iter().zip(results) {
                    if let Some(why) = applied.unreadable {
                        self.not_committed(now, op, then, &why);
                        continue;
                    }
                    if applied.done && !matches!(op, Op::Read { .. }) {
                        changed.insert(op.key().clone(), ());
                    }
                    self.committed(now, &op, then, applied, &mut plans);
                }
            }
            Err(error) => {
                self.storage_failed(now, &error);
                for (op, then) in under_way {
                    self.not_committed(now, op, then, &error);
                }
            }
        }
        self.announce(changed);
        for plan in plans {
            planned.remove(&plan.id);
            self.launch(now, plan);
        }
        for (id, ()) in planned {
            self.leave_lane(id);
        }
        self.let_surplus_go(now);
    }

    /// The last writes of a closed client: nobody here waits for them, but other tabs may.
    pub(super) fn journaled_when_closed(&mut self, results: Result<Vec<Applied>, String>) {
        let under_way = std::mem::take(&mut self.journaling.under_way);
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
            self.effects.push_back(Effect::Announce {
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
            Then::Enqueued { call, plan } => {
                self.enqueued(now, call, key, applied, plan, plans);
            }
            Then::Begun { plan } => {
                if applied.done {
                    self.observe(now, key, applied.record);
                    Plan::collect(plans, plan, key.clone());
                } else {
                    self.set_busy(key, false);
                    self.observe(now, key, applied.record);
                    self.flush_is_through_with(key);
                    self.progress(now, key);
                }
            }
            Then::Concluded { reading } => {
                self.set_busy(key, false);
                self.observe(now, key, applied.record);
                self.learn(reading, None, now.wall_ms);
                self.flush_is_through_with(key);
                self.progress(now, key);
            }
            Then::Observe {
                from_peer,
                confirmed,
            } => {
                if let Some(confirmed) = confirmed {
                    self.cached(confirmed);
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
            Then::Resaved => self.observe(now, key, applied.record),
            Then::Sought { call } => self.sought(now, call, key, applied.record),
            Then::Refused { error } => self.refused(now, key, applied.record, &error),
        }
    }

    pub(super) fn not_committed(&mut self, now: Now, op: Op, then: Then, error: &str) {
        let key = op.key().clone();
        if defect!(HidesStorageFailure) {
            self.outbox.update(&key, |entry| entry.saved = true);
        }
        match then {
            Then::Enqueued { call, .. } => self.not_enqueued(now, call, &key, error),
            Then::Begun { .. } => {
                // Not written down, so not sent.
                self.set_busy(&key, false);
                self.outbox
                    .delay(&key, now.after(self.config.backoff.base_ms.max(1)));
                self.flush_is_through_with(&key);
                self.count_try(&key);
                self.progress(now, &key);
            }
            Then::Concluded { reading } => {
                self.apply_unsaved(now, &op);
                self.set_busy(&key, false);
                self.journaling.keep_unsaved(op);
                self.learn(reading, None, now.wall_ms);
                self.flush_is_through_with(&key);
                self.progress(now, &key);
            }
            Then::Observe { from_peer, .. } => {
                if !from_peer {
                    self.set_busy(&key, false);
                }
                self.progress(now, &key);
            }
            Then::GivenUp { call } => self.given_up(now, call, &key, false),
            Then::Resaved => self.journaling.keep_unsaved(op),
            Then::Refused { error } => self.refused(now, &key, None, &error),
            Then::Sought { call } => {
                let known = self.outbox.get(&key).map(|entry| entry.record.clone());
                if known.is_none() && self.calls.asks_again(call) {
                    return self.journaling.push(op, Then::Sought { call });
                }
                self.sought(now, call, &key, known);
            }
        }
    }

    /// The truth as this tab knows it, though the store did not take it.
    fn apply_unsaved(&mut self, now: Now, op: &Op) {
        let Some(entry) = self.outbox.get(op.key()) else {
            return;
        };
        let applied = op.apply(Some(entry.record.clone()), self.apply_at(now));
        if let Some(record) = applied.record {
            self.take_record(now, record, false);
        }
    }

    pub(super) fn apply_at(&self, now: Now) -> ApplyAt {
        ApplyAt {
            wall_ms: now.wall_ms,
            longest_claim_ms: self.config.claim_ms(),
        }
    }

    pub(super) fn damaged(&mut self, now: Now, detail: String) {
        self.log_error(now, detail.clone());
        self.raise(now, AlertKind::RecordQuarantined, detail);
    }

    pub(super) fn storage_failed(&mut self, now: Now, error: &str) {
        self.log_error(now, format!("storage failed: {error}"));
        self.raise(
            now,
            AlertKind::StorageDegraded,
            format!("storage failed: {error}"),
        );
    }

    /// What is told of a charge that could not be written down.
    pub(super) fn storage_failure(&self, error: &str) -> Failure {
        Failure {
            reason: FailureReason::StorageUnavailable,
            retryable: true,
            detail: self.say(
                &format!("the charge could not be stored, so it was not sent: {error}"),
                &format!("无法保存这笔扣费，因此没有发送：{error}"),
            ),
        }
    }
}
