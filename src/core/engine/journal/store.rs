//! The storage of the journal: its kind, its condition, and its losses.

use super::super::bulletin::Bulletin;
use super::super::context::Context;
use crate::core::alert::AlertKind;
use crate::core::backoff::Backoff;
use crate::core::charge::Key;
use crate::core::clock::Now;
use crate::core::ordered::Set;
use crate::core::snapshot::{QueueCounts, StorageKind};
use crate::core::text::Message;

/// Maximum number of left-alone records remembered, so that each is reported once.
const LEFT_ALONE_LIMIT: usize = 1_000;

/// Maximum number of lost charges that are reported by name.
const TOLD_LIMIT: usize = 5;

/// Longest pause before the storage is tried again, in milliseconds: failures on a device mostly
/// pass soon, or never.
const LONGEST_PAUSE_MS: u64 = 15_000;

/// How long a failed storage must work before its recovery is reported, in milliseconds:
/// intermittent failures are one episode, not many.
const WELL_AFTER_MS: u64 = 15_000;

/// Maximum number of lost charges remembered.
const LOST_LIMIT: usize = 10_000;

/// The account's earlier charges that this client has not read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Earlier {
    /// None known.
    #[default]
    Nothing,
    /// The journal is not new: its contents are unknown until it has been read.
    Here,
    /// Another journal that this client does not read: any charge it is asked for may have been
    /// sent before.
    Elsewhere,
}

/// The charges open in the journal, for the case that it is lost.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OpenCharges {
    /// Their number.
    pub count: usize,
    /// The keys of the first ones.
    pub keys: Vec<Key>,
    /// The whole queue as it is at rest, its points those of open charges; `None` while something is
    /// being written, or where not all that is there is known.
    pub at_rest: Option<QueueCounts>,
    /// Whether tasks are at work, whose points are held besides.
    pub at_work: bool,
}

/// The storage that a journal has left behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MovedFrom {
    /// It held nothing of the account's.
    Nothing,
    /// All of its contents are known and migrate, and nothing adds to it.
    TakenAlong,
    /// It may hold more than is known.
    LeftBehind,
}

/// The journal's storage.
#[derive(Debug)]
pub struct Store {
    kind: StorageKind,
    earlier: Earlier,
    /// Charges whose records are known to be lost.
    lost: Set<Key>,
    /// Records reported as left alone.
    left_alone: Set<String>,
    /// Whether the browser has promised not to evict the journal; `None` before its answer.
    persisted: Option<bool>,
    /// When the recovery of a failed storage will be reported; monotonic.
    well_at_ms: Option<u64>,
}

impl Store {
    pub fn new(kind: StorageKind, earlier: Earlier) -> Store {
        Store {
            kind,
            earlier,
            lost: Set::new(),
            left_alone: Set::new(),
            persisted: None,
            well_at_ms: None,
        }
    }

    pub fn kind(&self) -> StorageKind {
        self.kind
    }

    /// Whether writes survive a crash of the browser.
    pub fn is_durable(&self) -> bool {
        self.kind == StorageKind::IndexedDb
    }

    pub fn persisted(&self) -> Option<bool> {
        self.persisted
    }

    pub fn set_persisted(&mut self, persisted: bool) {
        self.persisted = Some(persisted);
    }

    /// Whether it may show an older state than another tab, or this one before a crash, has
    /// written.
    pub fn may_show_earlier_states(&self) -> bool {
        match self.kind {
            StorageKind::LocalStorage => true,
            StorageKind::IndexedDb | StorageKind::Memory => false,
        }
    }

    /// Whether there are records that this version can't read.
    pub fn leaves_alone(&self) -> bool {
        !self.left_alone.is_empty()
    }

    /// Whether a charge that the journal does not have may have been sent before.
    pub fn may_have_been_sent(&self, key: &Key) -> bool {
        let unread = self.earlier == Earlier::Elsewhere && !defect!(IgnoresUnreadJournal);
        unread || self.is_lost(key)
    }

    /// Whether the journal has lost the record of this charge.
    pub fn is_lost(&self, key: &Key) -> bool {
        self.lost.contains_key(key) && !defect!(ForgetsLostRecords)
    }

    /// Whether another journal holds charges that this client can't read.
    pub fn leaves_charges_unread(&self) -> bool {
        self.earlier == Earlier::Elsewhere
    }

    /// Whether this or another storage holds charges that this client has not read.
    pub fn has_unread(&self) -> bool {
        match self.earlier {
            Earlier::Nothing => false,
            Earlier::Here | Earlier::Elsewhere => !defect!(IgnoresUnreadJournal),
        }
    }

