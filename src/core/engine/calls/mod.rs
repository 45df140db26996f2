//! Pending calls of the user, by charge, and their answers.

mod call;
mod outlook;

use self::call::Stage;
pub(super) use self::call::{Call, Kind};
pub(super) use self::outlook::{Outlook, conflict_with, is_charged, replayed};
use super::CallId;
use crate::core::charge::Key;
use crate::core::clock::Now;
use crate::core::ordered::Map;

/// All pending calls, by charge.
#[derive(Debug, Default)]
pub(super) struct Calls {
    calls: Map<CallId, Call>,
    by_key: Map<Key, Vec<CallId>>,
}

impl Calls {
    pub(super) fn add(&mut self, id: CallId, call: Call) {
        self.by_key.entry(call.key.clone()).or_default().push(id);
        self.calls.insert(id, call);
    }

    pub(super) fn get(&self, id: CallId) -> Option<&Call> {
        self.calls.get(&id)
    }

    fn set_stage(&mut self, id: CallId, stage: Stage) {
        if let Some(call) = self.calls.get_mut(&id) {
            call.set_stage(stage);
        }
    }

    /// The journal is being read for this call.
    pub(super) fn reads_for(&mut self, id: CallId) {
        let stage = Stage::Reading {
            again_at_ms: None,
            unread: 0,
        };
        self.set_stage(id, stage);
    }

    /// This call's request is being written.
    pub(super) fn writes(&mut self, id: CallId) {
        self.set_stage(id, Stage::Writing);
    }

    /// The journal has been read or written for this call.
    pub(super) fn waits(&mut self, id: CallId) {
        self.set_stage(id, Stage::Waiting);
    }

    /// The journal could not be read for this call, once more.
    pub(super) fn reads_later(&mut self, id: CallId, again_at_ms: u64) {
        let unread = self.calls.get(&id).map_or(0, Call::unread);
        let stage = Stage::Reading {
            again_at_ms: Some(again_at_ms),
            unread: unread.saturating_add(1),
        };
        self.set_stage(id, stage);
    }

    /// The calls for which the journal is to be read again now.
    pub(super) fn due_readings(&mut self, now: Now) -> Vec<(CallId, Key)> {
        let calls = self.calls.iter_mut();
        let due =
            calls.filter_map(|(id, call)| call.is_due_again(now).then(|| (*id, call.key.clone())));
        due.collect()
    }

    pub(super) fn remove(&mut self, id: CallId) -> Option<Call> {
        let call = self.calls.remove(&id)?;
        if let Some(ids) = self.by_key.get_mut(&call.key) {
            ids.retain(|other| *other != id);
            if ids.is_empty() {
                self.by_key.remove(&call.key);
            }
        }
        Some(call)
    }

    pub(super) fn at(&self, key: &Key) -> Vec<CallId> {
        self.by_key
            .get(key)
            .into_iter()
            .flatten()
            .copied()
            .collect()
    }

    pub(super) fn keys(&self) -> Vec<Key> {
        self.by_key.keys().cloned().collect()
    }

    fn any_at(&self, key: &Key, wanted: impl Fn(&Call) -> bool) -> bool {
        let ids = self.by_key.get(key).into_iter().flatten();
        ids.filter_map(|id| self.calls.get(id)).any(wanted)
    }

    /// Whether a call waits for this charge to be made.
    pub(super) fn wants_sent(&self, key: &Key) -> bool {
        self.any_at(key, |call| call.kind.wants_sent())
    }

    /// The charges for which a call demands a try now.
    pub(super) fn passing(&self) -> Vec<Key> {
        let calls = self.calls.values();
        let passing = calls.filter(|call| call.insists && !call.is_reading());
        passing.map(|call| call.key.clone()).collect()
    }

    /// This charge gets its try.
    pub(super) fn has_its_try(&mut self, key: &Key) {
        for call in self.calls.iter_mut().map(|(_, call)| call) {
            call.insists &= call.key != *key;
        }
    }

    /// Whether a call waits for this charge to be retried.
    pub(super) fn wants_retried(&self, key: &Key) -> bool {
        self.any_at(key, |call| call.kind == Kind::Retry)
    }

    /// Whether the journal is being read for a call about this charge, or the call's request is
    /// being written.
    pub(super) fn is_asked_for(&self, key: &Key) -> bool {
        self.any_at(key, |call| call.is_reading() || call.is_writing())
    }

    /// Whether a renewed request for this charge is being written.
    pub(super) fn is_wanted_after_all(&self, key: &Key) -> bool {
        self.any_at(key, |call| call.is_writing() && call.kind.wants_sent())
    }

    pub(super) fn deadline(&self) -> Option<u64> {
        self.calls.values().filter_map(Call::next_ms).min()
    }

    pub(super) fn overdue(&self, now: Now) -> Vec<CallId> {
        // Nothing can be answered about a charge before the journal has been asked whether it is
        // there.
        let due = |call: &Call| !call.is_reading() && call.is_overdue(now);
        let overdue = self.calls.iter().filter(|(_, call)| due(call));
        overdue.map(|(id, _)| *id).collect()
    }

    pub(super) fn count_tries(&mut self, mut counts: impl FnMut(&Call) -> bool) {
        for call in self.calls.iter_mut().map(|(_, call)| call) {
            if counts(call) {
                call.tries = call.tries.saturating_add(1);
            }
        }
    }
}
