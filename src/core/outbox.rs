//! The outbox: the charges that this tab knows, with the points that they hold and the time at
//! which each is due.

mod entry;
mod listing;
mod turn;
mod work;

pub use self::entry::{Entry, Patience};
use self::listing::{Due, Listing};
pub use self::turn::Turn;
pub use self::work::Work;
use super::charge::Key;
use super::clock::Now;
use super::ordered::{LongMap, LongSet};
use super::points::Points;
use super::record::Record;
use super::snapshot::{BillingStatus, QueueCounts};

/// The charges that this tab knows. Each index is touched only by a change of what it lists.
#[derive(Clone, Debug, Default)]
pub struct Outbox {
    entries: LongMap<Key, Box<Entry>>,
    /// Idle open charges that are due, by what each waits for: place in the order and key, with the
    /// due time.
    fresh: LongMap<(u64, Key), u64>,
    called: LongMap<(u64, Key), u64>,
    called_look_ups: LongMap<(u64, Key), u64>,
    look_ups: LongMap<(u64, Key), u64>,
    flushed: LongMap<(u64, Key), u64>,
    /// Idle open charges that are not due yet: due time and key, with the place in the order.
    later: LongMap<(u64, Key), u64>,
    /// Up to when due charges are listed as such; monotonic.
    due_until_ms: u64,
    /// Idle settled charges by last change, for dropping the oldest, with their place in the order.
    settled: LongMap<(u64, Key), u64>,
    /// Charges for which an operation or a request of this tab is under way.
    busy: LongSet<Key>,
    /// Charges with a claim, and outdated ones.
    watched: LongSet<Key>,
    /// Idle charges that are no longer open, or are gone, since this was last asked for.
    ended: Vec<Key>,
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

    /// Charges for which an operation or a request of this tab is under way, by key.
    pub fn busy(&self) -> impl Iterator<Item = &Key> {
        self.busy.keys()
    }

    /// Charges with a claim of any tab, and outdated ones, by key.
    pub fn watched(&self) -> impl Iterator<Item = &Entry> {
        self.watched.keys().filter_map(|key| self.get(key))
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
        self.advance(now);
        let key = record.charge().key.clone();
        let known = self.entries.get_mut(&key).map(|entry| {
            let before = Listing::of(entry);
            let record = entry.follow(record.clone(), saved, now, patience);
            (before, record)
        });
        let (before, record) = match known {
            Some((before, record)) => (before, Some(record)),
            None => {
                let entry = Entry::new(record, saved, now, patience);
                self.entries.insert(key.clone(), Box::new(entry));
                (Listing::default(), None)
            }
        };
        self.relist(&key, before);
        self.freshen(&key);
        record
    }

    /// Changes fields outside the record.
    pub fn update(&mut self, key: &Key, change: impl FnOnce(&mut Entry)) {
        if let Some(entry) = self.entries.get_mut(key) {
            let before = Listing::of(entry);
            change(entry);
            self.relist(key, before);
        }
    }

    /// Makes an open charge due at once.
    pub fn hurry(&mut self, key: &Key, now: Now) {
        self.advance(now);
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
        self.relist(key, Listing::of(&entry));
        self.ended.push(key.clone());
        Some(entry)
    }

    /// Lists the charges that have become due by now.
    pub fn advance(&mut self, now: Now) {
        self.due_until_ms = self.due_until_ms.max(now.mono_ms);
        while let Some(((due_ms, key), sequence)) = self.later.first()
            && *due_ms <= self.due_until_ms
        {
            let (due_ms, key, sequence) = (*due_ms, key.clone(), *sequence);
            self.later.remove(&(due_ms, key.clone()));
            self.fresh.insert((sequence, key), due_ms);
        }
    }

    /// The charges that are due and wait for this, in the order in which they were taken on.
    pub fn waiting(&self, turn: Turn, now: Now) -> impl Iterator<Item = &(u64, Key)> + Clone {
        let places = self.places(turn).iter();
        let due = places.filter(move |(_, at_ms)| **at_ms <= now.mono_ms);
        due.map(|(place, _)| place)
    }

    /// This due charge waits for its turn as long as it stays as it is.
    pub fn hand_over(&mut self, key: &Key, turn: Turn) {
        let Some(entry) = self.entries.get_mut(key) else {
            return;
        };
        if let Some(Due {
            at_ms,
            sequence,
            turn: before,
        }) = Listing::of(entry).due
            && at_ms <= self.due_until_ms
        {
            entry.turn = turn;
            let place = (sequence, key.clone());
            self.places_mut(before).remove(&place);
            self.places_mut(turn).insert(place, at_ms);
        }
    }

    /// Something that bears on this charge has changed: if it is due, it is looked at anew.
    pub fn freshen(&mut self, key: &Key) {
        self.hand_over(key, Turn::Fresh);
    }

    /// As [`Outbox::freshen`], for all charges that wait for this.
    pub fn freshen_all(&mut self, turn: Turn) {
        let places = self.places(turn).keys();
        let keys: Vec<Key> = places.map(|(_, key)| key.clone()).collect();
        for key in keys {
            self.freshen(&key);
        }
    }

