//! Flushing: sending in the background, one tab at a time, one batch a lock.

use super::journal::Then;
use super::wire::Slot;
use super::{Answer, CallId, Effect, Engine, Life, Notice};
use crate::core::charge::Key;
use crate::core::clock::Now;
use crate::core::journal::Op;
use crate::core::network::Way;
use crate::core::ordered::Set;
use crate::core::outcome::OpenReason;
use crate::core::record::{Purpose, State};
use crate::core::snapshot::{FlushProgress, FlushReport, Stopped};
use crate::core::stats::Class;

/// The flush that is going on, if any.
#[derive(Debug, Default)]
pub(super) struct Flush {
    run: Option<Run>,
    /// What failed and is to be taken up once there is room, while a flush goes on.
    pub(super) left_out: Vec<Op>,
    lock: Lock,
    elsewhere: Option<Elsewhere>,
}

/// The flush of another tab.
#[derive(Clone, Copy, Debug)]
struct Elsewhere {
    progress: FlushProgress,
    /// When it is taken to be over, if no more is heard of it; monotonic.
    until_ms: u64,
}

/// The lock under which one tab flushes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Lock {
    #[default]
    None,
    Asked,
    /// Ours, for as long as one step is under way.
    Held,
    /// Another tab has held it for as long as a claim lasts: it stands still. Until the flush ends
    /// claims alone keep tabs apart.
    Without,
}

/// One flush, from its start to its report.
#[derive(Debug, Default)]
struct Run {
    callers: Vec<CallId>,
    left: Set<Key>,
    total: usize,
    /// A charge has had its turn and is still open.
    unsettled: bool,
    /// The token was refused to one of these, whatever has become of it since.
    unauthorized: bool,
    report: FlushReport,
}

impl Flush {
    /// Of the flush that is going on, in this tab or another.
    pub(super) fn shown(&self) -> Option<FlushProgress> {
        let elsewhere = self.elsewhere.map(|elsewhere| elsewhere.progress);
        self.progress().or(elsewhere)
    }

    /// When the flush of another tab is taken to be over; monotonic.
    pub(super) fn elsewhere_until_ms(&self) -> Option<u64> {
        self.elsewhere.map(|elsewhere| elsewhere.until_ms)
    }

