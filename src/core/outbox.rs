//! The outbox: the charges that this tab knows, with the points that they hold and the time at
//! which each is due.

mod entry;
mod work;

pub use self::entry::{Entry, Patience};
pub use self::work::Work;
use super::charge::Key;
use super::clock::Now;
use super::ordered::{Map, Set};
use super::points::Points;
use super::record::Record;
use super::snapshot::{BillingStatus, QueueCounts};

/// The charges that this tab knows.
#[derive(Clone, Debug, Default)]
pub struct Outbox {
    entries: Map<Key, Box<Entry>>,
    /// Idle open charges: due time, place in the order, key.
    timetable: Set<(u64, u64, Key)>,
    /// Settled charges by last change, for dropping the oldest.
    settled: Set<(u64, Key)>,
    counts: QueueCounts,
    /// Number of settled charges that are being reopened.
    again: usize,
    /// Points of the settled charges that are being reopened.
    again_points: u128,
    /// Points held. Wider than [`Points`], because the sum must come back to 0 however large its
    /// parts are.
    held: u128,
}

impl Outbox {
    /// The charge of this key.
    pub fn get(&self, key: &Key) -> Option<&Entry> {
        self.entries.get(key).map(|entry| &**entry)
    }

    /// All charges, by key.
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

    /// As [`Outbox::open`], plus settled charges that are being reopened.
    pub fn taken(&self) -> usize {
        self.open().saturating_add(self.again)
    }

    /// Points of settled charges that are being reopened: not held yet, but committed.
    pub fn points_of_reopened(&self) -> Points {
        let points = u64::try_from(self.again_points).ok();
        points.and_then(Points::new).unwrap_or(Points::MAX)
    }

    /// Inserts a record as it is in the journal, or will be. Returns the previous one.
    pub fn put(
        &mut self,
        record: Record,
        saved: bool,
        now: Now,
        patience: Patience,
    ) -> Option<Record> {
        let Some(mut entry) = self.remove(&record.charge().key) else {
            let entry = Entry::new(record, saved, now, patience);
            self.insert(Box::new(entry));
            return None;
        };
        let before = entry.follow(record, saved, now, patience);
        self.insert(entry);
        Some(before)
    }

    /// Changes fields outside the record.
    pub fn update(&mut self, key: &Key, change: impl FnOnce(&mut Entry)) {
        if let Some(mut entry) = self.remove(key) {
            change(&mut entry);
            self.insert(entry);
        }
    }

    /// Makes an open charge due at once.
    pub fn hurry(&mut self, key: &Key, now: Now) {
        self.update(key, |entry| entry.hurry(now));
    }

    /// Another living tab has claimed this charge: the claim lasts its whole length from when this
    /// tab first saw it, however the wall clock has jumped.
    pub fn keep_claim(&mut self, key: &Key) {
        self.update(key, Entry::keep_claim);
    }

    /// Shortens all waits by the time that the machine slept.
    pub fn slept(&mut self, by_ms: u64) {
        let keys: Vec<Key> = self.entries.keys().cloned().collect();
        for key in keys {
            self.update(&key, |entry| entry.slept(by_ms));
        }
    }

    /// Makes an open charge due no earlier than `mono_ms`.
    pub fn delay(&mut self, key: &Key, mono_ms: u64) {
        self.update(key, |entry| entry.delay(mono_ms));
    }

    /// Drops a charge.
    pub fn remove(&mut self, key: &Key) -> Option<Box<Entry>> {
        let entry = self.entries.remove(key)?;
        self.unlist(&entry);
        Some(entry)
    }

    /// Idle open charges that are due, in the order in which they were taken on.
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

    /// When the next idle charge will become due; monotonic.
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
        if entry.record.is_open() && !entry.is_busy() {
            self.timetable
                .insert((entry.due_ms(), entry.record.sequence(), key.clone()), ());
        }
        if !entry.record.is_held() && !entry.is_busy() {
            self.settled.insert((entry.record.updated_at_ms(), key), ());
        }
        if is_being_reopened(entry) {
            self.again = self.again.saturating_add(1);
            self.again_points = self.again_points.saturating_add(points_of(entry));
        }
        if let Some(count) = count_of(&mut self.counts, BillingStatus::of(&entry.record)) {
            *count = count.saturating_add(1);
        }
        if entry.record.is_held() {
            self.held = self.held.saturating_add(points_of(entry));
        }
    }

    fn unlist(&mut self, entry: &Entry) {
        let key = entry.record.charge().key.clone();
        self.timetable
            .remove(&(entry.due_ms(), entry.record.sequence(), key.clone()));
        self.settled.remove(&(entry.record.updated_at_ms(), key));
        if is_being_reopened(entry) {
            self.again = self.again.saturating_sub(1);
            self.again_points = self.again_points.saturating_sub(points_of(entry));
        }
        if let Some(count) = count_of(&mut self.counts, BillingStatus::of(&entry.record)) {
            *count = count.saturating_sub(1);
        }
        if entry.record.is_held() {
            self.held = self.held.saturating_sub(points_of(entry));
        }
    }
}

fn is_being_reopened(entry: &Entry) -> bool {
    entry.work == Work::Admitting && !entry.record.is_held()
}

fn points_of(entry: &Entry) -> u128 {
    u128::from(entry.record.charge().amount.get())
}