    fn places(&self, turn: Turn) -> &LongMap<(u64, Key), u64> {
        match turn {
            Turn::Fresh => &self.fresh,
            Turn::Callers => &self.called,
            Turn::CallersLookUp => &self.called_look_ups,
            Turn::LookUp => &self.look_ups,
            Turn::Flush => &self.flushed,
        }
    }

    fn places_mut(&mut self, turn: Turn) -> &mut LongMap<(u64, Key), u64> {
        match turn {
            Turn::Fresh => &mut self.fresh,
            Turn::Callers => &mut self.called,
            Turn::CallersLookUp => &mut self.called_look_ups,
            Turn::LookUp => &mut self.look_ups,
            Turn::Flush => &mut self.flushed,
        }
    }

    /// The charges that have ended, or are gone, since this was last asked for.
    pub fn take_ended(&mut self) -> Vec<Key> {
        std::mem::take(&mut self.ended)
    }

    /// When the next idle charge will become due; monotonic.
    pub fn next_due(&self, now: Now) -> Option<u64> {
        let mut due = self.later.keys().map(|(due_ms, _)| *due_ms);
        due.find(|due_ms| *due_ms > now.mono_ms)
    }

    /// The settled charges beyond the newest `keep`, oldest first.
    pub fn surplus(&self, keep: usize) -> impl Iterator<Item = &Key> {
        let oldest = self.settled.keys().take(self.surplus_count(keep));
        oldest.map(|(_, key)| key)
    }

    /// How many these are.
    pub fn surplus_count(&self, keep: usize) -> usize {
        self.settled.len().saturating_sub(keep)
    }

    /// All idle settled charges, oldest first.
    pub fn settled(&self) -> Vec<Key> {
        self.surplus(0).cloned().collect()
    }

    /// Lists a charge that was listed as `before` as it is now: each index is touched only where
    /// the two differ.
    fn relist(&mut self, key: &Key, before: Listing) {
        let after = self.get(key).map(Listing::of).unwrap_or_default();
        if before.due != after.due {
            self.unlist_due(key, before.due);
            if let Some(entry) = self.entries.get_mut(key) {
                entry.turn = Turn::Fresh;
            }
            self.list_due(key, after.due);
        }
        if before.settled_ms != after.settled_ms {
            if let Some(at_ms) = before.settled_ms {
                self.settled.remove(&(at_ms, key.clone()));
            }
            if let Some(at_ms) = after.settled_ms {
                self.settled.insert((at_ms, key.clone()), 0);
            }
        }
        if before.busy != after.busy {
            mark(&mut self.busy, key, after.busy);
        }
        if before.watched != after.watched {
            mark(&mut self.watched, key, after.watched);
        }
        if after.ended && !before.ended {
            self.ended.push(key.clone());
        }
        if before.status != after.status {
            if let Some(count) = count_of(&mut self.counts, before.status) {
                *count = count.saturating_sub(1);
            }
            if let Some(count) = count_of(&mut self.counts, after.status) {
                *count = count.saturating_add(1);
            }
        }
        self.held = replaced(self.held, before.held, after.held);
        self.again_points = replaced(self.again_points, before.again, after.again);
        let (left, came) = (before.again.is_some(), after.again.is_some());
        self.again = self.again.saturating_add(usize::from(came));
        self.again = self.again.saturating_sub(usize::from(left));
    }

    fn list_due(&mut self, key: &Key, due: Option<Due>) {
        let Some(Due {
            at_ms, sequence, ..
        }) = due
        else {
            return;
        };
        if at_ms <= self.due_until_ms {
            self.fresh.insert((sequence, key.clone()), at_ms);
        } else {
            self.later.insert((at_ms, key.clone()), sequence);
        }
    }

    fn unlist_due(&mut self, key: &Key, due: Option<Due>) {
        let Some(Due {
            at_ms,
            sequence,
            turn,
        }) = due
        else {
            return;
        };
        if at_ms <= self.due_until_ms {
            self.places_mut(turn).remove(&(sequence, key.clone()));
        } else {
            self.later.remove(&(at_ms, key.clone()));
        }
    }
}

fn mark(set: &mut LongSet<Key>, key: &Key, is_in: bool) {
    match is_in {
        true => set.insert(key.clone(), ()),
        false => set.remove(key),
    };
}

/// `sum` with these points instead of those.
fn replaced(sum: u128, before: Option<u64>, after: Option<u64>) -> u128 {
    let added = sum.saturating_add(u128::from(after.unwrap_or(0)));
    added.saturating_sub(u128::from(before.unwrap_or(0)))
}

