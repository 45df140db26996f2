//! Calls about a charge that should be there: found in memory, or in the journal.

use super::calls::{Call, Kind};
use super::calls::{is_charged, replayed};
use super::journal::{READ_AGAIN_AT_ONCE, Then};
use super::{Answer, CallId, Engine, Life};
use crate::core::charge::Key;
use crate::core::clock::Now;
use crate::core::journal::Op;
use crate::core::outbox::Entry;
use crate::core::snapshot::ChargeRecord;

impl Engine {
    pub(super) fn retry(&mut self, now: Now, call: CallId, key: Key) {
        // Who asks for it themselves may always try once.
        self.wire.gate_mut().hurry_past_hold(now);
        self.seek(now, call, Kind::Retry, key);
    }

    pub(super) fn cancel(&mut self, now: Now, call: CallId, key: Key) {
        // A look-up may be needed, and harms nothing.
        self.wire.gate_mut().hurry(now);
        self.seek(now, call, Kind::Cancel, key);
    }

    pub(super) fn wait_settled(&mut self, now: Now, call: CallId, key: Key) {
        self.seek(now, call, Kind::Settled, key);
    }

    pub(super) fn show(&mut self, call: CallId, key: Key) {
        let waiting = Call::new(Now::default(), Kind::Show, key.clone(), None, &self.cx);
        self.calls.add(call, waiting);
        self.calls.seeks(call);
        self.writer
            .push(Op::Read { key }, Then::Sought { call, again: false });
    }

    /// Takes up a call about a charge that should be there, in memory or in the journal.
    fn seek(&mut self, now: Now, call: CallId, kind: Kind, key: Key) {
        let waiting = Call::new(now, kind, key.clone(), None, &self.cx);
        self.calls.add(call, waiting);
        // What failed here may have been charged by another tab since.
        let may_be_old =
            |entry: &Entry| !entry.busy && !entry.record.is_open() && !is_charged(&entry.record);
        match self.outbox.get(&key) {
            Some(entry) if !may_be_old(entry) => self.found(now, call, kind, &key),
            Some(_) | None => {
                self.calls.seeks(call);
                self.writer
                    .push(Op::Read { key }, Then::Sought { call, again: false });
            }
        }
    }

    pub(super) fn show_known(&mut self, call: CallId, key: &Key) {
        let (durable, locale) = (self.store.is_durable(), self.cx.config.locale);
        let entry = self.outbox.get(key);
        let shown =
            entry.map(|entry| ChargeRecord::of(&entry.record, durable && entry.saved, locale));
        self.resolve_waiting(call, Answer::Record(shown));
    }

    /// The journal could not be read, so it is not known whether it has this charge.
    pub(super) fn seek_later(&mut self, now: Now, call: CallId, key: &Key) {
        let Some(waiting) = self.calls.get(call) else {
            return;
        };
        let unread = waiting.unread();
        if unread >= READ_AGAIN_AT_ONCE && waiting.is_overdue(now) {
            // What this tab knows is all that can be known.
            return self.sought(now, call, key);
        }
        let delay_ms = match unread.checked_sub(READ_AGAIN_AT_ONCE) {
            Some(unread) => self.cx.config.backoff.delay_ms(unread, &mut self.cx.jitter),
            None => 0,
        };
        self.calls.seeks_later(call, now.after(delay_ms));
    }

    pub(super) fn seek_again(&mut self, now: Now) {
        for (call, key) in self.calls.seek_due(now) {
            let then = Then::Sought { call, again: true };
            self.writer.push(Op::Read { key }, then);
        }
    }

    /// The journal has been read for this call, or can't be.
    pub(super) fn sought(&mut self, now: Now, call: CallId, key: &Key) {
        let Some(kind) = self.calls.get(call).map(|call| call.kind) else {
            return;
        };
        self.calls.waits(call);
        if kind == Kind::Show {
            return self.show_known(call, key);
        }
        match self.outbox.get(key) {
            Some(_) => self.found(now, call, kind, key),
            None => self.resolve_waiting(call, Answer::NotFound),
        }
    }

    fn found(&mut self, now: Now, call: CallId, kind: Kind, key: &Key) {
        let Some(entry) = self.outbox.get(key).cloned() else {
            return;
        };
        let again = kind == Kind::Retry && self.life == Life::Running;
        if again && !is_charged(&entry.record) {
            self.outbox.update(key, |entry| entry.setbacks = 0);
            self.enqueue(now, call, entry.record.charge().clone(), false);
        } else if kind == Kind::Retry && is_charged(&entry.record) && !entry.busy {
            let outcome = replayed(self.outlook(now).of(&entry));
            self.resolve(call, Answer::Outcome(outcome));
        } else {
            if kind == Kind::Cancel && entry.record.given_up() {
                self.outbox.hurry(key, now);
            }
            self.progress(now, key);
        }
    }
}
