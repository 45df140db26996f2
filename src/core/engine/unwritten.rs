//! A charge that could not be written down: it is not sent, and what is said of it depends on what
//! the journal has of it already.

use super::calls::is_charged;
use super::journal::Then;
use super::{Answer, CallId, Engine};
use crate::core::charge::Key;
use crate::core::clock::Now;
use crate::core::journal::Op;
use crate::core::outbox::Entry;
use crate::core::outcome::{FailureReason, Outcome};
use crate::core::record::{Failure, Record};

impl Engine {
    pub(super) fn not_enqueued(&mut self, now: Now, call: CallId, key: &Key, error: &str) {
        self.set_busy(key, false);
        let Some(entry) = self.outbox.get(key).cloned() else {
            return self.resolve_waiting(call, Answer::NotFound);
        };
        let is_new = self.is_new(&entry);
        let record = entry.record;
        if is_new || !(record.is_held() || is_charged(&record)) {
            // Another tab may have charged it, which reading can tell though writing fails.
            self.set_busy(key, true);
            let then = Then::Refused {
                error: error.to_owned(),
                unread: 0,
            };
            let key = key.clone();
            return self.writer.push(Op::Read { key }, then);
        } else if is_charged(&record) {
            // Another tab has charged it meanwhile.
            self.answer_replayed(now, key, call);
        } else {
            if record.has_unknown_past() && !entry.saved {
                self.keep_trying_to_store(now, record);
            }
            self.answer_so_far(now, call);
        }
        self.progress(now, key);
    }

    /// The charge could not be written down, and this is what the journal has of it.
    pub(super) fn refused(&mut self, now: Now, key: &Key, found: Option<Record>, error: &str) {
        self.set_busy(key, false);
        let known = self.outbox.get(key).map(|entry| self.is_new(entry));
        match (found, known) {
            (Some(found), _) => {
                if known == Some(true) {
                    self.outbox.remove(key);
                }
                let (charged, settled) = (is_charged(&found), !found.is_held());
                self.observe(now, key, Some(found));
                match charged {
                    true => self.answer_all_replayed(now, key),
                    false if settled => self.refuse_calls(now, key, error),
                    false => {}
                }
            }
            (None, Some(false)) => {
                self.refuse_calls(now, key, error);
                self.observe(now, key, None);
            }
            (None, Some(true)) => {
                self.up_to_date(key);
                self.refuse_entry(now, key, error);
            }
            (None, None) => {}
        }
        self.progress(now, key);
    }

    /// The charge could not be written down, and what the journal has of it can't be read.
    pub(super) fn refused_unread(&mut self, now: Now, key: &Key, error: &str) {
        self.set_busy(key, false);
        match self.outbox.get(key).map(|entry| self.is_new(entry)) {
            Some(false) => self.refuse_calls(now, key, error),
            Some(true) if self.may_be_in_journal() => self.doubt_entry(now, key, error),
            Some(true) => self.refuse_entry(now, key, error),
            None => {}
        }
        self.progress(now, key);
        if self.outbox.get(key).is_some_and(|entry| entry.outdated) {
            // Waiting would tell no more.
            self.answer_senders(now, key);
        }
    }

    /// Tells whoever wants this charge sent how things stand.
    fn answer_senders(&mut self, now: Now, key: &Key) {
        for id in self.calls.at(key) {
            let call = self.calls.get(id);
            if call.is_some_and(|call| call.kind.wants_sent()) {
                self.answer_so_far(now, id);
            }
        }
    }

