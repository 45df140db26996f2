//! What the store reports of itself: damage, loss, and that it had to move.

use super::answering::is_charged;
use super::orders::Then;
use super::{Engine, Life};
use crate::core::alert::AlertKind;
use crate::core::clock::Now;
use crate::core::journal::Op;
use crate::core::outbox::Entry;
use crate::core::record::Record;
use crate::core::snapshot::StorageKind;

/// What was left alone is reported once, as long as no more than so many records are.
const LEFT_ALONE_LIMIT: usize = 1_000;

impl Engine {
    pub(super) fn unreadable(&mut self, now: Now, set_aside: Vec<String>, left_alone: Vec<String>) {
        let mut details = set_aside;
        for detail in left_alone {
            let is_new = self.left_alone.len() < LEFT_ALONE_LIMIT
                && self.left_alone.insert(detail.clone(), ()).is_none();
            details.extend(is_new.then_some(detail));
        }
        for detail in &details {
            self.log_error(now, detail.clone());
        }
        if let Some(first) = details.first() {
            let count = details.len();
            let detail = match count {
                1 => first.clone(),
                _ => self.say(
                    &format!("{count} stored charges can't be read; the first: {first}"),
                    &format!("{count} 笔已保存的扣费无法读取；第一笔：{first}"),
                ),
            };
            // Each discovery is an episode of its own.
            self.alert(now, AlertKind::RecordQuarantined, detail);
        }
    }

    /// What this tab knows of the open charges goes along.
    pub(super) fn moved(&mut self, now: Now, to: StorageKind, why: &str) {
        self.storage = to;
        let detail = self.say(
            &format!("the journal is not in IndexedDB ({why}): a crash may lose open charges"),
            &format!("账本不在 IndexedDB 中（{why}）：浏览器崩溃可能丢失未完成的扣费"),
        );
        self.log_error(now, detail.clone());
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

    /// What was open is found to be gone when the journal is read, and told as `unknown`.
    pub(super) fn wiped(&mut self, now: Now, detail: &str) {
        let detail = self.say(
            &format!("the journal was wiped: {detail}"),
            &format!("账本已被清除：{detail}"),
        );
        self.log_error(now, detail.clone());
        let at_stake = self.outbox.iter().any(|entry| entry.record.is_held());
        if at_stake || self.life == Life::Recovering {
            // A loss is told however the storage has been doing.
            self.alert(now, AlertKind::StorageDegraded, detail);
        }
        self.load_anew();
    }

    pub(super) fn storage_failed(&mut self, now: Now, error: &str) {
        let detail = self.say(
            &format!("storage failed: {error}"),
            &format!("存储失败：{error}"),
        );
        self.log_error(now, detail.clone());
        self.raise(now, AlertKind::StorageDegraded, detail);
    }
}
