//! Keeping up with the journal: what it holds now, whoever wrote it.

use super::journal::{Ended, Store, Then};
use super::{Engine, Life};
use crate::core::balance::Confirmed;
use crate::core::charge::Key;
use crate::core::clock::Now;
use crate::core::journal::Op;
use crate::core::network::LONGEST_HOLD_MS;
use crate::core::ordered::set_of;
use crate::core::outbox::Entry;
use crate::core::record::{Record, State};
use crate::core::stats::Class;

/// How long a settled charge stays in the journal where other tabs live or it is not known
/// whether they do, in milliseconds: they have heard of its end, and read it there.
const READ_WITHIN_MS: u64 = 1_000;

impl Engine {
    /// Takes note of a record as the journal has it now; of its absence too.
    pub(super) fn observe(&mut self, now: Now, key: &Key, record: Option<Record>) {
        self.up_to_date(key);
        match record {
            Some(record) => self.take_record(now, record, true),
            None => self.vanished(now, key),
        }
        self.has_been_read(key);
    }

    /// The transaction that has just ended told of this charge.
    pub(super) fn has_been_read(&mut self, key: &Key) {
        let read_in = self.writer.begun();
        self.outbox.update(key, |entry| entry.read_in = read_in);
        self.tasks.read(key, read_in);
    }

    /// The journal has been read for this charge, or can't be.
    pub(super) fn up_to_date(&mut self, key: &Key) {
        if self.outbox.get(key).is_some_and(|entry| entry.outdated) {
            self.outbox.update(key, |entry| entry.outdated = false);
        }
    }

    fn vanished(&mut self, now: Now, key: &Key) {
        let Some(entry) = self.outbox.get(key) else {
            return;
        };
        if entry.known_since == self.writer.begun() || self.writer.is_to_adopt(key) {
            // It came while this transaction, which did not find it, was under way; or it is on
            // its way from another storage.
            return;
        }
        let settled = matches!(entry.record.state(), State::Settled(_));
        if !entry.busy && !settled {
            // Open and idle, so it was there, though its last change may not be.
            let record = entry.record.clone();
            self.lose(now, key, record);
        } else if settled && entry.saved && !entry.busy {
            self.forget(now, key);
        }
    }

    /// An open charge is gone from the journal: wiped, or settled by another tab and forgotten.
    /// Whoever waits for it is told that it is not known, and it is not sent again.
    fn lose(&mut self, now: Now, key: &Key, record: Record) {
        let detail = self.cx.say(
            "the charge is gone from storage; whether it was made is not known",
            "本地存储中的这笔扣费已丢失，是否已扣费未知",
        );
        self.cx.log_error(now, format!("{key}: {detail}"));
        self.store.lose(key);
        self.take_record(now, record.vanished(detail, now.wall_ms), false);
        self.progress(now, key);
        self.answer_cancels(now, key);
        self.outbox.remove(key);
        self.calls_of_vanished(key);
        // It holds nothing any longer, so the server has to say what is left.
        self.balance.need(now);
    }

    /// Takes a record into the outbox, the counts and the listeners' view.
    pub(super) fn take_record(&mut self, now: Now, record: Record, saved: bool) {
        let known = self.outbox.get(&record.charge().key);
        if known.is_some_and(|entry| record.is_older_than(&entry.record)) {
            // Older than what is known, or than what could not be stored yet.
            return;
        }
        let first_saved = saved && known.is_none_or(|entry| !entry.saved);
        let is_new = known.is_none_or(|entry| entry.record != record);
        let is_turned = known.is_none_or(|entry| entry.record.state() != record.state());
        self.learn_from(&record);
        if is_turned {
            self.learn_hold(now, &record);
        }
        self.last_sequence = self.last_sequence.max(record.sequence());
        let before = self.outbox.put(record.clone(), saved, now, self.patience());
        if before.is_none() {
            let begun = self.writer.begun();
            let key = &record.charge().key;
            self.outbox.update(key, |entry| entry.known_since = begun);
        }
        if is_new {
            self.keep_claim_of_another(&record);
        }
        if saved && !record.is_held() {
            self.writer.drop_adoption(&record.charge().key);
        }
        self.count_change(now, before.as_ref(), &record, saved);
        if first_saved || before.as_ref() != Some(&record) {
            let durable = saved && self.store.is_durable();
            self.cx.tell_charge(now, before.as_ref(), &record, durable);
        }
    }

    /// Whoever has just been seen to claim a charge is taken to live; if not, the next reading of
    /// the whole journal tells.
    fn keep_claim_of_another(&mut self, record: &Record) {
        if record.claim().is_some_and(|claim| claim.tab != self.cx.tab) {
            let key = &record.charge().key;
            self.outbox.keep_claim(key);
        }
    }

    /// What the server asked of another tab, or of this one before it was opened anew.
    fn learn_hold(&mut self, now: Now, record: &Record) {
        if let State::Waiting(waiting) = record.state()
            && waiting.holds_queue()
        {
            let next_ms = waiting.next_attempt_at_ms();
            let meant_ms = waiting.next_attempt_in_ms();
            let until_ms = now.mono_of(next_ms, meant_ms.min(LONGEST_HOLD_MS));
            self.wire.gate_mut().held_until(until_ms);
        }
    }

