//! The user's calls that wait for an answer.

use super::CallId;
use crate::core::charge::{Charge, Key};
use crate::core::clock::Now;
use crate::core::ordered::Map;
use crate::core::outcome::{FailureReason, Outcome, What};

/// One call about one charge.
#[derive(Clone, Debug)]
pub(super) struct Call {
    pub(super) kind: Kind,
    pub(super) key: Key,
    /// What is to be charged, where the call says so.
    pub(super) charge: Option<Charge>,
    /// When it is answered at the latest; monotonic.
    pub(super) deadline_ms: Option<u64>,
    /// The journal is being asked for its charge, and only its word counts.
    pub(super) seeking: bool,
    /// When the journal is asked again, which could not be read; monotonic.
    pub(super) seek_at_ms: Option<u64>,
    /// What it asks for is being written down.
    pub(super) ordered: bool,
    /// How often the journal could not be read for it.
    pub(super) unread: u32,
    /// Attempts on its behalf that brought no verdict, probes included.
    pub(super) tries: u32,
    /// It asks for a try whatever hold there is, and has not had one.
    pub(super) insists: bool,
}

/// What a call asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Charge,
    Retry,
    Cancel,
    Settled,
    Show,
}

impl Call {
    /// Whether this answer to it is logged: where the charge's own record does not log it.
    pub(super) fn logs(&self, outcome: &Outcome) -> bool {
        let open = matches!(
            outcome.what,
            What::Queued { .. }
                | What::Unknown {
                    resolving: true,
                    ..
                }
        );
        let refused = match &outcome.what {
            What::Failed { reason, .. } => {
                // What has become of an earlier try has been logged.
                outcome.attempts == 0
                    || matches!(
                        reason,
                        FailureReason::Conflict | FailureReason::StorageUnavailable
                    )
            }
            What::Charged { .. }
            | What::Queued { .. }
            | What::Unknown { .. }
            | What::Declined { .. } => false,
        };
        self.kind != Kind::Settled && (open || refused)
    }

    /// Whether it should have been answered by now.
    pub(super) fn is_overdue(&self, now: Now) -> bool {
        self.deadline_ms.is_some_and(|at_ms| at_ms <= now.mono_ms)
    }
}

impl Kind {
    /// Whether it asks for its charge to be made.
    pub(super) fn wants_sent(self) -> bool {
        match self {
            Kind::Charge | Kind::Retry => true,
            Kind::Cancel | Kind::Settled | Kind::Show => false,
        }
    }
}

/// All of them.
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

    /// The journal is being asked, or has answered.
    pub(super) fn set_seeking(&mut self, id: CallId, seeking: bool) {
        if let Some(call) = self.calls.get_mut(&id) {
            call.seeking = seeking;
        }
    }

    /// What this call asks for is being written down, or no longer.
    pub(super) fn set_ordered(&mut self, id: CallId, ordered: bool) {
        if let Some(call) = self.calls.get_mut(&id) {
            call.ordered = ordered;
        }
    }

    /// The journal could not be read for this call, once more.
    pub(super) fn set_unread(&mut self, id: CallId, again_at_ms: u64) {
        if let Some(call) = self.calls.get_mut(&id) {
            call.unread = call.unread.saturating_add(1);
            call.seek_at_ms = Some(again_at_ms);
        }
    }

    /// The calls for which the journal is to be asked again now.
    pub(super) fn seek_due(&mut self, now: Now) -> Vec<(CallId, Key)> {
        let calls = self.calls.iter_mut();
        let due = calls.filter(|(_, call)| call.seek_at_ms.is_some_and(|at| at <= now.mono_ms));
        due.map(|(id, call)| {
            call.seek_at_ms = None;
            (*id, call.key.clone())
        })
        .collect()
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

    /// Whether somebody waits for this charge to be made.
    pub(super) fn wants_sent(&self, key: &Key) -> bool {
        self.any_at(key, |call| call.kind.wants_sent())
    }

    /// The charges of which somebody insists on a try now.
    pub(super) fn passing(&self) -> Vec<Key> {
        let calls = self.calls.values();
        let passing = calls.filter(|call| call.insists && !call.seeking);
        passing.map(|call| call.key.clone()).collect()
    }

    /// This charge has its try.
    pub(super) fn has_its_try(&mut self, key: &Key) {
        for call in self.calls.iter_mut().map(|(_, call)| call) {
            call.insists &= call.key != *key;
        }
    }

    /// Whether somebody waits for this charge to be tried again.
    pub(super) fn wants_retried(&self, key: &Key) -> bool {
        self.any_at(key, |call| call.kind == Kind::Retry)
    }

    /// Whether the journal is being asked for this charge on somebody's behalf, or what they ask
    /// for is being written down.
    pub(super) fn is_asked_for(&self, key: &Key) -> bool {
        self.any_at(key, |call| call.seeking || call.ordered)
    }

    /// Whether it is being written down that somebody wants this charge made after all.
    pub(super) fn is_wanted_after_all(&self, key: &Key) -> bool {
        self.any_at(key, |call| call.ordered && call.kind.wants_sent())
    }

    /// Whether somebody waits for this charge to be given up.
    pub(super) fn wants_cancelled(&self, key: &Key) -> bool {
        self.any_at(key, |call| call.kind == Kind::Cancel)
    }

    pub(super) fn next_deadline(&self) -> Option<u64> {
        let times = self.calls.values();
        times
            .filter_map(|call| match call.seeking {
                true => call.seek_at_ms,
                false => call.deadline_ms,
            })
            .min()
    }

    pub(super) fn overdue(&self, now: Now) -> Vec<CallId> {
        // Nothing can be said of a charge before the journal has been asked whether it is there.
        let due = |call: &Call| !call.seeking && call.is_overdue(now);
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
