//! Answering calls: with a verdict when there is one, with how things stand when waiting longer
//! is of no use.

use super::calls::{Call, Kind};
use super::{Answer, CallId, Engine, Life};
use crate::core::charge::{Charge, Key};
use crate::core::clock::Now;
use crate::core::network::Way;
use crate::core::outbox::Entry;
use crate::core::outcome::{FailureReason, OpenReason, Outcome, UnknownReason, What};
use crate::core::record::{Record, State, Verdict};

impl Engine {
    pub(super) fn resolve(&mut self, call: CallId, answer: Answer) {
        self.calls.remove(call);
        self.cx.resolve(call, answer);
    }

    /// Answers a call that waits; one that does no longer has had its answer.
    pub(super) fn resolve_waiting(&mut self, call: CallId, answer: Answer) {
        if self.calls.remove(call).is_some() {
            self.resolve(call, answer);
        }
    }

    pub(super) fn call(&self, now: Now, kind: Kind, key: Key, charge: Option<Charge>) -> Call {
        let patient = kind == Kind::Settled;
        Call {
            kind,
            key,
            charge,
            deadline_ms: (!patient).then(|| now.after(self.cx.config.respond_within_ms)),
            seeking: false,
            seek_at_ms: None,
            ordered: false,
            unread: 0,
            tries: 0,
            insists: kind == Kind::Retry,
        }
    }

    /// An attempt for this charge brought no verdict.
    pub(super) fn count_try(&mut self, key: &Key) {
        self.calls.count_tries(|call| call.key == *key);
    }

    /// A probe failed, on behalf of everybody who waits.
    pub(super) fn count_try_of_all(&mut self) {
        self.calls.count_tries(|_| true);
    }

    /// Answers the calls about this charge that can be answered, and does for the others what
    /// can be done.
    pub(super) fn progress(&mut self, now: Now, key: &Key) {
        let Some(entry) = self.outbox.get(key).cloned() else {
            return;
        };
        for id in self.calls.at(key) {
            let Some(call) = self.calls.get(id).filter(|call| !call.seeking).cloned() else {
                continue;
            };
            if let Some(outcome) = self.answer_to(now, &call, &entry) {
                self.log_answer(now, &call, &entry.record, &outcome);
                self.resolve_waiting(id, Answer::Outcome(outcome));
            }
        }
        if self.calls.wants_cancelled(key) {
            self.progress_cancel(now, key, &entry);
        }
    }

    pub(super) fn progress_all(&mut self, now: Now) {
        for key in self.calls.keys() {
            self.progress(now, &key);
        }
    }

    fn answer_to(&self, now: Now, call: &Call, entry: &Entry) -> Option<Outcome> {
        let record = &entry.record;
        let other = |charge: &Charge| !charge.is_same_as(record.charge());
        if entry.saved && call.charge.as_ref().is_some_and(other) {
            return Some(self.conflict(call, record));
        }
        // What is charged stays so, whatever has been read since.
        let up_to_date = is_charged(record) || (!entry.outdated && !self.reader.is_unread(entry));
        let wanted = self.calls.is_wanted_after_all(&call.key) && !is_charged(record);
        let known = !entry.busy && !wanted && up_to_date;
        let ended = known && !record.is_open();
        let answers = match call.kind {
            Kind::Charge | Kind::Retry => ended || (known && !self.worth_waiting(now, call, entry)),
            Kind::Settled => ended,
            // What is open or parked is given up first: see `progress_cancel`.
            Kind::Cancel => {
                (ended && !record.is_held())
                    || (record.given_up()
                        && !entry.busy
                        && (self.life != Life::Running || !self.worth_waiting(now, call, entry)))
            }
            Kind::Show => false,
        };
        answers.then(|| match call.kind {
            Kind::Cancel => self.outcome_of_cancel(entry, self.outcome_of(now, entry)),
            Kind::Charge | Kind::Retry | Kind::Settled | Kind::Show => self.outcome_of(now, entry),
        })
    }

    /// The key belongs to another charge, which stays as it is.
    fn conflict(&self, call: &Call, record: &Record) -> Outcome {
        let asked = call.charge.as_ref().unwrap_or(record.charge());
        Outcome {
            key: asked.key.clone(),
            task_id: asked.task_id.clone(),
            amount: asked.amount,
            attempts: record.attempts(),
            what: self.conflict_with(record.charge()),
        }
    }