fn count_of(counts: &mut QueueCounts, status: BillingStatus) -> Option<&mut usize> {
    match status {
        BillingStatus::Pending => Some(&mut counts.pending),
        BillingStatus::Retrying => Some(&mut counts.retrying),
        BillingStatus::Failed => Some(&mut counts.failed),
        BillingStatus::Unknown => Some(&mut counts.unknown),
        BillingStatus::Success => None,
    }
}

/// The sum of `points`, never above 2^53-1.
pub fn sum(points: impl Iterator<Item = Points>) -> Points {
    points.fold(Points::ZERO, Points::plus)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::charge::ChargeRequest;
    use crate::core::reason::{FailureReason, OpenReason};
    use crate::core::record::{Cause, Claim, Conclusion, Failure, Purpose};
    use crate::core::text::Detail;

    const PATIENCE: Patience = Patience {
        delay_ms: 60_000,
        hold_ms: 86_400_000,
    };

    fn at(mono_ms: u64) -> Now {
        Now {
            mono_ms,
            wall_ms: 0,
        }
    }

    fn record(task: &str, sequence: u64) -> Record {
        let request = ChargeRequest {
            task_id: task.into(),
            amount: 5.0,
            feature: "f".into(),
            ..ChargeRequest::default()
        };
        Record::open(request.into_charge(0).unwrap(), sequence)
    }

    fn settled(task: &str, sequence: u64) -> Record {
        let failure = Failure {
            reason: FailureReason::Cancelled,
            retryable: false,
            detail: Detail::Said(None),
        };
        Record::failed(record(task, sequence).charge().clone(), sequence, failure)
    }

    fn put(outbox: &mut Outbox, record: Record) -> Key {
        let key = record.charge().key.clone();
        outbox.put(record, true, at(10), PATIENCE);
        key
    }

    #[test]
    fn charge_is_held_and_counted_while_open() {
        let mut outbox = Outbox::default();
        let key = put(&mut outbox, record("a", 1));
        put(&mut outbox, record("b", 2));
        assert_eq!((outbox.open(), outbox.counts().held_points.get()), (2, 10));
        put(&mut outbox, settled("a", 1));
        assert_eq!((outbox.open(), outbox.counts().held_points.get()), (1, 5));
        assert_eq!(outbox.counts().failed, 1);
        outbox.remove(&key);
        assert_eq!(outbox.counts().failed, 0);
    }

    #[test]
    fn due_charges_come_in_the_order_of_taking_on() {
        let mut outbox = Outbox::default();
        let second = put(&mut outbox, record("a", 2));
        let first = put(&mut outbox, record("b", 1));
        let late = put(&mut outbox, record("c", 3));
        outbox.delay(&late, 500);
        assert_eq!(outbox.due(at(10)), [first.clone(), second.clone()]);
        assert_eq!(outbox.next_due(at(10)), Some(500));
        outbox.hurry(&late, at(20));
        assert_eq!(outbox.due(at(20)), [first.clone(), second.clone(), late]);
        outbox.update(&first, |entry| entry.work = Work::UnderWay);
        assert_eq!(outbox.due(at(10)), [second]);
        assert_eq!(outbox.next_due(at(20)), None);
    }

    #[test]
    fn surplus_is_the_oldest_settled_charges() {
        let mut outbox = Outbox::default();
        for (task, sequence) in [("a", 1), ("b", 2), ("c", 3)] {
            put(&mut outbox, settled(task, sequence));
        }
        put(&mut outbox, record("open", 4));
        assert_eq!(outbox.surplus(3), []);
        assert_eq!(outbox.surplus(1).len(), 2);
        assert_eq!(outbox.surplus(0).len(), 3);
    }

    #[test]
    fn held_points_return_to_zero_after_any_sum() {
        let mut outbox = Outbox::default();
        let dear = |task: &str| {
            let request = ChargeRequest {
                task_id: task.into(),
                amount: 9_007_199_254_740_991.0,
                feature: "f".into(),
                ..ChargeRequest::default()
            };
            Record::open(request.into_charge(0).unwrap(), 1)
        };
        let keys = ["a", "b", "c"].map(|task| put(&mut outbox, dear(task)));
        assert_eq!(outbox.counts().held_points, Points::MAX);
        for key in keys {
            outbox.remove(&key);
        }
        assert_eq!(outbox.counts().held_points, Points::ZERO);
    }

    #[test]
    fn waits_never_exceed_their_written_length_whatever_the_clock_says() {
        let mut outbox = Outbox::default();
        let claim = Claim {
            tab: "one".into(),
            until_ms: 90_000_000,
            length_ms: 20_000,
        };
        let begun = record("a", 1).begin(Purpose::Send, claim, 80_000_000);
        let cause = Cause {
            reason: OpenReason::Busy,
            detail: Detail::Said(None),
        };
        let held = Conclusion::Held(cause);
        let attempt = Some((Purpose::Send, 1));
        let held = begun.and_then(|begun| begun.conclude("one", attempt, held, 5_000, 80_000_000));
        // Since then the clock was set back, and the journal moved to another storage.
        let moved = record("a", 2).joined_by(&held.unwrap(), 0);
        let key = put(&mut outbox, moved.unwrap());
        assert_eq!(outbox.get(&key).map(Entry::due_ms), Some(5_010));
    }
}
