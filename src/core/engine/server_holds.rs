//! Holds that the server keeps for running tasks, so that other devices know of them: an optional
//! part of the protocol, `docs/holds.md`. A hold that the server counts is not counted here again.
//! Nothing of it is in the journal: after a restart points may be counted twice until the server's
//! holds have expired and the balance has been read, which shows less than there is, never more.

use super::tasks::Running;
use super::{CallId, SendId};
use crate::core::balance::Confirmed;
use crate::core::charge::{Charge, Key};
use crate::core::clock::Now;
use crate::core::points::Points;

/// How long a hold is requested for, in seconds. Work that dies with its browser blocks other devices
/// for no longer than that.
pub const HOLD_FOR_S: u64 = 180;

/// How long after a request that brought no hold the next one is made, in milliseconds.
const AGAIN_AFTER_MS: u64 = 45_000;

/// The shortest time between two requests for the hold of running work, in milliseconds. One that the
/// server grants for less lapses in between.
const RENEW_AFTER_AT_LEAST_MS: u64 = 10_000;

/// A hold that the server counts, as tabs tell each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counted {
    /// The version of the balance from which on `held` counts it.
    pub version: u64,
    /// When it may expire, milliseconds since the Unix epoch.
    pub until_ms: u64,
}

json_members! { to and from Counted { version, until_ms } }

/// What tells a reading of the balance from a later one: at one version `held` only shrinks, by every
/// hold that expires.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Reading {
    version: u64,
    held: Option<Points>,
}

impl From<&Confirmed> for Reading {
    fn from(known: &Confirmed) -> Reading {
        Reading {
            version: known.version,
            held: known.held,
        }
    }
}

/// The server's holds, as far as they are known here.
#[derive(Debug, Default)]
pub(super) struct ServerHolds {
    /// By key; one for each running task, and for each that has run lately.
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
    /// Whether that time has come.
    is_over: bool,
    /// The last balance that was known before. It counts the hold for as long as it is the last one
    /// known.
    read: Reading,
    /// The last request for this tab's task. The answer to an earlier one may be out of date.
    requested: Option<SendId>,
    /// When the last request left; monotonic.
    requested_at_ms: u64,
    /// Whether the server may hold points for an earlier task under this key, which are to be
    /// released.
    to_release: bool,
    /// The last release on its way, which could overtake a new hold under this key.
    releasing: Option<SendId>,
    /// Whether a release was lost, so that it may be held until it expires.
    may_linger: bool,
    /// For a task that runs in this tab.
    own: Option<Own>,
}

/// The hold of a task that runs in this tab, or is to start.
#[derive(Debug, Default)]
struct Own {
    /// When it is requested next; monotonic.
    again_at_ms: u64,
    /// Calls that start the task, and are told whether it may when the server has answered.
    starts: Vec<CallId>,
    /// When they are told all the same; monotonic.
    told_by_ms: u64,
    /// Whether the task may start only if the server holds its points.
    on_approval: bool,
}

impl ServerHold {
    fn is_counted(&self, now: Now, known: &Confirmed) -> bool {
        let counted = self.counted.as_ref();
        counted.is_some_and(|counted| counted.version <= known.version)
            && (!self.has_expired(now) || self.read == Reading::from(known))
    }

    fn has_expired(&self, now: Now) -> bool {
        let counted = self.counted.as_ref();
        let by_wall = counted.is_some_and(|counted| counted.until_ms <= now.wall_ms);
        by_wall || self.until_ms <= now.mono_ms
    }

    /// The server may not hold it any more: it is requested again as soon as that may be.
    fn doubt(&mut self, now: Now) {
        self.counted = None;
        self.request_soon(now);
    }

    fn request_soon(&mut self, now: Now) {
        let again_at_ms = self.renewable_at_ms().max(now.mono_ms);
        if let Some(own) = &mut self.own {
            own.again_at_ms = own.again_at_ms.min(again_at_ms);
        }
    }

    /// When the last request's hold expires at the latest; monotonic.
    fn lapses_at_ms(&self) -> u64 {
        let length_ms = HOLD_FOR_S.saturating_mul(1_000);
        self.requested_at_ms.saturating_add(length_ms)
    }