    /// Of this tab's own.
    pub(super) fn progress(&self) -> Option<FlushProgress> {
        let run = self.run.as_ref()?;
        (run.total > 0).then(|| FlushProgress {
            done: run.total.saturating_sub(run.left.len()),
            total: run.total,
        })
    }
}

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
        self.add_to_run(keys, Some(call));
    }

    /// Sends these in the background.
    pub(super) fn flush_due(&mut self, keys: Vec<Key>) {
        if !keys.is_empty() {
            self.add_to_run(keys, None);
        }
    }

    /// Another tab has told of its flush; `None` when that is over.
    pub(super) fn flush_elsewhere(&mut self, now: Now, progress: Option<FlushProgress>) {
        self.flush.elsewhere = progress.map(|progress| Elsewhere {
            progress,
            // A step of it waits for the lock, and then for an answer; neither takes longer.
            until_ms: now.after(self.cx.config.claim_ms().saturating_mul(2)),
        });
    }

    pub(super) fn forget_flush_elsewhere(&mut self, now: Now) {
        let until_ms = self.flush.elsewhere_until_ms();
        if until_ms.is_some_and(|until_ms| until_ms <= now.mono_ms) {
            self.flush.elsewhere = None;
        }
    }

    pub(super) fn add_to_run(&mut self, keys: Vec<Key>, caller: Option<CallId>) {
        let run = self.flush.run.get_or_insert_default();
        for key in keys {
            if run.left.insert(key, ()).is_none() {
                run.total = run.total.saturating_add(1);
            }
        }
        run.callers.extend(caller);
    }

    /// Whether the server has just said that it never charged this: its turn is yet to come.
    pub(super) fn is_cleared(&self, key: &Key) -> bool {
        self.outbox.get(key).is_some_and(
            |entry| matches!(entry.record.state(), State::Waiting(waiting) if waiting.cleared()),
        )
    }

    /// A charge of the flush has had its turn, whatever came of it.
    pub(super) fn flush_is_through_with(&mut self, key: &Key) {
        let entry = self.outbox.get(key);
        let class = entry.map(|entry| Class::of(&entry.record));
        let unauthorized = entry.is_some_and(|entry| match entry.record.state() {
            State::Waiting(waiting) => waiting
                .cause()
                .is_some_and(|cause| cause.reason == OpenReason::Unauthorized),
            State::Attempting(_) | State::Parked(_) | State::Settled(_) => false,
        });
        let Some(run) = &mut self.flush.run else {
            return;
        };
        if run.left.remove(key).is_none() {
            return;
        }
        let report = &mut run.report;
        let count = match class {
            Some(Class::Charged) => &mut report.charged,
            Some(Class::Declined) => &mut report.declined,
            Some(Class::Failed) => &mut report.failed,
            Some(Class::Unknown) => &mut report.unknown,
            Some(Class::Open) => {
                run.unsettled = true;
                run.unauthorized |= unauthorized;
                return self.tell_flush_progress();
            }
            None => return self.tell_flush_progress(),
        };
        *count = count.saturating_add(1);
        self.tell_flush_progress();
    }

    fn tell_flush_progress(&mut self) {
        if let Some(progress) = self.flush.progress() {
            self.cx.notice(Notice::FlushProgress(progress));
        }
    }

    /// Takes the flush one step on, or ends it.
    pub(super) fn advance_flush(&mut self, now: Now) {
        let Some(run) = &self.flush.run else {
            return;
        };
        let settled_elsewhere: Vec<Key> = run
            .left
            .keys()
            .filter(|key| {
                self.outbox
                    .get(key)
                    .is_none_or(|entry| self.is_settled(entry))
            })
            .cloned()
            .collect();
        for key in settled_elsewhere {
            self.flush_is_through_with(&key);
        }
        let closed = self.wire.gate().closed_for(now);
        let runs_out = |run: &Run| run.left.is_empty();
        if closed.is_none() && self.flush.run.as_ref().is_some_and(runs_out) {
            self.take_up_left_out(now);
        }
        let Some(run) = &self.flush.run else {
            return;
        };
        let waits = closed.is_some() && !self.flush.left_out.is_empty();
        if run.left.is_empty() && !waits {
            let refused = run.unauthorized.then_some(OpenReason::Unauthorized);
            let reason = closed.or(refused);
            let reason = reason.filter(|_| run.unsettled);
            return self.end_flush(reason.map(Stopped::Open));
        }
        let under_way = run
            .left
            .keys()
            .any(|key| self.outbox.get(key).is_some_and(|entry| entry.busy));
        if let Some(reason) = closed {
            if !under_way && !self.balance.refresh().is_under_way() {
                self.end_flush(Some(Stopped::Open(reason)));
            }
            return;
        }
        match self.flush.lock {
            Lock::None if self.next_for_flush(now).is_empty() => {}
            Lock::None => {
                self.flush.lock = Lock::Asked;
                self.cx.push(Effect::AskLock);
            }
            Lock::Without if self.wire.slots().is_free(Slot::Flush) => self.flush_step(now),
            Lock::Asked | Lock::Held | Lock::Without => {}
        }
    }

    /// Whether there is nothing left to send of this charge.
    fn is_settled(&self, entry: &crate::core::outbox::Entry) -> bool {
        !entry.busy && !entry.record.is_open()
    }

    /// The charges of the flush that may leave together, in order.
    fn next_for_flush(&self, now: Now) -> Vec<Key> {
        let Some(run) = &self.flush.run else {
            return Vec::new();
        };
        if !self.may_send(now) {
            return Vec::new();
        }
        let mut keys: Vec<Key> = self
            .wire
            .due_in_order(now, &self.outbox)
            .into_iter()
            .filter(|key| run.left.contains_key(key))
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
            return self.let_go_of_lock();
        }
        self.begin(now, Purpose::Send, Slot::Flush, keys);
    }

    pub(super) fn flush_step_ended(&mut self) {
        self.let_go_of_lock();
    }

    pub(super) fn lock_granted(&mut self, now: Now) {
        self.flush.lock = Lock::Held;
        self.flush_step(now);
    }

    /// A tab that is frozen, or stands at a breakpoint, would keep the lock for ever.
    pub(super) fn lock_refused(&mut self, now: Now) {
        self.flush.lock = Lock::None;
        if self.flush.run.is_some() && !defect!(WaitsForLockForEver) {
            self.flush.lock = Lock::Without;
            self.flush_step(now);
        } else {
            self.lock_dropped();
        }
    }

    /// The page no longer waits for the lock: it is on its way out of sight.
    pub(super) fn lock_dropped(&mut self) {
        self.flush.lock = Lock::None;
        if let Some(run) = &self.flush.run {
            // Other tabs go on with these; the slow tick sees to the rest.
            for key in run.left.keys() {
                self.outbox.delay(key, self.reader.next_look_ms());
            }
            self.end_flush(Some(Stopped::AnotherTab));
        }
    }

    fn let_go_of_lock(&mut self) {
        match self.flush.lock {
            Lock::Held => {
                self.cx.push(Effect::ReleaseLock);
                self.flush.lock = Lock::None;
            }
            Lock::None | Lock::Asked => self.flush.lock = Lock::None,
            Lock::Without => {}
        }
    }

    pub(super) fn end_flush(&mut self, stopped: Option<Stopped>) {
        let Some(run) = self.flush.run.take() else {
            return;
        };
        self.flush.left_out.clear();
        if self.flush.lock == Lock::Without {
            self.flush.lock = Lock::None;
        }
        let elsewhere = !run.callers.is_empty() && self.is_sent_elsewhere();
        let stopped = stopped.or(elsewhere.then_some(Stopped::AnotherTab));
        let report = FlushReport {
            remaining: self.outbox.open(),
            stopped,
            ..run.report
        };
        if run.total > 0 {
            self.cx.notice(Notice::FlushReport(report));
        }
        for call in run.callers {
            self.resolve(call, Answer::Flush(report));
        }
    }

    /// Whether another tab is at work on what is open.
    fn is_sent_elsewhere(&self) -> bool {
        let mut claims = self.outbox.iter().filter_map(|entry| entry.record.claim());
        claims.any(|claim| claim.tab != self.cx.tab)
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
        self.let_go_of_lock();
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
