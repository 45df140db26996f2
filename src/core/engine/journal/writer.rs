//! Orders to the journal that wait or are being written, and what follows each.

use super::super::wire::Plan;
use super::super::{CallId, SendId};
use crate::core::backoff::{Backoff, Jitter};
use crate::core::balance::Confirmed;
use crate::core::charge::Key;
use crate::core::clock::Now;
use crate::core::journal::Op;
use crate::core::ordered::{Set, set_of};
use crate::core::protocol::Reading;
use crate::core::record::Purpose;

/// So many conclusions that could not be written are kept to be tried again. What does not fit is
/// learnt again from the server.
const UNSAVED_LIMIT: usize = 1_000;

/// Readings of the journal that fail in a row before the next one is put off.
pub const READ_AGAIN_AT_ONCE: u32 = 2;

/// The journal as the engine uses it.
#[derive(Debug, Default)]
pub struct Writer {
    under_way: Vec<(Op, Then)>,
    next: Vec<(Op, Then)>,
    /// Transactions begun.
    begun: u64,
    /// Conclusions, and charges of another storage, that the store failed to take.
    unsaved: Vec<Op>,
    /// Transactions in a row in which one of these failed.
    unsaved_failures: u32,
    /// When they are tried again; monotonic.
    unsaved_due_ms: u64,
    /// Transactions that failed in a row.
    failures: u32,
    /// Nothing is claimed before this, because it could not be written down; monotonic.
    paused_until_ms: u64,
}

/// What follows when an operation is committed.
#[derive(Clone, Debug)]
pub enum Then {
    /// Answer or send for this call.
    Enqueued { call: CallId, plan: Option<Plan> },
    /// Send what was claimed, together with the others of this plan.
    Begun { plan: Plan },
    /// Learn the balance that came with the conclusion, at the same moment.
    Concluded { reading: Option<Reading> },
    /// Nothing but take note; `from_peer` where another tab made the change. `confirmed` is a
    /// balance that another tab told, taken over at the same moment.
    Observe {
        from_peer: bool,
        confirmed: Option<Confirmed>,
    },
    /// Answer this call, which asked for a charge that is not in memory.
    Sought { call: CallId, again: bool },
    /// Go on for this call, which gives its charge up.
    GivenUp { call: CallId },
    /// Go on for this call, which wants what was being looked up to be told as not made.
    Wanted { call: CallId },
    /// Nothing but take note: what it concludes has been told.
    Resaved,
    /// The charge could not be written down: refuse it, if it is not there already.
    Refused { error: String, unread: u32 },
}

impl Then {
    fn reads_again(&self) -> bool {
        match self {
            Then::Sought { again, .. } => *again,
            Then::Refused { unread, .. } => *unread > 0,
            Then::Enqueued { .. }
            | Then::Begun { .. }
            | Then::Concluded { .. }
            | Then::Observe { .. }
            | Then::GivenUp { .. }
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
            | Then::Sought { .. }
            | Then::GivenUp { .. }
            | Then::Wanted { .. }
            | Then::Resaved
            | Then::Refused { .. } => None,
        }
    }
}

impl Writer {
    /// Whether nothing is under way or waiting.
    pub fn is_idle(&self) -> bool {
        self.under_way.is_empty() && self.next.is_empty()
    }

    /// How many transactions have been begun.
    pub fn begun(&self) -> u64 {
        self.begun
    }

    pub fn push(&mut self, op: Op, then: Then) {
        self.next.push((op, then));
    }

    /// The charges that the next transaction reads because of what another tab told.
    pub fn to_read(&self) -> Set<Key> {
        let reads = self
            .next
            .iter()
            .filter(|(op, then)| matches!((op, then), (Op::Read { .. }, Then::Observe { .. })));
        set_of(reads.map(|(op, _)| op.key().clone()))
    }

    /// What other tabs told of the balance, and is taken over when the journal has been read.
    pub fn coming(&self) -> impl Iterator<Item = &Confirmed> {
        let orders = self.under_way.iter().chain(&self.next);
        orders.filter_map(|(_, then)| {
            let Then::Observe { confirmed, .. } = then else {
                return None;
            };
            confirmed.as_ref()
        })
    }

    /// Has the last of these readings bring a balance along.
    pub fn bring(&mut self, told: Confirmed) {
        let mut orders = self.next.iter_mut().rev();
        let slot = orders.find_map(|(op, then)| {
            let (Op::Read { .. }, Then::Observe { confirmed, .. }) = (op, then) else {
                return None;
            };
            Some(confirmed)
        });
        if let Some(slot) = slot {
            *slot = Some(told);
        }
    }

    /// As [`Writer::push`], before everything that waits.
    pub fn push_first(&mut self, orders: impl IntoIterator<Item = (Op, Then)>) {
        self.next.splice(0..0, orders);
    }

    /// When the next claim may be made, after transactions that failed; monotonic.
    pub fn paused_until_ms(&self) -> u64 {
        self.paused_until_ms
    }

    /// When the store may work again, if it has just failed; monotonic.
    pub fn again_at_ms(&self, now: Now) -> Option<u64> {
        (self.failures > 0).then(|| self.paused_until_ms.max(now.after(1)))
    }