    /// The whole journal has been read.
    pub fn has_read_all(&mut self) {
        match self.earlier {
            Earlier::Nothing | Earlier::Elsewhere => {}
            Earlier::Here => self.earlier = Earlier::Nothing,
        }
    }

    /// The record of this charge is lost.
    pub fn lose(&mut self, key: &Key) {
        if self.lost.len() < LOST_LIMIT {
            self.lost.insert(key.clone(), ());
        }
    }

    /// Whether the record of this charge has been lost.
    pub fn has_lost(&self, key: &Key) -> bool {
        self.lost.contains_key(key)
    }

    /// How soon the storage is tried again.
    pub fn backoff(cx: &Context) -> Backoff {
        Backoff {
            max_ms: cx.config.backoff.max_ms.min(LONGEST_PAUSE_MS),
            ..cx.config.backoff
        }
    }

    /// The storage holds unreadable records.
    pub fn unreadable(
        &mut self,
        now: Now,
        set_aside: Vec<String>,
        left_alone: Vec<String>,
        cx: &mut Context,
    ) {
        let mut details = set_aside;
        for detail in left_alone {
            let is_new = self.left_alone.len() < LEFT_ALONE_LIMIT
                && self.left_alone.insert(detail.clone(), ()).is_none();
            details.extend(is_new.then_some(detail));
        }
        for detail in &details {
            cx.log_error(now, &Message::Unreadable(detail.clone()));
        }
        let count = details.len();
        if let Some(first) = details.into_iter().next() {
            let message = match count {
                1 => Message::Unreadable(first),
                _ => Message::UnreadableMany { count, first },
            };
            // Each discovery is an episode of its own.
            cx.alert(now, AlertKind::RecordQuarantined, message);
        }
    }

    /// The journal has migrated to another storage.
    pub fn moved(
        &mut self,
        now: Now,
        to: StorageKind,
        why: &str,
        from: MovedFrom,
        bulletin: &mut Bulletin,
        cx: &mut Context,
    ) {
        self.kind = to;
        self.earlier = match from {
            MovedFrom::Nothing => self.earlier,
            MovedFrom::TakenAlong => Earlier::Nothing,
            MovedFrom::LeftBehind => Earlier::Elsewhere,
        };
        let message = Message::NoLongerDurable(why.to_owned());
        self.degraded(now, message, bulletin, cx);
    }

    /// The storage was wiped. The next reading finds the open charges gone, and they are reported
    /// as `unknown`; something is `at_stake` if there were any.
    pub fn wiped(
        &mut self,
        now: Now,
        detail: &str,
        lost: &[Key],
        at_stake: bool,
        cx: &mut Context,
    ) {
        for key in lost {
            self.lose(key);
        }
        let message = Message::Wiped(detail.to_owned());
        cx.log_error(now, &message);
        // A reading may have missed them before this report.
        if at_stake || !self.lost.is_empty() {
            // A loss is reported whatever the condition of the storage.
            cx.alert(now, AlertKind::StorageDegraded, message);
        }
    }

    /// The storage was set back: later charges are missing, and those that remain may have
    /// progressed.
    pub fn set_back(&mut self, now: Now, lost: &[Key], cx: &mut Context) {
        // Charges that were not noted by name may have been sent as well.
        self.earlier = Earlier::Elsewhere;
        for key in lost {
            self.lose(key);
        }
        let message = match lost.len() {
            0 => Message::SetBack,
            count => Message::SetBackWithout {
                count,
                first: lost.iter().take(TOLD_LIMIT).cloned().collect(),
            },
        };
        cx.log_error(now, &message);
        cx.alert(now, AlertKind::StorageDegraded, message);
    }

    pub fn failed(&mut self, now: Now, error: &str, bulletin: &mut Bulletin, cx: &mut Context) {
        let message = Message::StorageFailed(error.to_owned());
        self.degraded(now, message, bulletin, cx);
    }

    fn degraded(&mut self, now: Now, message: Message, bulletin: &mut Bulletin, cx: &mut Context) {
        cx.log_error(now, &message);
        self.well_at_ms = None;
        bulletin.raise(now, AlertKind::StorageDegraded, message, cx);
    }

    /// The storage has been written and read without a failure.
    pub fn works(&mut self, now: Now, bulletin: &Bulletin) {
        if self.is_durable() && bulletin.goes_on(AlertKind::StorageDegraded) {
            self.well_at_ms.get_or_insert(now.after(WELL_AFTER_MS));
        }
    }

    pub fn deadline(&self) -> Option<u64> {
        self.well_at_ms
    }

    pub fn advance(&mut self, now: Now, bulletin: &mut Bulletin) {
        if self.well_at_ms.is_some_and(|at_ms| at_ms <= now.mono_ms) {
            self.well_at_ms = None;
            bulletin.end(AlertKind::StorageDegraded);
        }
    }
}
