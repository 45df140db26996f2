//! What the store reports of itself: damage, loss, and that it had to move.

use super::journal::{Earlier, MovedFrom, OpenCharges, Then};
use super::{Engine, Life};
use crate::core::charge::Key;
use crate::core::clock::Now;
use crate::core::journal::Op;
use crate::core::outbox::Entry;
use crate::core::record::Record;
use crate::core::snapshot::StorageKind;

use super::calls::is_charged;

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

    /// Whether another journal holds charges that this client can't read.
    pub fn leaves_charges_unread(&self) -> bool {
        self.store.leaves_charges_unread()
    }

    /// Whether the journal, which does not answer, may have a charge of which this client has not
    /// heard.
    pub(super) fn may_be_in_journal(&self) -> bool {
        self.store.has_unread() || self.tabs.others_live()
    }

    /// What this tab knows of the open charges goes along.
    pub(super) fn moved(&mut self, now: Now, to: StorageKind, why: &str, from: Earlier) {
        let knows_all = self.reader.knows_all() && self.tabs.is_alone() && self.goes_along_whole();
        let from = match from {
            Earlier::Nothing => MovedFrom::Nothing,
            Earlier::Here if knows_all => MovedFrom::TakenAlong,
            Earlier::Here | Earlier::Elsewhere => MovedFrom::LeftBehind,
        };
        self.store
            .moved(now, to, why, from, &mut self.bulletin, &mut self.cx);
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
        self.writer.retry_unsaved_first();
        self.writer.push_first(
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
    pub(super) fn wiped(&mut self, now: Now, detail: &str, lost: &[Key]) {
        let held = self.outbox.iter().any(|entry| entry.record.is_held());
        let at_stake = held || self.life == Life::Recovering;
        self.store.wiped(now, detail, lost, at_stake, &mut self.cx);
        self.load_anew();
    }

    /// What has been accepted since then is not there, and what is there may have gone on.
    pub(super) fn set_back_journal(&mut self, now: Now, lost: &[Key]) {
        self.store.set_back(now, lost, &mut self.cx);
        self.load_anew();
    }

    /// The journal has been written or read.
    pub(super) fn storage_works(&mut self, now: Now) {
        if self.reader.works() && self.writer.works() {
            self.store.works(now, &self.bulletin);
        }
    }

    pub(super) fn storage_failed(&mut self, now: Now, error: &str) {
        self.store
            .failed(now, error, &mut self.bulletin, &mut self.cx);
    }
}
