//! Operations that wait for the journal or are being written, and the continuation of each.

use super::super::wire::Plan;
use super::super::{CallId, SendId};
use crate::core::backoff::{Backoff, Jitter};
use crate::core::balance::Confirmed;
use crate::core::charge::Key;
use crate::core::clock::Now;
use crate::core::journal::Op;
use crate::core::ordered::{LongSet, Set, set_of};
use crate::core::protocol::BalanceReading;
use crate::core::record::{Conclusion, Purpose, Verdict};

/// Maximum number of unwritten conclusions kept for a retry. Those beyond are learnt again from the
/// server.
const UNSAVED_LIMIT: usize = 1_000;

/// Consecutive failed readings of the journal before the next one is delayed.
pub const READ_AGAIN_AT_ONCE: u32 = 2;

/// The queue of operations for the journal.
#[derive(Debug, Default)]
pub struct Writer {
    under_way: Vec<(Op, Then)>,
    next: Vec<(Op, Then)>,
    /// Charges of which a conclusion, an adoption or a deletion may be outstanding, or anything
    /// unsaved: all others need not be searched for.
    noted: LongSet<Key>,
    /// Number of transactions begun.
    begun: u64,
    /// Conclusions, and charges of another storage, that the store failed to write.
    unsaved: Vec<Op>,
    /// Consecutive transactions in which one of these failed.
    unsaved_failures: u32,
    /// When they are retried; monotonic.
    unsaved_due_ms: u64,
    /// Consecutive failed transactions.
    failures: u32,
    /// No claims are made before this, after a failed write; monotonic.
    paused_until_ms: u64,
}

/// The continuation after an operation is committed.
#[derive(Clone, Debug)]
pub enum Then {
    /// Answer or send for this call.
    Enqueued { call: CallId, plan: Option<Plan> },
    /// Send the claimed charge, together with the others of this plan.
    Begun { plan: Plan },
    /// Apply the balance that came with the conclusion, at the same moment.
    Concluded { reading: Option<BalanceReading> },
    /// Only take in the record; `from_peer` if another tab made the change. `confirmed` is a
    /// balance from another tab, applied at the same moment.
    Observe {
        from_peer: bool,
        confirmed: Option<Confirmed>,
    },
    /// Answer this call, which asked for a charge that is not in memory.
    ReadForCall { call: CallId, again: bool },
    /// Decide on the task that this call is to start.
    ReadForStart { call: CallId },
    /// Continue this call, which cancels its charge.
    Cancelled { call: CallId },
    /// Continue this call, which requests a charge that was being looked up to be reported as not
    /// made.
    Wanted { call: CallId },
    /// Only take in the record: its conclusion has been reported.
    Resaved,
    /// The charge could not be written: it fails, unless it is there already.
    Unsaved { error: String, unread: u32 },
}

impl Then {
    fn reads_again(&self) -> bool {
        match self {
            Then::ReadForCall { again, .. } => *again,
            Then::Unsaved { unread, .. } => *unread > 0,
            Then::Enqueued { .. }
            | Then::Begun { .. }
            | Then::Concluded { .. }
            | Then::Observe { .. }
            | Then::ReadForStart { .. }
            | Then::Cancelled { .. }
            | Then::Wanted { .. }
            | Then::Resaved => false,
        }
    }

    pub fn plan(&self) -> Option<SendId> {
        match self {
            Then::Begun { plan }
            | Then::Enqueued {
                plan: Some(plan), ..
            } => Some(plan.id),
            Then::Enqueued { plan: None, .. }
            | Then::Concluded { .. }
            | Then::Observe { .. }
            | Then::ReadForCall { .. }
            | Then::ReadForStart { .. }
            | Then::Cancelled { .. }
            | Then::Wanted { .. }
            | Then::Resaved
            | Then::Unsaved { .. } => None,
        }
    }
}

impl Writer {
    /// Whether nothing is being written or waiting.
    pub fn is_idle(&self) -> bool {
        self.under_way.is_empty() && self.next.is_empty()
    }

    /// Number of transactions begun.
    pub fn begun(&self) -> u64 {
        self.begun
    }

    pub fn push(&mut self, op: Op, then: Then) {
        note(&mut self.noted, &op);
        self.next.push((op, then));
    }

    /// The charges that the next transaction reads because of another tab's message.
    pub fn to_read(&self) -> Set<Key> {
        let reads = self
            .next
            .iter()
            .filter(|(op, then)| matches!((op, then), (Op::Read { .. }, Then::Observe { .. })));
        set_of(reads.map(|(op, _)| op.key().clone()))
    }