    /// Whether its release waits to leave, and is of use.
    fn is_left(&self, now: Now) -> bool {
        self.to_release && now.mono_ms < self.lapses_at_ms()
    }

    /// The turn of the request that is due for it, if there is one: the least goes first. Releases come
    /// before holds, which may need their points; each follows a hold, so that they can't keep holds
    /// waiting for ever. Then comes whatever ends soonest, the time of a hold or the patience of a
    /// call, and then work that runs without a hold.
    fn turn(&self, now: Now) -> Option<(u8, u64, CallId)> {
        if self.releasing.is_some() {
            return None;
        }
        if self.is_left(now) {
            return Some((0, self.requested_at_ms, 0));
        }
        let own = self.own.as_ref();
        let own = own.filter(|own| own.again_at_ms <= now.mono_ms)?;
        Some(match own.starts.first() {
            Some(call) => (1, own.told_by_ms, *call),
            None if !self.is_over => (1, self.until_ms, 0),
            None => (2, own.again_at_ms, 0),
        })
    }

    /// The earliest time for the next request; monotonic.
    fn renewable_at_ms(&self) -> u64 {
        self.requested_at_ms.saturating_add(RENEW_AFTER_AT_LEAST_MS)
    }
}

impl ServerHolds {
    fn change(&mut self, key: &Key, change: impl FnOnce(&mut ServerHold)) {
        if let Some(hold) = self.get_mut(key) {
            return change(hold);
        }
        let mut hold = ServerHold {
            key: key.clone(),
            amount: Points::ZERO,
            counted: None,
            until_ms: 0,
            is_over: true,
            read: Reading::default(),
            requested: None,
            requested_at_ms: 0,
            to_release: false,
            releasing: None,
            may_linger: false,
            own: None,
        };
        change(&mut hold);
        let place = self.holds.partition_point(|other| other.key < hold.key);
        self.holds.insert(place, hold);
    }

    fn place(&self, key: &Key) -> Option<usize> {
        self.holds.binary_search_by(|hold| hold.key.cmp(key)).ok()
    }

    fn get(&self, key: &Key) -> Option<&ServerHold> {
        self.holds.get(self.place(key)?)
    }

    fn get_mut(&mut self, key: &Key) -> Option<&mut ServerHold> {
        let place = self.place(key)?;
        self.holds.get_mut(place)
    }

    fn own_mut(&mut self, key: &Key) -> Option<&mut Own> {
        self.get_mut(key)?.own.as_mut()
    }

    // ---- tasks of this tab

    /// A task starts here; `on_approval` if the server alone can tell whether it may. Another tab's
    /// word on its hold is dropped: this tab's own request will confirm it.
    pub(super) fn start(&mut self, key: &Key, on_approval: bool, now: Now) {
        self.change(key, |hold| {
            hold.counted = None;
            hold.requested = None;
            hold.may_linger = false;
            hold.own = Some(Own {
                again_at_ms: now.mono_ms,
                on_approval,
                ..Own::default()
            });
        });
    }

    /// A task has ended here, or become a charge.
    pub(super) fn end(&mut self, key: &Key) {
        if let Some(hold) = self.get_mut(key) {
            hold.own = None;
            hold.to_release |= hold.requested.take().is_some();
        }
    }

    /// The key of the next request, if one is due, and whether it is a release: of one of these `ended`
    /// charges and tasks, by key, or of a task that has started again.
    pub(super) fn next(&self, now: Now, ended: &[Key]) -> Option<(Key, bool)> {
        let mut next: Option<((u8, u64, CallId), &Key)> = None;
        for hold in &self.holds {
            if let Some(turn) = hold.turn(now)
                && next.is_none_or(|(before, _)| turn < before)
                && (hold.own.is_some() || ended.binary_search(&hold.key).is_ok())
            {
                next = Some((turn, &hold.key));
            }
        }
        next.map(|((rank, _, _), key)| (key.clone(), rank == 0))
    }

    /// A hold has been requested.
    pub(super) fn requested(&mut self, key: &Key, send: SendId, now: Now) {
        if let Some(hold) = self.get_mut(key) {
            hold.requested = Some(send);
            hold.requested_at_ms = now.mono_ms;
            if let Some(own) = &mut hold.own {
                own.again_at_ms = now.after(AGAIN_AFTER_MS);
            }
        }
    }

