//! Holds that the server keeps for running tasks, so that other devices know of them: an optional
//! part of the protocol, `docs/holds.md`. A hold that the server counts is not counted here again.
//! Nothing of it is in the journal: after a restart points may be counted twice until the server's
//! holds expire, which shows less than there is, never more.

use super::tasks::Running;
use super::{CallId, SendId};
use crate::core::charge::{Charge, Key};
use crate::core::clock::Now;
use crate::core::points::Points;

/// How long a hold is requested for, in seconds. Work that dies with its tab blocks other devices
/// for no longer than that.
pub const HOLD_FOR_S: u64 = 180;

/// How long after a request that brought no hold the next one is made, in milliseconds.
const AGAIN_AFTER_MS: u64 = 45_000;

/// How often a hold is renewed at most, in milliseconds. One that the server grants for less than
/// twice of that lapses in between.
const RENEW_EVERY_MS: u64 = 10_000;

/// A hold that the server counts, as tabs tell each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counted {
    /// The version of the balance from which on `held` counts it.
    pub version: u64,
    /// When it may expire, milliseconds since the Unix epoch.
    pub until_ms: u64,
}

json_members! { to and from Counted { version, until_ms } }

/// The server's holds, as far as they are known here.
#[derive(Debug, Default)]
pub(super) struct ServerHolds {
    /// A few: one for each running task.
    holds: Vec<ServerHold>,
}

#[derive(Debug)]
struct ServerHold {
    key: Key,
    /// The points that the server holds.
    amount: Points,
    counted: Option<Counted>,
    /// When it may expire; monotonic. The wall clock may be set back.
    until_ms: u64,
    /// For a task of this tab.
    own: Option<Own>,
    /// Whether its release is on its way, which could overtake a new hold under this key.
    releasing: bool,
}

/// A hold that this tab requests.
#[derive(Debug, Default)]
struct Own {
    /// When it is requested next; monotonic.
    again_at_ms: u64,
    /// The last request. The answer to an earlier one may be out of date.
    requested: Option<SendId>,
    /// Calls that start the task, and are told whether it may when the server has answered.
    starts: Vec<CallId>,
    /// When they are told all the same; monotonic.
    told_by_ms: u64,
}

impl ServerHold {
    fn is_counted(&self, now: Now, version: u64) -> bool {
        let counted = self.counted.as_ref();
        counted.is_some_and(|counted| counted.version <= version && !self.is_over(now))
    }

    fn is_over(&self, now: Now) -> bool {
        let counted = self.counted.as_ref();
        let wall_is_over = counted.is_some_and(|counted| counted.until_ms <= now.wall_ms);
        wall_is_over || self.until_ms <= now.mono_ms
    }
}

impl ServerHolds {
    fn change(&mut self, key: &Key, change: impl FnOnce(&mut ServerHold)) {
        if let Some(hold) = self.holds.iter_mut().find(|hold| hold.key == *key) {
            return change(hold);
        }
        let mut hold = ServerHold {
            key: key.clone(),
            amount: Points::ZERO,
            counted: None,
            until_ms: 0,
            own: None,
            releasing: false,
        };
        change(&mut hold);
        self.holds.push(hold);
    }

    fn get(&self, key: &Key) -> Option<&ServerHold> {
        self.holds.iter().find(|hold| hold.key == *key)
    }

    fn own_mut(&mut self, key: &Key) -> Option<&mut Own> {
        let mut holds = self.holds.iter_mut();
        holds.find(|hold| hold.key == *key)?.own.as_mut()
    }

    // ---- tasks of this tab

    /// A task has started here. What another tab has said of its hold is for that tab to know.
    pub(super) fn start(&mut self, key: &Key) {
        self.change(key, |hold| {
            hold.counted = None;
            hold.own = Some(Own::default());
        });
    }

    /// A task has ended here. Returns whether the server may hold points for it.
    pub(super) fn end(&mut self, key: &Key) -> bool {
        let hold = self.holds.iter_mut().find(|hold| hold.key == *key);
        let own = hold.and_then(|hold| hold.own.take());
        own.is_some_and(|own| own.requested.is_some())
    }

    /// The tasks for which a hold is due.
    pub(super) fn due(&self, now: Now) -> Vec<Key> {
        let is_due = |hold: &&ServerHold| {
            let own = hold.own.as_ref();
            own.is_some_and(|own| own.again_at_ms <= now.mono_ms) && !hold.releasing
        };
        let due = self.holds.iter().filter(is_due);
        due.map(|hold| hold.key.clone()).collect()
    }

    /// A hold has been requested.
    pub(super) fn requested(&mut self, key: &Key, send: SendId, now: Now) {
        if let Some(own) = self.own_mut(key) {
            own.requested = Some(send);
            own.again_at_ms = now.after(AGAIN_AFTER_MS);
        }
    }

    /// The server does not hold points for this task, and says that it never will.
    pub(super) fn refused(&mut self, key: &Key) {
        if let Some(own) = self.own_mut(key) {
            own.again_at_ms = u64::MAX;
        }
    }