    /// When conclusions that could not be written are tried again; `None` where there are none.
    pub fn unsaved_due_ms(&self) -> Option<u64> {
        (!self.unsaved.is_empty()).then_some(self.unsaved_due_ms)
    }

    /// One of them has been written.
    pub fn resaved(&mut self) {
        self.unsaved_failures = 0;
    }

    /// What is to be written next, in one transaction; `None` while one is under way.
    pub fn begin(&mut self) -> Option<Vec<Op>> {
        if !self.under_way.is_empty() || self.next.is_empty() {
            return None;
        }
        let next = std::mem::take(&mut self.next);
        let again = |(_, then): &(Op, Then)| then.reads_again();
        // What moves along has to be there before it is read.
        let moves = next.iter().any(|(op, _)| matches!(op, Op::Adopt { .. }));
        if !moves && next.iter().any(again) {
            // By itself: a write that failed took the reading with it.
            (self.under_way, self.next) = next.into_iter().partition(again);
        } else {
            self.under_way = next;
        }
        self.begun = self.begun.saturating_add(1);
        let ops = self.under_way.iter().map(|(op, _)| op.clone());
        Some(ops.collect())
    }

    /// The transaction has ended: what it was for.
    pub fn end(&mut self) -> Vec<(Op, Then)> {
        std::mem::take(&mut self.under_way)
    }

    /// Whether the last transaction went well.
    pub fn works(&self) -> bool {
        self.failures == 0
    }

    /// The store works.
    pub fn succeeded(&mut self) {
        self.failures = 0;
    }

    /// The store has failed: nothing is claimed for a while.
    pub fn failed(&mut self, now: Now, backoff: &Backoff, jitter: &mut Jitter) {
        self.paused_until_ms = now.after(backoff.delay_ms(self.failures, jitter));
        self.failures = self.failures.saturating_add(1);
    }

    /// Drops the claims that wait to be written down, and names those that are being written.
    pub fn give_up_claims(&mut self) -> Vec<(Key, Purpose)> {
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
                | Op::TakeUp { .. }
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

    /// A charge that was to be forgotten is asked for again.
    pub fn remember(&mut self, key: &Key) {
        self.next
            .retain(|(op, _)| !matches!(op, Op::Forget { key: other } if other == key));
    }

    /// Has this written down, and tried again until it is.
    pub fn push_lasting(&mut self, op: Op) {
        self.next.push((op, Then::Resaved));
    }

    /// What has to wait does so for so much less: the machine slept.
    pub fn slept(&mut self, by_ms: u64) {
        self.paused_until_ms = self.paused_until_ms.saturating_sub(by_ms);
        self.unsaved_due_ms = self.unsaved_due_ms.saturating_sub(by_ms);
    }

    /// A conclusion could not be written: it is written soon.
    pub fn keep_unsaved(&mut self, op: Op, now: Now, backoff: &Backoff, jitter: &mut Jitter) {
        // Those of one transaction have failed once.
        if self.unsaved_due_ms <= now.mono_ms {
            let delay_ms = backoff.delay_ms(self.unsaved_failures, jitter);
            self.unsaved_due_ms = now.after(delay_ms.max(1));
            self.unsaved_failures = self.unsaved_failures.saturating_add(1);
        }
        // Of what moves along nobody else here knows.
        if self.unsaved.len() < UNSAVED_LIMIT || matches!(op, Op::Adopt { .. }) {
            self.unsaved.push(op);
        }
    }

    /// The journal has told of this charge's end, which has been taken note of: nothing of it is
    /// taken over any more, but for a receipt.
    pub fn drop_adoption(&mut self, key: &Key) {
        let stays = |op: &Op| match op {
            Op::Adopt { record } => record.charge().key != *key || record.receipt().is_some(),
            Op::Enqueue { .. }
            | Op::Begin { .. }
            | Op::Conclude { .. }
            | Op::Reopen { .. }
            | Op::TakeUp { .. }
            | Op::Cancel { .. }
            | Op::LoseAge { .. }
            | Op::Forget { .. }
            | Op::Read { .. } => true,
        };
        self.unsaved.retain(stays);
        self.next.retain(|(op, _)| stays(op));
    }

    /// Whether this charge is still to be taken over from another storage.
    pub fn is_to_adopt(&self, key: &Key) -> bool {
        let waiting = self.next.iter().chain(&self.under_way).map(|(op, _)| op);
        let adopts = |op: &Op| matches!(op, Op::Adopt { .. }) && op.key() == key;
        self.unsaved.iter().chain(waiting).any(adopts)
    }

    /// Whether what an attempt for this charge came to is still to be written down.
    pub fn is_to_conclude(&self, key: &Key) -> bool {
        let waiting = self.next.iter().chain(&self.under_way).map(|(op, _)| op);
        let concludes = |op: &Op| matches!(op, Op::Conclude { .. }) && op.key() == key;
        self.unsaved.iter().chain(waiting).any(concludes)
    }

    /// Writes what is known of this charge before anything else about it.
    pub fn retry_unsaved_of(&mut self, key: &Key) {
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
