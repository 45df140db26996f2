//! What the store reports of itself: damage, loss, and that it had to move.

use super::answering::is_charged;
use super::orders::Then;
use super::{Engine, Life};
use crate::core::alert::AlertKind;
use crate::core::backoff::Backoff;
use crate::core::charge::Key;
use crate::core::clock::Now;
use crate::core::journal::Op;
use crate::core::outbox::Entry;
use crate::core::record::Record;
use crate::core::snapshot::StorageKind;

/// What was left alone is reported once, as long as no more than so many records are.
const LEFT_ALONE_LIMIT: usize = 1_000;

/// So many of them are told one by one.
const TOLD_LIMIT: usize = 5;

/// What fails on this device mostly works again soon, or not at all: it is tried again no later, in
/// milliseconds.
const LONGEST_PAUSE_MS: u64 = 15_000;

/// A storage that has failed is told to be well when it has worked for so long, in milliseconds: one
/// that fails now and then is one trouble, and not many.
const WELL_AFTER_MS: u64 = 15_000;

/// So many lost charges are kept in mind.
const LOST_LIMIT: usize = 10_000;

/// What there is of the account's charges from before, besides what this client has read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Earlier {
    /// Nothing, as far as is known.
    #[default]
    Nothing,
    /// The journal is no new one: what it holds is not known before it has been read.
    Here,
    /// Another journal, which this client does not read: whatever it is asked to charge may have
    /// been sent before.
    Elsewhere,
}

/// The charges that are open in the journal, for whoever notices that it is lost.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OpenCharges {
    /// How many.
    pub count: usize,
    /// The keys of the first.
    pub keys: Vec<Key>,
}

impl Engine {
    /// The charges that are open in the journal, with no more keys than `most`.
    pub fn open_charges(&self, most: usize) -> OpenCharges {
        let counts = self.outbox.counts();
        let open = self.outbox.iter();
        let open = open.filter(|entry| entry.saved && entry.record.is_held());
        let keys = open.map(|entry| entry.record.charge().key.clone());
        OpenCharges {
            count: self.outbox.open().saturating_add(counts.unknown),
            keys: keys.take(most).collect(),
        }
    }

    /// Whether a charge that the journal does not have may have been sent before.
    pub(super) fn may_have_been_sent(&self, key: &Key) -> bool {
        let unread = self.earlier == Earlier::Elsewhere && !defect!(IgnoresUnreadJournal);
        unread || (self.lost.contains_key(key) && !defect!(ForgetsLostRecords))
    }

    /// Whether another journal holds charges that this client can't read.
    pub fn leaves_charges_unread(&self) -> bool {
        self.earlier == Earlier::Elsewhere
    }

    /// How soon the storage is tried again.
    pub(super) fn storage_backoff(&self) -> Backoff {
        Backoff {
            max_ms: self.cx.config.backoff.max_ms.min(LONGEST_PAUSE_MS),
            ..self.cx.config.backoff
        }
    }

    /// Whether the journal, which does not answer, may have a charge of which this client has not
    /// heard.
    pub(super) fn may_be_in_journal(&self) -> bool {
        let unread = match self.earlier {
            Earlier::Nothing => false,
            Earlier::Here | Earlier::Elsewhere => !defect!(IgnoresUnreadJournal),
        };
        unread || self.others_live()
    }

    /// Whether other tabs are known to live.
    pub(super) fn others_live(&self) -> bool {
        self.alive.keys().any(|tab| *tab != self.cx.tab)
    }

    /// Whether this tab is known to be the only one.
    fn is_only_tab(&self) -> bool {
        !self.alive.is_empty() && !self.others_live()
    }

    /// Whether what the store shows may be older than what another tab, or this one before a crash,
    /// has written there.
    pub(super) fn may_show_earlier_states(&self) -> bool {
        match self.storage {
            StorageKind::LocalStorage => true,
            StorageKind::IndexedDb | StorageKind::Memory => false,
        }
    }

    /// The journal has been read, all of it.
    pub(super) fn has_read_all(&mut self) {
        match self.earlier {
            Earlier::Nothing | Earlier::Elsewhere => {}
            Earlier::Here => self.earlier = Earlier::Nothing,
        }
    }

    /// The record of this charge is lost.
    pub(super) fn is_lost(&mut self, key: &Key) {
        if self.lost.len() < LOST_LIMIT {
            self.lost.insert(key.clone(), ());
        }
    }

    pub(super) fn unreadable(&mut self, now: Now, set_aside: Vec<String>, left_alone: Vec<String>) {
        let mut details = set_aside;
        for detail in left_alone {
            let is_new = self.left_alone.len() < LEFT_ALONE_LIMIT
                && self.left_alone.insert(detail.clone(), ()).is_none();
            details.extend(is_new.then_some(detail));
        }
        for detail in &details {
            self.cx.log_error(now, detail.clone());
        }
        if let Some(first) = details.first() {
            let count = details.len();
            let detail = match count {
                1 => first.clone(),
                _ => self.cx.say(
                    &format!("{count} stored charges can't be read; the first: {first}"),
                    &format!("{count} 笔已保存的扣费无法读取；第一笔：{first}"),
                ),
            };
            // Each discovery is an episode of its own.
            self.cx.alert(now, AlertKind::RecordQuarantined, detail);
        }
    }