    /// The server does not hold points for this task, and says that it never will.
    pub(super) fn rejected(&mut self, key: &Key) {
        if let Some(own) = self.own_mut(key) {
            own.again_at_ms = u64::MAX;
        }
    }

    /// Whether an answer to this request still counts: no later one has left, and its task has neither
    /// been released nor started again since.
    pub(super) fn is_last(&self, key: &Key, send: SendId) -> bool {
        self.get(key).is_none_or(|hold| match hold.requested {
            Some(last) => last == send,
            None => hold.own.is_none(),
        })
    }

    /// The server holds the points of this task from this version on until then, monotonic. `read` is
    /// what is known now.
    pub(super) fn held(
        &mut self,
        task: &Charge,
        version: u64,
        until_ms: u64,
        read: Reading,
        now: Now,
    ) {
        let left_ms = until_ms.saturating_sub(now.mono_ms);
        self.change(&task.key, |hold| {
            let again_at_ms = now.after(left_ms.div_ceil(2)).max(hold.renewable_at_ms());
            if let Some(own) = &mut hold.own {
                own.again_at_ms = again_at_ms;
            }
            hold.amount = task.amount;
            hold.until_ms = until_ms;
            hold.is_over = false;
            hold.read = read;
            hold.counted = Some(Counted {
                version,
                until_ms: now.wall_after(left_ms),
            });
        });
    }

    /// The page comes back after other tabs may have taken it for gone, and released what it held.
    pub(super) fn doubt_own(&mut self, now: Now) {
        for hold in self.holds.iter_mut().filter(|hold| hold.own.is_some()) {
            hold.doubt(now);
        }
    }

    /// Another tab may have released this hold.
    pub(super) fn doubt(&mut self, key: &Key, now: Now) {
        if let Some(hold) = self.get_mut(key) {
            hold.doubt(now);
        }
    }

    // ---- releases

    /// The server may hold points under this key from now on that no task of this tab needs: they are
    /// released when there is a slot.
    pub(super) fn release_later(&mut self, key: &Key, now: Now) {
        self.change(key, |hold| {
            hold.to_release = true;
            hold.requested_at_ms = now.mono_ms;
        });
    }

    /// Its release is nobody's business any more.
    pub(super) fn leave(&mut self, key: &Key) {
        if let Some(hold) = self.get_mut(key) {
            hold.to_release = false;
        }
    }

    /// A release leaves.
    pub(super) fn releases(&mut self, key: &Key, send: SendId) {
        self.change(key, |hold| {
            if std::mem::take(&mut hold.to_release) {
                hold.until_ms = hold.lapses_at_ms();
                hold.is_over = false;
            }
            hold.releasing = Some(send);
        });
    }

    /// A release has come to an end: the server holds nothing any more, or nobody knows.
    pub(super) fn released(&mut self, key: &Key, send: SendId, certainly: bool) {
        if let Some(hold) = self.get_mut(key)
            && hold.releasing == Some(send)
        {
            hold.releasing = None;
            hold.may_linger = !certainly;
        }
    }

    /// Whether a release is on its way, or waits to leave.
    pub(super) fn is_being_released(&self, key: &Key, now: Now) -> bool {
        let hold = self.get(key);
        hold.is_some_and(|hold| hold.releasing.is_some() || hold.is_left(now))
    }

    // ---- calls that wait for the server

    /// Whether the start of this task waits for the server.
    pub(super) fn any_waits(&self, key: &Key) -> bool {
        let own = self.get(key).and_then(|hold| hold.own.as_ref());
        own.is_some_and(|own| !own.starts.is_empty())
    }