    /// Whether this is the last request for this hold, or its task has ended.
    pub(super) fn is_last(&self, key: &Key, send: SendId) -> bool {
        let own = self.get(key).and_then(|hold| hold.own.as_ref());
        own.is_none_or(|own| own.requested == Some(send))
    }

    /// The server holds the points of this task until then, monotonic.
    pub(super) fn held(&mut self, task: &Charge, version: u64, until_ms: u64, now: Now) {
        let left_ms = until_ms.saturating_sub(now.mono_ms);
        self.change(&task.key, |hold| {
            hold.amount = task.amount;
            if let Some(own) = &mut hold.own {
                own.again_at_ms = now.after(left_ms.div_ceil(2).max(RENEW_EVERY_MS));
            }
            hold.until_ms = until_ms;
            hold.counted = Some(Counted {
                version,
                until_ms: now.wall_after(left_ms),
            });
        });
    }

    /// A release leaves.
    pub(super) fn releases(&mut self, key: &Key) {
        self.change(key, |hold| hold.releasing = true);
    }

    /// The release has come to an end.
    pub(super) fn released(&mut self, key: &Key) {
        self.change(key, |hold| hold.releasing = false);
    }

    /// Whether a release is on its way.
    pub(super) fn is_being_released(&self, key: &Key) -> bool {
        self.get(key).is_some_and(|hold| hold.releasing)
    }

    // ---- calls that wait for the server

    /// Whether the start of this task waits for the server.
    pub(super) fn any_waits(&self, key: &Key) -> bool {
        let own = self.get(key).and_then(|hold| hold.own.as_ref());
        own.is_some_and(|own| !own.starts.is_empty())
    }

    /// A call waits for the server's answer, until this time at the latest.
    pub(super) fn wait(&mut self, key: &Key, call: CallId, until_ms: u64) {
        if let Some(own) = self.own_mut(key) {
            if own.starts.is_empty() {
                own.told_by_ms = until_ms;
            }
            own.starts.push(call);
        }
    }

    /// The calls that wait to start this task.
    pub(super) fn take_starts(&mut self, key: &Key) -> Vec<CallId> {
        let own = self.own_mut(key);
        own.map(|own| std::mem::take(&mut own.starts))
            .unwrap_or_default()
    }

    /// The calls that have waited for long enough.
    pub(super) fn take_overdue(&mut self, now: Now) -> Vec<CallId> {
        self.take_starts_if(|own| own.told_by_ms <= now.mono_ms)
    }

    fn take_starts_if(&mut self, wanted: impl Fn(&Own) -> bool) -> Vec<CallId> {
        let owned = self.holds.iter_mut().filter_map(|hold| hold.own.as_mut());
        let taken = owned.filter(|own| wanted(own));
        taken
            .flat_map(|own| std::mem::take(&mut own.starts))
            .collect()
    }

    /// Forgets everything. Returns the calls that wait.
    pub(super) fn clear(&mut self) -> Vec<CallId> {
        let starts = self.take_starts_if(|_| true);
        self.holds = Vec::new();
        starts
    }

    // ---- what is counted

    /// Another tab tells of a hold that the server counts.
    pub(super) fn hear(&mut self, task: &Running, counted: Counted, now: Now) {
        let until_ms = now.after(counted.until_ms.saturating_sub(now.wall_ms));
        self.change(&task.key, |hold| {
            hold.amount = task.amount;
            hold.until_ms = until_ms;
            hold.counted = Some(counted);
        });
    }

    /// What the other tabs are to know of this hold.
    pub(super) fn to_tell(&self, key: &Key) -> Option<Counted> {
        self.get(key)?.counted.clone()
    }

    /// The charges and tasks that are counted in the server's `held` at this version, and the points
    /// of each there.
    pub(super) fn counted(&self, now: Now, version: u64) -> impl Iterator<Item = (&Key, Points)> {
        let counted = self.holds.iter();
        let counted = counted.filter(move |hold| hold.is_counted(now, version));
        counted.map(|hold| (&hold.key, hold.amount))
    }

    /// All charges and tasks of which something is known.
    pub(super) fn keys(&self) -> impl Iterator<Item = &Key> {
        self.holds.iter().map(|hold| &hold.key)
    }

    /// Forgets the holds that are over, and those of these charges and tasks, which have ended.
    pub(super) fn forget(&mut self, now: Now, ended: &[Key]) {
        self.holds.retain_mut(|hold| {
            if hold.is_over(now) || ended.contains(&hold.key) {
                hold.counted = None;
            }
            hold.own.is_some() || hold.counted.is_some() || hold.releasing
        });
    }

    /// When one is over, or a call has waited for long enough; and if holds `may_leave`, when one is
    /// due. Monotonic.
    pub(super) fn deadline(&self, may_leave: bool) -> Option<u64> {
        let over = self.holds.iter().filter(|hold| hold.counted.is_some());
        let over = over.map(|hold| hold.until_ms);
        let own = self.holds.iter().flat_map(|hold| {
            let own = hold.own.as_ref();
            let told = own.filter(|own| !own.starts.is_empty());
            let due = own.filter(|_| may_leave && !hold.releasing);
            let told = told.map(|own| own.told_by_ms);
            told.into_iter().chain(due.map(|own| own.again_at_ms))
        });
        over.chain(own).min()
    }
}