    pub(super) fn conflict_with(&self, charge: &Charge) -> What {
        let (amount, feature, task) = (charge.amount, &charge.feature, &charge.task_id);
        What::Failed {
            reason: FailureReason::Conflict,
            retryable: false,
            detail: self.cx.say(
                &format!(
                    "the key already names a charge of {amount} points for {feature} of task {task}"
                ),
                &format!("该键已属于另一笔扣费：算力 {amount}，功能 {feature}，任务 {task}"),
            ),
        }
    }

    /// Whether an attempt for this call may still come before its time is up.
    pub(super) fn worth_waiting(&self, now: Now, call: &Call, entry: &Entry) -> bool {
        let deadline_ms = call.deadline_ms.unwrap_or(u64::MAX);
        if self.life == Life::SignedOut {
            return false;
        }
        if call.tries >= self.cx.config.max_attempts || now.mono_ms >= deadline_ms {
            return false;
        }
        if let State::Attempting(_) = entry.record.state() {
            // Another tab is at it.
            return true;
        }
        if self.writer.is_to_conclude(&call.key) {
            // The server's answer is told as soon as it is written down.
            return true;
        }
        // A charge that joins a retry waits for what that finds out.
        let asks_again = call.kind != Kind::Charge || self.calls.wants_retried(&call.key);
        let insists = call.tries > 0 || asks_again;
        if call.insists && (self.wire.gate().lets_pass() || self.is_being_probed()) {
            return true;
        }
        let way = match self.needs_look_up(&entry.record, now) {
            true => Way::LookUp,
            false => Way::Sending,
        };
        let next_ms = match self.wire.gate().closed_to(way, now) {
            None => Some(entry.due_ms()),
            Some(OpenReason::Busy) => self.wire.gate().opens_at(way),
            Some(OpenReason::Unreachable) if insists => self
                .wire
                .gate()
                .opens_at(way)
                .or(self.wire.gate().probe_at()),
            Some(OpenReason::Unauthorized) if self.balance.refresh().is_under_way() => {
                asks_again.then_some(now.mono_ms)
            }
            Some(
                OpenReason::Offline
                | OpenReason::Unreachable
                | OpenReason::Timeout
                | OpenReason::ServerError
                | OpenReason::Unauthorized,
            ) => None,
        };
        next_ms.is_some_and(|next_ms| next_ms <= deadline_ms)
    }

    /// Whether a probe is under way, or leaves at once.
    fn is_being_probed(&self) -> bool {
        self.balance.refresh().is_under_way() || self.wire.gate().probes_past_hold()
    }

    pub(super) fn outcome_of(&self, now: Now, entry: &Entry) -> Outcome {
        let waiting_for = self
            .wire
            .gate()
            .closed_for(now)
            .unwrap_or(OpenReason::Timeout);
        let outcome = Outcome::of(
            &entry.record,
            waiting_for,
            entry.saved && self.store.is_durable(),
            self.cx.config.locale,
        );
        if entry.outdated || self.reader.is_unread(entry) {
            return outcome.in_full_doubt();
        }
        // The journal may tell that it was sent before, by another tab or an earlier start; or it
        // does not tell yet what another tab has done with a charge of its own.
        let may_be_late = self.store.may_show_earlier_states() && self.tabs.others_live();
        match entry.saved && (!may_be_late || entry.is_own()) {
            true => outcome,
            false => outcome.in_doubt(),
        }
    }

    fn not_written_yet(&self, now: Now, outcome: Outcome) -> Outcome {
        let reason = self
            .wire
            .gate()
            .closed_for(now)
            .unwrap_or(OpenReason::Timeout);
        let detail = self.cx.say(
            "the charge is not in storage yet",
            "这笔扣费尚未写入本地存储",
        );
        Outcome {
            what: What::unknown(reason, false, detail),
            ..outcome
        }
    }

