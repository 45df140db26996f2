//! Pending calls of the user, by charge, and their answers.

mod call;
mod outlook;

use self::call::Stage;
pub(super) use self::call::{Call, Kind};
pub(super) use self::outlook::{Outlook, conflict_with, is_charged, is_conflict, replayed};
use super::CallId;
use crate::core::charge::Key;
use crate::core::clock::Now;
use crate::core::ordered::{LongMap, LongSet};

/// All pending calls, by charge.
#[derive(Debug, Default)]
pub(super) struct Calls {
    calls: LongMap<CallId, Call>,
    by_key: LongMap<Key, Vec<CallId>>,
    /// When calls need attention, monotonic, and which.
    alarms: LongSet<(u64, CallId)>,
    /// The calls that demand a try.
    insisting: LongSet<CallId>,
}

impl Calls {
    pub(super) fn add(&mut self, id: CallId, call: Call) {
        if let Some(at_ms) = call.next_ms() {
            self.alarms.insert((at_ms, id), ());
        }
        if call.insists {
            self.insisting.insert(id, ());
        }
        match self.by_key.get_mut(&call.key) {
            Some(ids) => ids.push(id),
            None => {
                self.by_key.insert(call.key.clone(), vec![id]);
            }
        }
        self.calls.insert(id, call);
    }

    pub(super) fn get(&self, id: CallId) -> Option<&Call> {
        self.calls.get(&id)
    }

    fn set_stage(&mut self, id: CallId, stage: Stage) {
        let Some(call) = self.calls.get_mut(&id) else {
            return;
        };
        let before = call.next_ms();
        call.set_stage(stage);
        let after = call.next_ms();
        if let Some(at_ms) = before {
            self.alarms.remove(&(at_ms, id));
        }
        if let Some(at_ms) = after {
            self.alarms.insert((at_ms, id), ());
        }
    }

    /// The calls that need attention by now, in the order in which they were made.
    fn roused(&self, now: Now) -> Vec<CallId> {
        let alarms = self.alarms.keys();
        let roused = alarms.take_while(|(at_ms, _)| *at_ms <= now.mono_ms);
        let mut roused: Vec<CallId> = roused.map(|(_, id)| *id).collect();
        roused.sort_unstable();
        roused
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
        let mut due = Vec::new();
        for id in self.roused(now) {
            if let Some(call) = self.calls.get_mut(&id)
                && let Some(at_ms) = call.take_reading_due(now)
            {
                due.push((id, call.key.clone()));
                self.alarms.remove(&(at_ms, id));
            }
        }
        due
    }

    pub(super) fn remove(&mut self, id: CallId) -> Option<Call> {
        let call = self.calls.remove(&id)?;
        self.insisting.remove(&id);
        if let Some(at_ms) = call.next_ms() {
            self.alarms.remove(&(at_ms, id));
        }
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

    /// Whether a call about this charge waits.
    pub(super) fn any_at(&self, key: &Key) -> bool {
        self.by_key.contains_key(key)
    }

    pub(super) fn keys(&self) -> Vec<Key> {
        self.by_key.keys().cloned().collect()
    }

    fn any_so(&self, key: &Key, wanted: impl Fn(&Call) -> bool) -> bool {
        let ids = self.by_key.get(key).into_iter().flatten();
        ids.filter_map(|id| self.calls.get(id)).any(wanted)
    }

    /// Whether a call waits for this charge to be made.
    pub(super) fn wants_sent(&self, key: &Key) -> bool {
        self.any_so(key, |call| call.kind.wants_sent())
    }

    /// The charges for which a call demands a try now.
    pub(super) fn passing(&self) -> Vec<Key> {
        let calls = self.insisting.keys();
        let calls = calls.filter_map(|id| self.calls.get(id));
        let passing = calls.filter(|call| !call.is_reading());
        passing.map(|call| call.key.clone()).collect()
    }

    /// This charge gets its try.
    pub(super) fn has_its_try(&mut self, key: &Key) {
        for id in self.at(key) {
            self.insisting.remove(&id);
            if let Some(call) = self.calls.get_mut(&id) {
                call.insists = false;
            }
        }
    }

    /// Whether a call waits for this charge to be retried.
    pub(super) fn wants_retried(&self, key: &Key) -> bool {
        self.any_so(key, |call| call.kind == Kind::Retry)
    }

    /// Whether the journal is being read for a call about this charge, or the call's request is
    /// being written.
    pub(super) fn is_asked_for(&self, key: &Key) -> bool {
        self.any_so(key, |call| call.is_reading() || call.is_writing())
    }

    /// Whether a renewed request for this charge is being written.
    pub(super) fn is_wanted_after_all(&self, key: &Key) -> bool {
        self.any_so(key, |call| call.is_writing() && call.kind.wants_sent())
    }

    pub(super) fn deadline(&self) -> Option<u64> {
        self.alarms.first().map(|((at_ms, _), ())| *at_ms)
    }

    pub(super) fn overdue(&self, now: Now) -> Vec<CallId> {
        // Nothing can be answered about a charge before the journal has been asked whether it is
        // there.
        let due = |call: &Call| !call.is_reading() && call.is_overdue(now);
        let mut overdue = self.roused(now);
        overdue.retain(|id| self.get(*id).is_some_and(due));
        overdue
    }

    /// An attempt for this charge brought no verdict.
    pub(super) fn count_try(&mut self, key: &Key) {
        for id in self.at(key) {
            if let Some(call) = self.calls.get_mut(&id) {
                call.tries = call.tries.saturating_add(1);
            }
        }
    }

    /// A probe failed, on behalf of all waiting calls.
    pub(super) fn count_try_of_all(&mut self) {
        for key in self.keys() {
            self.count_try(&key);
        }
    }
}