    /// What could not be stored may have been sent before, by whoever wrote what can't be read: it
    /// stays open, is stored as soon as that can be done, and then looked up.
    fn doubt_entry(&mut self, now: Now, key: &Key, error: &str) {
        let Some(entry) = self.outbox.get(key) else {
            return;
        };
        let (known, outdated) = (entry.record.clone(), entry.outdated);
        let detail = self.storage_failure(error).detail;
        self.cx.log_error(now, format!("{key}: {detail}"));
        let charge = known.charge().clone();
        let record = Record::open(charge, known.sequence());
        let record = record.in_doubt(now.wall_ms, self.cx.config.unknown_past_ms());
        let record = match known.refusal() {
            Some(refusal) => record.turned_down(refusal.clone()),
            None => record,
        };
        self.keep_trying_to_store(now, record);
        // This is no word of the journal.
        self.outbox.update(key, |entry| entry.outdated = outdated);
        self.answer_senders(now, key);
    }

    fn keep_trying_to_store(&mut self, now: Now, record: Record) {
        // It is held from now on, which is told.
        self.outbox.remove(&record.charge().key);
        self.take_record(now, record.clone(), false);
        if !self.writer.is_to_adopt(&record.charge().key) {
            self.keep_unsaved(now, Op::Adopt { record });
        }
    }

    fn answer_all_replayed(&mut self, now: Now, key: &Key) {
        for call in self.calls.at(key) {
            self.answer_replayed(now, key, call);
        }
    }

    /// Whether a charge has not been stored, here or elsewhere: what has been is not refused for
    /// want of storage, though its last change could not be written.
    fn is_new(&self, entry: &Entry) -> bool {
        let record = &entry.record;
        let first = !entry.saved && record.revision() == 1 && !record.may_have_left();
        first && !self.writer.is_to_adopt(&record.charge().key)
    }

    /// What was never stored has failed, if it can't have been sent before either.
    fn refuse_entry(&mut self, now: Now, key: &Key, error: &str) {
        let Some(entry) = self.outbox.get(key) else {
            return;
        };
        if self.store.may_have_been_sent(key) {
            return self.doubt_entry(now, key, error);
        }
        let (known, outdated) = (entry.record.clone(), entry.outdated);
        let failure = self.storage_failure(error);
        let refused = Record::refused(known.charge().clone(), known.sequence(), failure);
        let calls = self.calls.at(key);
        let mut waiting = calls.into_iter().filter_map(|call| self.calls.get(call));
        if waiting.any(|call| call.kind.wants_sent()) {
            // Their answer is logged, and says the same.
            self.outbox.remove(key);
        }
        self.take_record(now, refused, false);
        // This is no word of the journal.
        self.outbox.update(key, |entry| entry.outdated = outdated);
    }

    /// What has failed or was declined stays so: it could not be taken up again.
    fn refuse_calls(&mut self, now: Now, key: &Key, error: &str) {
        let Some(entry) = self.outbox.get(key) else {
            return;
        };
        if entry.record.is_held() {
            // Another tab has taken it up meanwhile: it goes on.
            return;
        }
        if is_charged(&entry.record) {
            return self.answer_all_replayed(now, key);
        }
        let what = self.storage_failure(error).into();
        let mut outcome = Outcome::about(&entry.record, what);
        if entry.outdated || self.reader.is_unread(entry) {
            outcome = outcome.in_full_doubt();
        }
        let record = entry.record.clone();
        for id in self.calls.at(key) {
            let Some(call) = self.calls.get(id).cloned() else {
                continue;
            };
            // Who asks for another charge with this key is told that it is taken.
            let asked = call.charge.as_ref();
            let same = asked.is_none_or(|charge| charge.is_same_as(record.charge()));
            if call.kind.wants_sent() && same {
                self.log_answer(now, &call, &record, &outcome);
                self.resolve_waiting(id, Answer::Outcome(outcome.clone()));
            }
        }
    }

    /// What is told of a charge that could not be written down.
    fn storage_failure(&self, error: &str) -> Failure {
        Failure {
            reason: FailureReason::StorageUnavailable,
            retryable: true,
            detail: self.cx.say(
                &format!("the charge could not be stored, so it was not sent: {error}"),
                &format!("无法保存这笔扣费，因此没有发送：{error}"),
            ),
        }
    }
}