    /// The outcome for a call that is not answered by a verdict.
    fn outcome_so_far(&self, now: Now, call: &Call) -> Option<Outcome> {
        let entry = self.outbox.get(&call.key)?;
        let outcome = self.outcome_of(now, entry);
        let again = entry.busy || self.calls.is_wanted_after_all(&call.key);
        if again && !entry.record.is_held() && !is_charged(&entry.record) {
            // It is being taken up again: its last verdict says nothing of this try.
            return Some(self.not_written_yet(now, outcome));
        }
        Some(match call.kind {
            Kind::Cancel => self.outcome_of_cancel(entry, outcome),
            Kind::Charge | Kind::Retry | Kind::Settled | Kind::Show => outcome,
        })
    }

    /// What is told of a charge that is given up, where it could not be learnt what became of it.
    fn outcome_of_cancel(&self, entry: &Entry, outcome: Outcome) -> Outcome {
        if !entry.record.is_held() {
            return outcome;
        }
        Outcome {
            what: What::Unknown {
                reason: match outcome.what {
                    What::Queued { reason, .. } => UnknownReason::Open(reason),
                    What::Unknown { reason, .. } => reason,
                    What::Charged { .. } | What::Declined { .. } | What::Failed { .. } => {
                        UnknownReason::Open(OpenReason::Timeout)
                    }
                },
                resolving: entry.record.is_open(),
                durable: entry.saved && self.store.is_durable(),
                detail: self.cx.say(
                    "the server could not be asked whether it has charged this",
                    "暂时无法向服务器查询这笔是否已扣费",
                ),
            },
            ..outcome
        }
    }

    /// Answers a call with how things stand.
    pub(super) fn answer_so_far(&mut self, now: Now, id: CallId) {
        let Some(call) = self.calls.get(id).cloned() else {
            return;
        };
        if call.kind == Kind::Show {
            return self.show_known(id, &call.key);
        }
        match self.outcome_so_far(now, &call) {
            Some(outcome) => {
                if let Some(entry) = self.outbox.get(&call.key).cloned() {
                    self.log_answer(now, &call, &entry.record, &outcome);
                }
                self.resolve_waiting(id, Answer::Outcome(outcome));
            }
            None => self.resolve(id, Answer::NotFound),
        }
    }

    pub(super) fn calls_overdue(&mut self, now: Now) {
        for id in self.calls.overdue(now) {
            self.answer_so_far(now, id);
        }
    }

    pub(super) fn stop_waiting(&mut self, now: Now, id: CallId) {
        let kind = self.calls.get(id).map(|call| call.kind);
        if kind == Some(Kind::Settled) {
            // Whatever keeps its place must not wait for ever.
            self.resolve_waiting(id, Answer::NotWaiting);
        } else {
            self.answer_so_far(now, id);
        }
    }

    /// Tells a call the end of its charge. Who asks to be shown it is answered by the journal.
    pub(super) fn answer_end(&mut self, now: Now, key: &Key, call: CallId) {
        let shows = self
            .calls
            .get(call)
            .is_some_and(|call| call.kind == Kind::Show);
        if let Some(entry) = self.outbox.get(key).filter(|_| !shows) {
            let outcome = self.outcome_of(now, entry);
            self.resolve_waiting(call, Answer::Outcome(outcome));
        }
    }

    /// The charge is no longer known.
    pub(super) fn calls_of_vanished(&mut self, key: &Key) {
        for id in self.calls.at(key) {
            // Who asks to be shown it is answered by the journal.
            if self
                .calls
                .get(id)
                .is_some_and(|call| call.kind != Kind::Show)
            {
                self.resolve_waiting(id, Answer::NotFound);
            }
        }
    }
}

/// An outcome of a charge that had been made before the call.
pub(super) fn replayed(outcome: Outcome) -> Outcome {
    match outcome.what {
        What::Charged {
            charge_id, balance, ..
        } => Outcome {
            what: What::Charged {
                charge_id,
                balance,
                replayed: true,
            },
            ..outcome
        },
        what @ (What::Queued { .. }
        | What::Unknown { .. }
        | What::Declined { .. }
        | What::Failed { .. }) => Outcome { what, ..outcome },
    }
}

/// Whether the server has taken the points.
pub(super) fn is_charged(record: &Record) -> bool {
    matches!(record.state(), State::Settled(Verdict::Charged(_)))
}
