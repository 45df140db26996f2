//! The user's calls that wait for an answer.

use super::CallId;
use crate::core::charge::{Charge, Key};
use crate::core::clock::Now;
use crate::core::ordered::Map;

/// Failed readings of the journal after which a charge counts as not found.
const READS_LIMIT: u32 = 3;

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
    /// What it asks for is being written down.
    pub(super) ordered: bool,
    /// How often the journal could not be read for it.
    pub(super) unread: u32,
    /// Attempts on its behalf that brought no verdict, probes included.
    pub(super) tries: u32,
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

impl Kind {
    fn wants_sent(self) -> bool {
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

    /// The journal could not be read for this call; whether it is asked again.
    pub(super) fn asks_again(&mut self, id: CallId) -> bool {
        self.calls.get_mut(&id).is_some_and(|call| {
            call.unread = call.unread.saturating_add(1);
            call.unread < READS_LIMIT
        })
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

    /// Whether somebody waits for this charge to be given up.
    pub(super) fn wants_cancelled(&self, key: &Key) -> bool {
        self.any_at(key, |call| call.kind == Kind::Cancel)
    }

    pub(super) fn next_deadline(&self) -> Option<u64> {
        self.calls
            .values()
            .filter_map(|call| call.deadline_ms)
            .min()
    }

    pub(super) fn overdue(&self, now: Now) -> Vec<CallId> {
        let due = |call: &Call| call.deadline_ms.is_some_and(|at| at <= now.mono_ms);
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