fn count_of(counts: &mut QueueCounts, status: Option<BillingStatus>) -> Option<&mut usize> {
    match status? {
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

    fn waiting(outbox: &Outbox, turn: Turn, now: Now) -> Vec<&Key> {
        let waiting = outbox.waiting(turn, now);
        waiting.map(|(_, key)| key).collect()
    }

    fn fresh(outbox: &Outbox, now: Now) -> Vec<&Key> {
        waiting(outbox, Turn::Fresh, now)
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
        assert_eq!(fresh(&outbox, at(10)), [&first, &second]);
        assert_eq!(outbox.next_due(at(10)), Some(500));
        outbox.hurry(&late, at(20));
        assert_eq!(fresh(&outbox, at(20)), [&first, &second, &late]);
        outbox.update(&first, |entry| entry.work = Work::UnderWay);
        assert_eq!(fresh(&outbox, at(10)), [&second]);
        assert_eq!(outbox.next_due(at(20)), None);
    }

    #[test]
    fn charge_becomes_due_when_its_time_has_come() {
        let mut outbox = Outbox::default();
        let (key, first) = (
            put(&mut outbox, record("a", 2)),
            put(&mut outbox, record("b", 1)),
        );
        outbox.delay(&key, 500);
        outbox.advance(at(499));
        assert_eq!(fresh(&outbox, at(499)), [&first]);
        outbox.advance(at(500));
        assert_eq!(fresh(&outbox, at(500)), [&first, &key]);
        assert_eq!(outbox.next_due(at(500)), None);
    }

    #[test]
    fn charge_handed_over_is_fresh_again_once_it_has_changed() {
        let mut outbox = Outbox::default();
        let (one, other) = (
            put(&mut outbox, record("a", 1)),
            put(&mut outbox, record("b", 2)),
        );
        outbox.hand_over(&one, Turn::Flush);
        outbox.hand_over(&other, Turn::Callers);
        assert_eq!(fresh(&outbox, at(10)), Vec::<&Key>::new());
        assert_eq!(waiting(&outbox, Turn::Flush, at(10)), [&one]);
        assert_eq!(waiting(&outbox, Turn::Callers, at(10)), [&other]);
        outbox.update(&one, |entry| entry.work = Work::UnderWay);
        outbox.update(&one, |entry| entry.work = Work::None);
        assert_eq!(fresh(&outbox, at(10)), [&one]);
        outbox.freshen(&other);
        assert_eq!(fresh(&outbox, at(10)), [&one, &other]);
        outbox.hand_over(&one, Turn::Flush);
        put(&mut outbox, record("a", 1));
        assert_eq!(fresh(&outbox, at(10)), [&one, &other]);
        outbox.hand_over(&one, Turn::Flush);
        outbox.hand_over(&other, Turn::Callers);
        outbox.freshen_all(Turn::Flush);
        assert_eq!(fresh(&outbox, at(10)), [&one]);
        assert_eq!(waiting(&outbox, Turn::Flush, at(10)), Vec::<&Key>::new());
    }

    #[test]
    fn charge_waits_in_one_place_at_a_time() {
        let mut outbox = Outbox::default();
        let key = put(&mut outbox, record("a", 1));
        outbox.hand_over(&key, Turn::Flush);
        outbox.hand_over(&key, Turn::Callers);
        assert_eq!(waiting(&outbox, Turn::Flush, at(10)), Vec::<&Key>::new());
        outbox.delay(&key, 500);
        assert_eq!(waiting(&outbox, Turn::Callers, at(10)), Vec::<&Key>::new());
        outbox.hand_over(&key, Turn::Callers);
        outbox.hurry(&key, at(20));
        assert_eq!(fresh(&outbox, at(20)), [&key]);
        outbox.hand_over(&key, Turn::Callers);
        outbox.remove(&key);
        assert_eq!(waiting(&outbox, Turn::Callers, at(20)), Vec::<&Key>::new());
    }

    #[test]
    fn ended_charges_are_told_once() {
        let mut outbox = Outbox::default();
        let (one, other) = (
            put(&mut outbox, record("a", 1)),
            put(&mut outbox, record("b", 2)),
        );
        assert_eq!(outbox.take_ended(), []);
        put(&mut outbox, settled("a", 1));
        outbox.remove(&other);
        assert_eq!(outbox.take_ended(), [one, other]);
        assert_eq!(outbox.take_ended(), []);
    }

    #[test]
    fn new_charge_has_no_earlier_request_to_wait_for() {
        let mut outbox = Outbox::default();
        outbox.put(record("a", 1), true, at(0), PATIENCE);
        let key = record("a", 1).charge().key.clone();
        assert_eq!(outbox.get(&key).and_then(Entry::certain_at), None);
        let doubtful = record("b", 2).in_doubt(0, 4_800);
        let key = put(&mut outbox, doubtful);
        assert_eq!(outbox.get(&key).and_then(Entry::certain_at), Some(4_810));
        outbox.update(&key, |entry| entry.left_at_ms = 4_810);
        assert_eq!(outbox.get(&key).and_then(Entry::certain_at), None);
    }

    #[test]
    fn surplus_is_the_oldest_settled_charges() {
        let mut outbox = Outbox::default();
        for (task, sequence) in [("a", 1), ("b", 2), ("c", 3)] {
            put(&mut outbox, settled(task, sequence));
        }
        put(&mut outbox, record("open", 4));
        assert_eq!(outbox.surplus(3).count(), 0);
        assert_eq!(outbox.surplus(1).count(), 2);
        assert_eq!(outbox.surplus(0).count(), 3);
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