    /// Balances from other tabs, to be applied when the journal has been read.
    pub fn coming(&self) -> impl Iterator<Item = &Confirmed> {
        let writes = self.under_way.iter().chain(&self.next);
        writes.filter_map(|(_, then)| {
            let Then::Observe { confirmed, .. } = then else {
                return None;
            };
            confirmed.as_ref()
        })
    }

    /// Attaches a balance to the last of these readings.
    pub fn bring(&mut self, told: Confirmed) {
        let mut writes = self.next.iter_mut().rev();
        let slot = writes.find_map(|(op, then)| {
            let (Op::Read { .. }, Then::Observe { confirmed, .. }) = (op, then) else {
                return None;
            };
            Some(confirmed)
        });
        if let Some(slot) = slot {
            *slot = Some(told);
        }
    }

    /// As [`Writer::push`], ahead of all waiting operations.
    pub fn push_first(&mut self, writes: impl IntoIterator<Item = (Op, Then)>) {
        let writes: Vec<(Op, Then)> = writes.into_iter().collect();
        for (op, _) in &writes {
            note(&mut self.noted, op);
        }
        self.next.splice(0..0, writes);
    }

    /// When the next claim may be made, after failed transactions; monotonic.
    pub fn paused_until_ms(&self) -> u64 {
        self.paused_until_ms
    }

    /// When the store may work again, if it has just failed; monotonic.
    pub fn again_at_ms(&self, now: Now) -> Option<u64> {
        (self.failures > 0).then(|| self.paused_until_ms.max(now.after(1)))
    }

    /// When unwritten conclusions are retried; `None` if there are none.
    pub fn unsaved_due_ms(&self) -> Option<u64> {
        (!self.unsaved.is_empty()).then_some(self.unsaved_due_ms)
    }

    /// One of them has been written.
    pub fn resaved(&mut self) {
        self.unsaved_failures = 0;
    }

    /// Whether the next transaction would write receipts, which are told before that, and nothing else.
    pub fn may_gather(&self) -> bool {
        let is_receipt = |(op, _): &(Op, Then)| {
            let Op::Conclude { conclusion, .. } = op else {
                return false;
            };
            matches!(conclusion, Conclusion::Settled(Verdict::Charged(_)))
        };
        self.may_begin() && self.next.iter().all(is_receipt)
    }

    /// Whether there are operations for a transaction, and none is under way.
    pub fn may_begin(&self) -> bool {
        self.under_way.is_empty() && !self.next.is_empty()
    }

    /// The operations of the next transaction; `None` while one is under way.
    pub fn begin(&mut self) -> Option<Vec<Op>> {
        if !self.may_begin() {
            return None;
        }
        let next = std::mem::take(&mut self.next);
        let again = |(_, then): &(Op, Then)| then.reads_again();
        // Migrated charges have to be there before they are read.
        let moves = next.iter().any(|(op, _)| matches!(op, Op::Adopt { .. }));
        if !moves && next.iter().any(again) {
            // Alone: a failed write would fail the reading with it.
            (self.under_way, self.next) = next.into_iter().partition(again);
        } else {
            self.under_way = next;
        }
        self.begun = self.begun.saturating_add(1);
        let ops = self.under_way.iter().map(|(op, _)| op.clone());
        Some(ops.collect())
    }

    /// The transaction has ended. Returns the continuations.
    pub fn end(&mut self) -> Vec<(Op, Then)> {
        if self.unsaved.is_empty() {
            self.noted = LongSet::default();
            for (op, _) in &self.next {
                note(&mut self.noted, op);
            }
        }
        std::mem::take(&mut self.under_way)
    }

    /// Whether the last transaction succeeded.
    pub fn works(&self) -> bool {
        self.failures == 0
    }

    /// The store works.
    pub fn succeeded(&mut self) {
        self.failures = 0;
    }

    /// The store has failed: no claims are made for a while.
    pub fn failed(&mut self, now: Now, backoff: &Backoff, jitter: &mut Jitter) {
        self.paused_until_ms = now.after(backoff.delay_ms(self.failures, jitter));
        self.failures = self.failures.saturating_add(1);
    }

