//! Flushing: sending in the background, one tab at a time, one batch a lock.

use super::flush::{Lock, Run};
use super::journal::Then;
use super::wire::Slot;
use super::{Answer, CallId, Engine, Life};
use crate::core::charge::Key;
use crate::core::clock::Now;
use crate::core::journal::Op;
use crate::core::network::Way;
use crate::core::outcome::OpenReason;
use crate::core::record::{Purpose, State};
use crate::core::snapshot::{FlushReport, Stopped};

impl Engine {
    /// `flush()`: all that can be sent, whatever its backoff, and all that may be retried.
    pub(super) fn flush_all(&mut self, now: Now, call: CallId) {
        if self.life != Life::Running {
            return self.resolve(
                call,
                Answer::Flush(self.idle_report(OpenReason::Unauthorized)),
            );
        }
        self.wire.gate_mut().hurry(now);
        let mut keys = Vec::new();
        let mut again = Vec::new();
        for entry in self.outbox.iter() {
            let key = entry.record.charge().key.clone();
            match entry.record.state() {
                State::Waiting(_) => keys.push(key),
                State::Attempting(_) if entry.busy => keys.push(key),
                State::Attempting(_) => {}
                State::Parked(_) => again.push(key),
                State::Settled(_) => {}
            }
        }
        for key in &keys {
            self.outbox.hurry(key, now);
        }
        keys.extend(self.take_up_all(now));
        for key in again {
            self.reopen(now, Op::Reopen { key: key.clone() });
            keys.push(key);
        }
        self.flush.add(keys, Some(call));
    }

    /// Whether the server has just said that it never charged this: its turn is yet to come.
    pub(super) fn is_cleared(&self, key: &Key) -> bool {
        self.outbox.get(key).is_some_and(
            |entry| matches!(entry.record.state(), State::Waiting(waiting) if waiting.cleared()),
        )
    }

    /// Takes the flush one step on, or ends it.
    pub(super) fn advance_flush(&mut self, now: Now) {
        let Some(run) = self.flush.run() else {
            return;
        };
        let settled = |key: &&Key| {
            let entry = self.outbox.get(key);
            entry.is_none_or(|entry| !entry.busy && !entry.record.is_open())
        };
        let settled_elsewhere: Vec<Key> = run.left().filter(settled).cloned().collect();
        for key in settled_elsewhere {
            self.flush_is_through_with(&key);
        }
        let closed = self.wire.gate().closed_for(now);
        if closed.is_none() && self.flush.run().is_some_and(Run::is_through) {
            self.take_up_left_out(now);
        }
        let Some(run) = self.flush.run() else {
            return;
        };
        let waits = closed.is_some() && self.flush.has_left_out();
        if run.is_through() && !waits {
            let reason = run.stopped_by(closed);
            return self.end_flush(reason.map(Stopped::Open));
        }
        let under_way = |key: &Key| self.outbox.get(key).is_some_and(|entry| entry.busy);
        if let Some(reason) = closed {
            if !run.left().any(under_way) && !self.balance.refresh().is_under_way() {
                self.end_flush(Some(Stopped::Open(reason)));
            }
            return;
        }
        match self.flush.lock() {
            Lock::None if self.next_for_flush(now).is_empty() => {}
            Lock::None => self.flush.lock_mut().ask(&mut self.cx),
            Lock::Without if self.wire.slots().is_free(Slot::Flush) => self.flush_step(now),
            Lock::Asked | Lock::Held | Lock::Without => {}
        }
    }

    /// A charge of the flush has had its turn, whatever came of it.
    pub(super) fn flush_is_through_with(&mut self, key: &Key) {
        self.flush.is_through_with(key, &self.outbox, &mut self.cx);
    }

    /// The charges of the flush that may leave together, in order.
    fn next_for_flush(&self, now: Now) -> Vec<Key> {
        let Some(run) = self.flush.run() else {
            return Vec::new();
        };
        if !self.may_send(now) {
            return Vec::new();
        }
        let mut keys: Vec<Key> = self
            .wire
            .due_in_order(now, &self.outbox)
            .into_iter()
            .filter(|key| run.has_left(key))
            .filter(|key| !self.calls.wants_sent(key))
            .filter(|key| self.may_begin_for(now, Way::Sending, key))
            .filter(|key| {
                let entry = self.outbox.get(key);
                entry.is_some_and(|entry| !self.outlook(now).needs_look_up(&entry.record))
            })
            .collect();
        let alone = |key: &Key| self.outbox.get(key).is_some_and(|entry| entry.alone);
        let size = match keys.first() {
            Some(first) if self.wire.gate().is_on_trial(Way::Sending) || alone(first) => 1,
            Some(_) | None => self.wire.batch_size(&self.cx),
        };
        if size > 1 {
            keys.retain(|key| !alone(key));
        }
        keys.truncate(size);
        keys
    }

    fn flush_step(&mut self, now: Now) {
        let keys = self.next_for_flush(now);
        if keys.is_empty() {
            return self.flush.lock_mut().let_go(&mut self.cx);
        }
        self.begin(now, Purpose::Send, Slot::Flush, keys);
    }

    pub(super) fn flush_step_ended(&mut self) {
        self.flush.lock_mut().let_go(&mut self.cx);
    }

    pub(super) fn lock_granted(&mut self, now: Now) {
        *self.flush.lock_mut() = Lock::Held;
        self.flush_step(now);
    }

    /// A tab that is frozen, or stands at a breakpoint, would keep the lock for ever.
    pub(super) fn lock_refused(&mut self, now: Now) {
        *self.flush.lock_mut() = Lock::None;
        if self.flush.run().is_some() && !defect!(WaitsForLockForEver) {
            *self.flush.lock_mut() = Lock::Without;
            self.flush_step(now);
        } else {
            self.lock_dropped();
        }
    }

    /// The page no longer waits for the lock: it is on its way out of sight.
    pub(super) fn lock_dropped(&mut self) {
        *self.flush.lock_mut() = Lock::None;
        if let Some(run) = self.flush.run() {
            // Other tabs go on with these; the slow tick sees to the rest.
            for key in run.left() {
                self.outbox.delay(key, self.reader.next_look_ms());
            }
            self.end_flush(Some(Stopped::AnotherTab));
        }
    }

    pub(super) fn end_flush(&mut self, stopped: Option<Stopped>) {
        self.flush.end(stopped, &self.outbox, &mut self.cx);
    }

    fn idle_report(&self, reason: OpenReason) -> FlushReport {
        FlushReport {
            remaining: self.outbox.open(),
            stopped: Some(Stopped::Open(reason)),
            ..FlushReport::default()
        }
    }

    pub(super) fn close_flush(&mut self) {
        self.end_flush(None);
        self.flush.lock_mut().let_go(&mut self.cx);
    }

    /// Makes everything that waits due at once.
    pub(super) fn hurry_all(&mut self, now: Now) {
        let waiting = self
            .outbox
            .iter()
            .filter(|entry| matches!(entry.record.state(), State::Waiting(_)) && !entry.busy);
        let keys: Vec<Key> = waiting
            .map(|entry| entry.record.charge().key.clone())
            .collect();
        for key in keys {
            self.outbox.hurry(&key, now);
        }
    }

    pub(super) fn forget_at_rest(&mut self, key: Key) {
        let then = Then::Observe {
            from_peer: true,
            confirmed: None,
        };
        self.writer.push(Op::Forget { key }, then);
    }
}