    /// The balance that came with a charge, in the same moment in which its hold ends.
    fn learn_from(&mut self, record: &Record) {
        let Some(receipt) = record.receipt() else {
            return;
        };
        let known = self.balance.confirmed();
        let teaches = |known: &Confirmed| known.version < receipt.version;
        if known.is_none_or(teaches) {
            self.learn(Some(receipt.reading()), None, record.updated_at_ms());
        }
    }

    fn count_change(&mut self, now: Now, before: Option<&Record>, after: &Record, saved: bool) {
        let class = Class::of(after);
        let key = &after.charge().key;
        let was_so = before.is_some_and(|before| Class::of(before) == class);
        let is_old = was_so || (saved && !self.reader.has_read());
        if is_old && class != Class::Open && !self.stats.is_counted(key) {
            // Settled before this client was opened, however often it is read: none of its
            // figures.
            return;
        }
        if !self.stats.count(key, class) {
            return;
        }
        if class != Class::Open {
            let since_ms = self
                .outbox
                .get(key)
                .map_or(now.mono_ms, |entry| entry.since_ms);
            let latency_ms = now.mono_ms.saturating_sub(since_ms);
            let charged = class == Class::Charged;
            self.stats.ended(now.mono_ms, charged.then_some(latency_ms));
        }
    }

    pub(super) fn set_busy(&mut self, key: &Key, busy: bool) {
        self.outbox.update(key, |entry| {
            entry.busy = busy;
            entry.again = false;
        });
    }

    /// What is taken up again, or on, takes its place in the queue from now on.
    pub(super) fn set_taken_up(&mut self, key: &Key) {
        self.outbox.update(key, |entry| {
            entry.busy = true;
            entry.again = true;
        });
    }

    /// Lets a charge go from memory; it is or was settled, or the journal has lost it.
    pub(super) fn forget(&mut self, now: Now, key: &Key) {
        let settled = |entry: &Entry| !entry.record.is_held();
        if self.outbox.get(key).is_some_and(settled) {
            // Who still waits is told its end.
            for call in self.calls.at(key) {
                self.answer_end(now, key, call);
            }
        }
        self.outbox.remove(key);
        self.stats.uncount(key);
        self.calls_of_vanished(key);
    }

    /// Lets the oldest settled charges go that are more than are kept. Who waits for one in
    /// another tab has the time to read it.
    pub(super) fn let_surplus_go(&mut self, now: Now) {
        let alone = self.tabs.is_alone();
        self.surplus_goes_at_ms = None;
        for key in self.outbox.surplus(self.cx.config.keep_settled) {
            if self.calls.is_asked_for(&key) {
                // Whoever asks has the journal's word first, and may take it up again.
                continue;
            }
            let entry = self.outbox.get(&key);
            let changed_ms = entry.map_or(0, |entry| entry.changed_ms);
            let goes_at_ms = changed_ms.saturating_add(READ_WITHIN_MS);
            if alone || goes_at_ms <= now.mono_ms {
                self.forget(now, &key);
                self.forget_at_rest(key);
            } else {
                let next_ms = self.surplus_goes_at_ms.unwrap_or(u64::MAX);
                self.surplus_goes_at_ms = Some(next_ms.min(goes_at_ms));
            }
        }
    }

    pub(super) fn let_surplus_go_if_due(&mut self, now: Now) {
        let goes_at_ms = self.surplus_goes_at_ms;
        if goes_at_ms.is_some_and(|goes_at_ms| goes_at_ms <= now.mono_ms) {
            self.let_surplus_go(now);
        }
    }

    pub(super) fn loaded(&mut self, now: Now, records: Result<Vec<Record>, String>) {
        match self.reader.ended(records) {
            Ended::TooEarly => return self.load(),
            Ended::Read { all, records } => {
                self.storage_works(now);
                if all {
                    self.store.has_read_all();
                }
                self.take_all(now, records);
                if self.reader.taken(all) {
                    self.lose_ages();
                }
                self.judge_claims(now);
            }
            Ended::Failed(error) => self.storage_failed(now, &error),
        }
        if self.life == Life::Recovering {
            self.life = Life::Running;
            self.reader.look_later(now, self.is_busy());
            self.first_refresh(now);
        }
        let backoff = Store::backoff(&self.cx);
        self.reader.look_after_failure(now, &backoff, &mut self.cx);
        self.progress_all(now);
        self.let_surplus_go(now);
        self.read_after_sign_out();
    }

    fn take_all(&mut self, now: Now, records: Vec<Record>) {
        let stored = self.outbox.iter();
        let stored = stored.filter(|entry| entry.saved && !entry.busy && entry.record.is_held());
        let mut missing = set_of(stored.map(|entry| entry.record.charge().key.clone()));
        // The newest balance first, so that the older ones teach nothing.
        let charged = records.iter().filter(|record| record.receipt().is_some());
        let newest = charged.max_by_key(|record| record.receipt().map(|receipt| receipt.version));
        if let Some(record) = newest {
            self.learn_from(record);
        }
        for record in records {
            missing.remove(&record.charge().key);
            self.take_record(now, record, true);
        }
        for (key, ()) in missing {
            let then = Then::Observe {
                from_peer: true,
                confirmed: None,
            };
            self.writer.push(Op::Read { key }, then);
        }
    }
}