    /// Drops the claims that wait to be written, and names those being written.
    pub fn withdraw_claims(&mut self) -> Vec<(Key, Purpose)> {
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
                | Op::ReopenOnce { .. }
                | Op::Cancel { .. }
                | Op::LoseAge { .. }
                | Op::Adopt { .. }
                | Op::Forget { .. }
                | Op::Read { .. } => Purpose::Send,
            };
            Some((op.key().clone(), purpose))
        });
        claims.collect()
    }

    /// A charge that was to be deleted is requested again. False where that is too late, or nobody
    /// was to delete it.
    pub fn remember(&mut self, key: &Key) -> bool {
        if !self.noted.contains_key(key) {
            return false;
        }
        let before = self.next.len();
        self.next
            .retain(|(op, _)| !matches!(op, Op::Forget { key: other } if other == key));
        self.next.len() < before
    }

    /// Queues this operation, with retries until it is written.
    pub fn push_lasting(&mut self, op: Op) {
        self.push(op, Then::Resaved);
    }

    /// Shortens waits by the time that the machine slept.
    pub fn slept(&mut self, by_ms: u64) {
        self.paused_until_ms = self.paused_until_ms.saturating_sub(by_ms);
        self.unsaved_due_ms = self.unsaved_due_ms.saturating_sub(by_ms);
    }

    /// A conclusion could not be written: it is retried soon.
    pub fn keep_unsaved(&mut self, op: Op, now: Now, backoff: &Backoff, jitter: &mut Jitter) {
        // Several failures in one transaction count once.
        if self.unsaved_due_ms <= now.mono_ms {
            let delay_ms = backoff.delay_ms(self.unsaved_failures, jitter);
            self.unsaved_due_ms = now.after(delay_ms.max(1));
            self.unsaved_failures = self.unsaved_failures.saturating_add(1);
        }
        // Nothing else here knows of a migrated charge.
        if self.unsaved.len() < UNSAVED_LIMIT || matches!(op, Op::Adopt { .. }) {
            self.noted.insert(op.key().clone(), ());
            self.unsaved.push(op);
        }
    }

    /// The end of this charge has been read from the journal: except for a receipt, no other state
    /// of it migrates any more.
    pub fn drop_adoption(&mut self, key: &Key) {
        if !self.noted.contains_key(key) {
            return;
        }
        let stays = |op: &Op| match op {
            Op::Adopt { record } => record.charge().key != *key || record.receipt().is_some(),
            Op::Enqueue { .. }
            | Op::Begin { .. }
            | Op::Conclude { .. }
            | Op::Reopen { .. }
            | Op::ReopenOnce { .. }
            | Op::Cancel { .. }
            | Op::LoseAge { .. }
            | Op::Forget { .. }
            | Op::Read { .. } => true,
        };
        self.unsaved.retain(stays);
        self.next.retain(|(op, _)| stays(op));
    }

    /// Whether this charge is still to be adopted from another storage.
    pub fn is_to_adopt(&self, key: &Key) -> bool {
        self.any_of(key, |op| matches!(op, Op::Adopt { .. }))
    }

    /// Whether the conclusion of an attempt for this charge is still unwritten.
    pub fn is_to_conclude(&self, key: &Key) -> bool {
        self.any_of(key, |op| matches!(op, Op::Conclude { .. }))
    }

    fn any_of(&self, key: &Key, is_so: fn(&Op) -> bool) -> bool {
        let waiting = self.next.iter().chain(&self.under_way).map(|(op, _)| op);
        let mut outstanding = self.unsaved.iter().chain(waiting).inspect(|_| {
            #[cfg(test)]
            crate::core::ordered::visits::count();
        });
        self.noted.contains_key(key) && outstanding.any(|op| is_so(op) && op.key() == key)
    }

    /// Writes the known state of this charge ahead of anything else about it.
    pub fn retry_unsaved_of(&mut self, key: &Key) {
        if self.unsaved.is_empty() || !self.noted.contains_key(key) {
            return;
        }
        let (own, others) = std::mem::take(&mut self.unsaved)
            .into_iter()
            .partition(|op| op.key() == key);
        self.unsaved = others;
        let own: Vec<Op> = own;
        for op in own {
            self.next.push((op, Then::Resaved));
        }
    }

    pub fn retry_unsaved_if_due(&mut self, now: Now) {
        if self
            .unsaved_due_ms()
            .is_some_and(|due_ms| due_ms <= now.mono_ms)
        {
            self.retry_unsaved();
        }
    }

    fn retry_unsaved(&mut self) {
        let unsaved = std::mem::take(&mut self.unsaved).into_iter();
        self.next.extend(unsaved.map(|op| (op, Then::Resaved)));
    }

    pub fn retry_unsaved_first(&mut self) {
        let unsaved = std::mem::take(&mut self.unsaved).into_iter();
        self.push_first(unsaved.map(|op| (op, Then::Resaved)));
    }
}

fn note(noted: &mut LongSet<Key>, op: &Op) {
    if let Op::Conclude { .. } | Op::Adopt { .. } | Op::Forget { .. } = op {
        noted.insert(op.key().clone(), ());
    }
}
