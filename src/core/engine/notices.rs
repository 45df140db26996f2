//! What the user's listeners are told: changes, alerts and the log.

use std::cmp::Reverse;

use super::Engine;
use super::bulletin::Watched;
use super::calls::Call;
use crate::core::alert::AlertKind;
use crate::core::clock::Now;
use crate::core::log::Locale;
use crate::core::ordered::map_of;
use crate::core::outcome::Outcome;
use crate::core::record::Record;
use crate::core::snapshot::{ChargeRecord, QueueCounts, Snapshot};

impl Engine {
    /// The state as its user sees it.
    pub fn snapshot(&self, now: Now) -> Snapshot {
        Snapshot {
            account: self.cx.account.clone(),
            balance: self.balance_view(now),
            network: self.wire.gate().network(),
            storage: self.store.kind(),
            queue: QueueCounts {
                held_points: self.held(),
                ..self.outbox.counts()
            },
            persisted: self.store.persisted(),
            flush: self.flush.shown(),
            alerts: self.bulletin.alerts(self.cx.config.locale),
            stats: self.stats.view(),
        }
    }

    /// These records of the journal, and those that it could not take, newest first; where it
    /// could not be read, those that this tab knows.
    pub fn show_all(&self, stored: Option<Vec<Record>>) -> Vec<ChargeRecord> {
        let locale = self.cx.config.locale;
        let readable = stored.is_some();
        let shown = |record: &Record, durable: bool| {
            let shown = ChargeRecord::of(record, durable && self.store.is_durable(), locale);
            (record.sequence(), shown)
        };
        let known = self.outbox.iter();
        let known = known.filter(|entry| !readable || !entry.saved);
        let known = map_of(known.map(|entry| (&entry.record.charge().key, entry)));
        let stored = stored.unwrap_or_default();
        let mut all: Vec<(u64, ChargeRecord)> = stored
            .iter()
            .filter(|record| !known.contains_key(&&record.charge().key))
            .map(|record| shown(record, true))
            .chain(
                known
                    .values()
                    .map(|entry| shown(&entry.record, entry.saved)),
            )
            .collect();
        all.sort_unstable_by_key(|(sequence, _)| Reverse(*sequence));
        all.into_iter().map(|(_, record)| record).collect()
    }

    pub(super) fn show_changes(&mut self, now: Now) {
        let window_start_ms = now.mono_ms.saturating_sub(self.cx.config.window_ms);
        self.stats.forget_before(window_start_ms);
        self.bulletin
            .show_flush(self.flush.progress(), &mut self.cx);
        let lost = self.wire.is_in_doubt();
        let watched = Watched {
            open: self.outbox.open(),
            samples: self.stats.samples(),
            outage_is_over: self.wire.gate().is_in_reach() && !(lost && self.outbox.open() > 0),
        };
        let snapshot = self.snapshot(now);
        self.bulletin.show(now, snapshot, watched, &mut self.cx);
    }

    /// Raises an alert, unless its episode is going on.
    pub(super) fn raise(&mut self, now: Now, kind: AlertKind, detail: String) {
        self.bulletin.raise(now, kind, detail, &mut self.cx);
    }

    /// Logs what a caller is told, where the charge's own record does not log it.
    pub(super) fn log_answer(&mut self, now: Now, call: &Call, record: &Record, outcome: &Outcome) {
        if call.logs(outcome) {
            let charge = call.charge.as_ref().unwrap_or(record.charge());
            self.cx.log_outcome(now, charge, outcome);
        }
    }

    /// Its user chooses the language of all that is told from now on.
    pub(super) fn set_locale(&mut self, locale: Locale) {
        self.cx.config.locale = locale;
    }
}
