//! The outbox: the charges that this tab knows, with the points that they hold and the time at
//! which each is due.

use super::charge::Key;
use super::clock::Now;
use super::ordered::{Map, Set};
use super::points::Points;
use super::record::{Record, State};
use super::snapshot::{BillingStatus, QueueCounts};

/// A charge as this tab knows it.
#[derive(Clone, Debug)]
pub struct Entry {
    /// As last seen in the journal, or as it will be there.
    pub record: Record,
    /// Whether the journal has it so.
    pub saved: bool,
    /// Whether an operation or a request of this tab's is under way for it.
    pub busy: bool,
    /// Whether it goes out alone because a batch with it was refused as a whole.
    pub alone: bool,
    /// Whether it failed and this client has taken it up again by itself, which it does once.
    pub retaken: bool,
    /// When this tab first saw it open; monotonic.
    pub since_ms: u64,
    due_ms: u64,
}

impl Entry {
    /// When it may be worked on; monotonic.
    pub fn due_ms(&self) -> u64 {
        self.due_ms
    }
}

/// How long what another tab has written down may keep this one waiting, in milliseconds.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// For the next attempt.
    pub delay_ms: u64,
    /// For a claim.
    pub claim_ms: u64,
}

/// The charges that this tab knows.
#[derive(Clone, Debug, Default)]
pub struct Outbox {
    entries: Map<Key, Box<Entry>>,
    /// Open ones that nothing is under way for: due time, place in the order, key.
    timetable: Set<(u64, u64, Key)>,
    /// Settled ones by last change, for letting the oldest go.
    settled: Set<(u64, Key)>,
    counts: QueueCounts,
    /// Wider than [`Points`]: the sum must come back to 0 however large its parts are.
    held: u128,
}

impl Outbox {
    /// The charge of this key.
    pub fn get(&self, key: &Key) -> Option<&Entry> {
        self.entries.get(key).map(|entry| &**entry)
    }

    /// All of them, by key.
    pub fn iter(&self) -> impl Iterator<Item = &Entry> {
        self.entries.values().map(|entry| &**entry)
    }

    /// The queue, counted; `held_points` of charges only.
    pub fn counts(&self) -> QueueCounts {
        let held = u64::try_from(self.held).ok().and_then(Points::new);
        QueueCounts {
            held_points: held.unwrap_or(Points::MAX),
            ..self.counts
        }
    }

    /// Charges without a verdict that are being tried.
    pub fn open(&self) -> usize {
        self.counts.pending.saturating_add(self.counts.retrying)
    }

    /// Takes a record as it is in the journal, or will be. Returns how it stood before.
    pub fn put(
        &mut self,
        record: Record,
        saved: bool,
        now: Now,
        patience: Patience,
    ) -> Option<Record> {
        let due_ms = due(&record, now, patience);
        let Some(mut entry) = self.remove(&record.charge().key) else {
            self.insert(Box::new(Entry {
                record,
                saved,
                busy: false,
                alone: false,
                retaken: false,
                since_ms: now.mono_ms,
                due_ms,
            }));
            return None;
        };
        let before = std::mem::replace(&mut entry.record, record);
        entry.saved = saved;
        entry.due_ms = due_ms;
        self.insert(entry);
        Some(before)
    }

    /// Changes what is not part of the record.
    pub fn update(&mut self, key: &Key, change: impl FnOnce(&mut Entry)) {
        if let Some(mut entry) = self.remove(key) {
            change(&mut entry);
            self.insert(entry);
        }
    }

    /// Makes an open charge due at once.
    pub fn hurry(&mut self, key: &Key, now: Now) {
        self.update(key, |entry| entry.due_ms = entry.due_ms.min(now.mono_ms));
    }

    /// Makes an open charge due no earlier than `mono_ms`.
    pub fn delay(&mut self, key: &Key, mono_ms: u64) {
        self.update(key, |entry| entry.due_ms = entry.due_ms.max(mono_ms));
    }

    /// Lets a charge go.
    pub fn remove(&mut self, key: &Key) -> Option<Box<Entry>> {
        let entry = self.entries.remove(key)?;
        self.unlist(&entry);
        Some(entry)
    }

    /// Open charges that are due and idle, in the order in which they were taken on.
    pub fn due(&self, now: Now) -> Vec<Key> {
        let mut due: Vec<(u64, &Key)> = self
            .timetable
            .keys()
            .take_while(|(due_ms, _, _)| *due_ms <= now.mono_ms)
            .map(|(_, sequence, key)| (*sequence, key))
            .collect();
        due.sort_unstable();
        due.into_iter().map(|(_, key)| key.clone()).collect()
    }

    /// When the next idle charge that is not due yet will be; monotonic.
    pub fn next_due(&self, now: Now) -> Option<u64> {
        let mut due = self.timetable.keys().map(|(due_ms, _, _)| *due_ms);
        due.find(|due_ms| *due_ms > now.mono_ms)
    }

    /// The settled charges beyond the newest `keep`, oldest first.
    pub fn surplus(&self, keep: usize) -> Vec<Key> {
        let surplus = self.settled.len().saturating_sub(keep);
        let oldest = self.settled.keys().take(surplus);
        oldest.map(|(_, key)| key.clone()).collect()
    }

    fn insert(&mut self, entry: Box<Entry>) {
        self.list(&entry);
        let key = entry.record.charge().key.clone();
        self.entries.insert(key, entry);
    }

    fn list(&mut self, entry: &Entry) {
        let key = entry.record.charge().key.clone();
        if entry.record.is_open() && !entry.busy {
            self.timetable
                .insert((entry.due_ms, entry.record.sequence(), key.clone()), ());
        }
        if !entry.record.is_held() && !entry.busy {
            self.settled.insert((entry.record.updated_at_ms(), key), ());
        }
        if let Some(count) = self.counts.of(BillingStatus::of(&entry.record)) {
            *count = count.saturating_add(1);
        }
        if entry.record.is_held() {
            self.held = self
                .held
                .saturating_add(u128::from(entry.record.charge().amount.get()));
        }
    }

    fn unlist(&mut self, entry: &Entry) {
        let key = entry.record.charge().key.clone();
        self.timetable
            .remove(&(entry.due_ms, entry.record.sequence(), key.clone()));
        self.settled.remove(&(entry.record.updated_at_ms(), key));
        if let Some(count) = self.counts.of(BillingStatus::of(&entry.record)) {
            *count = count.saturating_sub(1);
        }
        if entry.record.is_held() {
            self.held = self
                .held
                .saturating_sub(u128::from(entry.record.charge().amount.get()));
        }
    }
}

impl QueueCounts {
    fn of(&mut self, status: BillingStatus) -> Option<&mut usize> {
        match status {
            BillingStatus::Pending => Some(&mut self.pending),
            BillingStatus::Retrying => Some(&mut self.retrying),
            BillingStatus::Failed => Some(&mut self.failed),
            BillingStatus::Unknown => Some(&mut self.unknown),
            BillingStatus::Success => None,
        }
    }
}

fn due(record: &Record, now: Now, patience: Patience) -> u64 {
    match record.state() {
        State::Waiting(waiting) => now.mono_of(waiting.next_attempt_at_ms(), patience.delay_ms),
        State::Attempting(attempting) => {
            now.mono_of(attempting.claim().until_ms, patience.claim_ms)
        }
        State::Parked(_) | State::Settled(_) => u64::MAX,
    }
}

/// The sum of `points`, never above 2^53-1.
pub fn sum(points: impl Iterator<Item = Points>) -> Points {
    points.fold(Points::ZERO, Points::plus)
}