    /// What this tab knows of the open charges goes along.
    pub(super) fn moved(&mut self, now: Now, to: StorageKind, why: &str, from: Earlier) {
        self.storage = to;
        self.earlier = match from {
            Earlier::Nothing => self.earlier,
            // All that is there is known and goes along, and nobody adds to it.
            Earlier::Here if self.loaded_all && self.is_only_tab() && self.goes_along_whole() => {
                Earlier::Nothing
            }
            Earlier::Here | Earlier::Elsewhere => Earlier::Elsewhere,
        };
        let detail = self.cx.say(
            &format!("the journal is not in IndexedDB ({why}): a crash may lose open charges"),
            &format!("账本不在 IndexedDB 中（{why}）：浏览器崩溃可能丢失未完成的扣费"),
        );
        self.cx.log_error(now, detail.clone());
        self.storage_well_at_ms = None;
        self.raise(now, AlertKind::StorageDegraded, detail);
        let goes_along = |entry: &&Entry| {
            let record = &entry.record;
            // What is being taken on for the first time has not been promised to anybody.
            let is_new = entry.busy && record.revision() == 1;
            match entry.saved {
                true => record.is_held(),
                false => !is_new && (record.is_held() || is_charged(record)),
            }
        };
        let known = self.outbox.iter().filter(goes_along);
        let records: Vec<Record> = known.map(|entry| entry.record.clone()).collect();
        for record in &records {
            // There it is not, until it has been taken over.
            self.outbox
                .update(&record.charge().key, |entry| entry.saved = false);
        }
        // Before whatever else has been ordered: it has to find them.
        self.journaling.retry_unsaved_first();
        self.journaling.push_first(
            records
                .into_iter()
                .map(|record| (Op::Adopt { record }, Then::Resaved)),
        );
    }

    /// Whether there is nothing settled to be left behind.
    fn goes_along_whole(&self) -> bool {
        let mut entries = self.outbox.iter();
        entries.all(|entry| entry.record.is_held() || !entry.saved)
    }

    /// What was open is found to be gone when the journal is read, and told as `unknown`.
    pub(super) fn wiped(&mut self, now: Now, detail: &str, lost: Vec<Key>) {
        for key in &lost {
            self.is_lost(key);
        }
        let detail = self.cx.say(
            &format!("the journal was wiped: {detail}"),
            &format!("账本已被清除：{detail}"),
        );
        self.cx.log_error(now, detail.clone());
        let held = self.outbox.iter().any(|entry| entry.record.is_held());
        // A reading may have missed them before this was told.
        let at_stake = held || !self.lost.is_empty();
        if at_stake || self.life == Life::Recovering {
            // A loss is told however the storage has been doing.
            self.cx.alert(now, AlertKind::StorageDegraded, detail);
        }
        self.load_anew();
    }

    /// What has been accepted since then is not there, and what is there may have gone on.
    pub(super) fn set_back_journal(&mut self, now: Now, lost: &[Key]) {
        // What was not noted by name may have been sent as well.
        self.earlier = Earlier::Elsewhere;
        for key in lost {
            self.is_lost(key);
        }
        let named = lost.iter().take(TOLD_LIMIT).map(Key::as_str);
        let named = named.collect::<Vec<&str>>().join(", ");
        let detail = match lost.len() {
            0 => self.cx.say(
                "the journal is older than what was accepted: charges may be missing in it",
                "账本比已受理的记录旧：其中可能缺少扣费",
            ),
            count => self.cx.say(
                &format!(
                    "the journal is older than what was accepted: {count} accepted charges are missing in it: {named}{}",
                    if count > TOLD_LIMIT { " and others" } else { "" }
                ),
                &format!(
                    "账本比已受理的记录旧：缺少 {count} 笔已受理的扣费：{named}{}",
                    if count > TOLD_LIMIT { " 等" } else { "" }
                ),
            ),
        };
        self.cx.log_error(now, detail.clone());
        self.cx.alert(now, AlertKind::StorageDegraded, detail);
        self.load_anew();
    }

    /// The journal has been written or read.
    pub(super) fn storage_works(&mut self, now: Now) {
        let works = self.durable() && self.load_failures == 0 && self.journaling.works();
        if works && self.bulletin.goes_on(AlertKind::StorageDegraded) {
            self.storage_well_at_ms
                .get_or_insert(now.after(WELL_AFTER_MS));
        }
    }

    pub(super) fn storage_well_if_due(&mut self, now: Now) {
        if self
            .storage_well_at_ms
            .is_some_and(|at_ms| at_ms <= now.mono_ms)
        {
            self.storage_well_at_ms = None;
            self.bulletin.end(AlertKind::StorageDegraded);
        }
    }

    pub(super) fn storage_failed(&mut self, now: Now, error: &str) {
        self.storage_well_at_ms = None;
        let detail = self.cx.say(
            &format!("storage failed: {error}"),
            &format!("存储失败：{error}"),
        );
        self.cx.log_error(now, detail.clone());
        self.raise(now, AlertKind::StorageDegraded, detail);
    }
}