    /// Whether this task may start only if the server holds its points.
    pub(super) fn is_on_approval(&self, key: &Key) -> bool {
        let own = self.get(key).and_then(|hold| hold.own.as_ref());
        own.is_some_and(|own| own.on_approval)
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

    /// The calls that wait to start this task. It is not on approval any more.
    pub(super) fn take_starts(&mut self, key: &Key) -> Vec<CallId> {
        match self.own_mut(key) {
            Some(own) => {
                own.on_approval = false;
                std::mem::take(&mut own.starts)
            }
            None => Vec::new(),
        }
    }

    /// The tasks whose calls have waited for long enough, or in vain: the server can't be asked, and
    /// has not been.
    pub(super) fn overdue(&self, now: Now, is_shut: bool) -> Vec<Key> {
        let overdue = self.holds.iter().filter(|hold| {
            let own = hold.own.as_ref().filter(|own| !own.starts.is_empty());
            let in_vain = is_shut && hold.requested.is_none();
            own.is_some_and(|own| in_vain || own.told_by_ms <= now.mono_ms)
        });
        overdue.map(|hold| hold.key.clone()).collect()
    }

    /// Forgets everything. Returns the calls that wait.
    pub(super) fn clear(&mut self) -> Vec<CallId> {
        let holds = std::mem::take(&mut self.holds).into_iter();
        let own = holds.filter_map(|hold| hold.own);
        own.flat_map(|own| own.starts).collect()
    }

    // ---- what is counted

    /// Another tab tells whether the server counts a hold for its task. Of a task that runs here too,
    /// this tab's own request tells.
    pub(super) fn hear(&mut self, task: &Running, now: Now) {
        let Some(counted) = task.counted.clone() else {
            if let Some(hold) = self.get_mut(&task.key).filter(|hold| hold.own.is_none()) {
                hold.counted = None;
            }
            return;
        };
        let until_ms = now.after(counted.until_ms.saturating_sub(now.wall_ms));
        self.change(&task.key, |hold| {
            if hold.own.is_some() {
                return;
            }
            hold.amount = task.amount;
            hold.until_ms = until_ms;
            hold.is_over = false;
            hold.counted = Some(counted);
        });
    }

    /// What the other tabs are to know of this hold.
    pub(super) fn to_tell(&self, key: &Key) -> Option<&Counted> {
        self.get(key)?.counted.as_ref()
    }

    /// The charges and tasks that the `held` of this balance counts, and the points of each there.
    pub(super) fn counted<'a>(
        &'a self,
        now: Now,
        known: &'a Confirmed,
    ) -> impl Iterator<Item = (&'a Key, Points)> {
        let counted = self.holds.iter();
        let counted = counted.filter(move |hold| hold.is_counted(now, known));
        counted.map(|hold| (&hold.key, hold.amount))
    }

    /// The server does not count this hold.
    pub(super) fn discount(&mut self, key: &Key) {
        if let Some(hold) = self.get_mut(key) {
            hold.counted = None;
        }
    }

    /// The keys of all known holds.
    pub(super) fn keys(&self) -> impl Iterator<Item = &Key> {
        self.holds.iter().map(|hold| &hold.key)
    }

    /// Forgets what holds nothing any more: the holds of these `ended` tasks and charges, by key, and
    /// those that the known balance does not count any more. Returns whether one whose release was lost
    /// has just expired, which another reading of the balance would show.
    pub(super) fn advance(&mut self, now: Now, known: Reading, ended: &[Key]) -> bool {
        let mut expired = false;
        self.holds.retain_mut(|hold| {
            let before = hold.is_over;
            hold.is_over = hold.has_expired(now);
            if !hold.is_over {
                hold.read = known;
            } else if !before {
                expired |= std::mem::take(&mut hold.may_linger);
                hold.request_soon(now);
            }
            if ended.binary_search(&hold.key).is_ok() || (hold.is_over && hold.read != known) {
                hold.counted = None;
            }
            hold.own.is_some()
                || hold.counted.is_some()
                || hold.releasing.is_some()
                || hold.may_linger
                || hold.is_left(now)
        });
        expired
    }

    /// When one expires, or a call has waited for long enough; and if a request `may_leave`, when one
    /// is due. Monotonic.
    pub(super) fn deadline(&self, may_leave: bool, now: Now) -> Option<u64> {
        let expiry = self.holds.iter().filter(|hold| !hold.is_over);
        let expiry = expiry.map(|hold| hold.until_ms);
        let own = self.holds.iter().flat_map(|hold| {
            let own = hold.own.as_ref();
            let told = own.filter(|own| !own.starts.is_empty());
            let waits = hold.releasing.is_some() || hold.is_left(now);
            let due = own.filter(|_| may_leave && !waits);
            let told = told.map(|own| own.told_by_ms);
            told.into_iter().chain(due.map(|own| own.again_at_ms))
        });
        expiry.chain(own).min()
    }
}
