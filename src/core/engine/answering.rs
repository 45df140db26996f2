//! Answering calls: with a verdict when there is one, with how things stand when waiting longer
//! is of no use.

use super::calls::{Kind, Outlook};
use super::{Answer, CallId, Engine};
use crate::core::charge::Key;
use crate::core::clock::Now;

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
            let Some(call) = self
                .calls
                .get(id)
                .filter(|call| !call.is_seeking())
                .cloned()
            else {
                continue;
            };
            if let Some(outcome) = self.outlook(now).answer_to(&call, &entry) {
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

    /// Answers a call with how things stand.
    pub(super) fn answer_so_far(&mut self, now: Now, id: CallId) {
        let Some(call) = self.calls.get(id).cloned() else {
            return;
        };
        if call.kind == Kind::Show {
            return self.show_known(id, &call.key);
        }
        match self.outbox.get(&call.key).cloned() {
            Some(entry) => {
                let outcome = self.outlook(now).so_far(&call, &entry);
                self.log_answer(now, &call, &entry.record, &outcome);
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
            let outcome = self.outlook(now).of(entry);
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

    /// How things stand.
    pub(super) fn outlook(&self, now: Now) -> Outlook<'_> {
        Outlook {
            now,
            life: self.life,
            cx: &self.cx,
            calls: &self.calls,
            wire: &self.wire,
            balance: &self.balance,
            writer: &self.writer,
            reader: &self.reader,
            store: &self.store,
            clocks: &self.clocks,
            others_live: self.tabs.others_live(),
        }
    }
}
