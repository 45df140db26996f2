//! What the user's listeners are told: changes, alerts and the log.

use std::cmp::Reverse;

use super::calls::{Call, Kind};
use super::{Effect, Engine, Life, Notice};
use crate::core::alert::{Alert, AlertKind};
use crate::core::clock::Now;
use crate::core::log::{self, Level, Locale};
use crate::core::network::Way;
use crate::core::ordered::map_of;
use crate::core::outcome::{FailureReason, OpenReason, Outcome, What};
use crate::core::record::{Record, State};
use crate::core::snapshot::{
    ChargeRecord, FlushProgress, Network, QueueCounts, Snapshot, StorageKind,
};

/// How far above the threshold the success rate must rise before its alert may come again.
const RATE_MARGIN: f64 = 0.05;

/// What concerns nobody who has signed out: nothing is sent then, and no balance is shown.
const OF_A_SIGNED_IN: [AlertKind; 3] = [
    AlertKind::BalanceLow,
    AlertKind::Unauthorized,
    AlertKind::NetworkLost,
];

/// What was last shown.
#[derive(Debug, Default)]
pub(super) struct Shown {
    snapshot: Option<Snapshot>,
    /// To the other tabs.
    flush: Option<FlushProgress>,
}

impl Engine {
    /// The state as its user sees it.
    pub fn snapshot(&self, now: Now) -> Snapshot {
        Snapshot {
            account: self.cx.account.clone(),
            balance: self.balance_view(now),
            network: self.gate.network(),
            storage: self.storage,
            queue: QueueCounts {
                held_points: self.held(),
                ..self.outbox.counts()
            },
            persisted: self.persisted,
            flush: self.flush.shown(),
            alerts: self.alerts(),
            stats: self.stats.view(),
        }
    }

    fn alerts(&self) -> Vec<Alert> {
        let alerts = self.episodes.going_on().into_iter();
        alerts
            .map(|alert| alert.in_one(self.cx.config.locale))
            .collect()
    }

    /// These records of the journal, and those that it could not take, newest first; where it
    /// could not be read, those that this tab knows.
    pub fn show_all(&self, stored: Option<Vec<Record>>) -> Vec<ChargeRecord> {
        let locale = self.cx.config.locale;
        let readable = stored.is_some();
        let shown = |record: &Record, durable: bool| {
            let shown = ChargeRecord::of(record, durable && self.durable(), locale);
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
        let flush = self.flush.progress();
        if flush != self.shown.flush {
            self.shown.flush = flush;
            self.cx.push(Effect::AnnounceFlush(flush));
        }
        let before = self.shown.snapshot.take();
        if before.as_ref().map(|before| before.network) == Some(Network::Online) {
            self.end_outage_if_over(now);
        }
        let mut snapshot = self.snapshot(now);
        if before.as_ref() != Some(&snapshot) {
            self.tell_changes(now, before.as_ref(), &snapshot);
            // What has changed may have begun or ended an episode.
            snapshot.alerts = self.alerts();
            self.cx
                .notice_snapshot(Notice::Snapshot(Box::new(snapshot.clone())));
        }
        self.shown.snapshot = Some(snapshot);
    }

    fn tell_changes(&mut self, now: Now, before: Option<&Snapshot>, after: &Snapshot) {
        let network = before.map_or(Network::Online, |before| before.network);
        if network != after.network {
            self.cx.notice(Notice::Network(after.network));
            self.watch_network(now, after.network);
        }
        let balance = before.and_then(|before| before.balance.as_ref());
        if let Some(after) = &after.balance
            && balance != Some(after)
        {
            self.cx.notice(Notice::Balance(after.clone()));
        }
        if before.is_none() && after.storage != StorageKind::IndexedDb {
            let detail = self.cx.say(
                "the journal is not in IndexedDB: a crash may lose open charges",
                "账本不在 IndexedDB 中：浏览器崩溃可能丢失未完成的扣费",
            );
            self.raise(now, AlertKind::StorageDegraded, detail);
        }
        self.watch_levels(now, after);
    }

    fn watch_network(&mut self, now: Now, network: Network) {
        let detail = match network {
            Network::Online => return self.end_outage_if_over(now),
            Network::Offline => self.cx.say("the browser is offline", "浏览器离线"),
            Network::Unreachable => self.cx.say("the server can't be reached", "无法连接服务器"),
        };
        self.raise(now, AlertKind::NetworkLost, detail);
    }

    /// Only the server's own word ends an outage: that the browser is online says nothing.
    fn end_outage_if_over(&mut self, now: Now) {
        let lost = self.foreign || self.gate.is_in_trouble(Way::Sending);
        let is_over = self.gate.is_in_reach() && !(lost && self.outbox.open() > 0);
        if is_over && self.episodes.ends(AlertKind::NetworkLost) {
            let detail = self
                .cx
                .say("the server can be reached again", "服务器已恢复连接");
            self.cx.log(now, Level::Info, detail.clone());
            self.cx.alert(now, AlertKind::NetworkRestored, detail);
        }
    }

    fn watch_levels(&mut self, now: Now, after: &Snapshot) {
        if let (Some(low), Some(balance)) = (self.cx.config.low_watermark, &after.balance) {
            let available = balance.available;
            let detail = self.cx.say(
                &format!("{available} points are available, fewer than {low}"),
                &format!("可用算力 {available}，低于 {low}"),
            );
            self.watch(now, AlertKind::BalanceLow, balance.available < low, detail);
        }
        let open = self.outbox.open();
        let most = self.cx.config.max_entries;
        let nearly_full = most.saturating_sub(most / 10);
        let detail = self.cx.say(
            &format!("{open} of {most} charges are open"),
            &format!("未完成的扣费 {open} 笔，上限 {most} 笔"),
        );
        self.watch(now, AlertKind::QueueNearlyFull, open >= nearly_full, detail);
        if let Some(rate) = after.stats.success_rate {
            let threshold = self.cx.config.alert_below_success_rate;
            let enough = self.stats.samples() >= self.cx.config.min_samples;
            if enough && rate < threshold {
                let percent = format!("{} %", (rate * 100.0).round() as u64);
                let detail = self.cx.say(
                    &format!("{percent} of the latest charges succeeded"),
                    &format!("近期扣费成功率 {percent}"),
                );
                self.raise(now, AlertKind::SuccessRateLow, detail);
            } else if rate >= (threshold + RATE_MARGIN).min(1.0) {
                self.end_episode(AlertKind::SuccessRateLow);
            }
        } else {
            // Nothing of it is in the window any more.
            self.end_episode(AlertKind::SuccessRateLow);
        }
    }

    fn watch(&mut self, now: Now, kind: AlertKind, holds: bool, detail: String) {
        if holds {
            self.raise(now, kind, detail);
        } else {
            self.end_episode(kind);
        }
    }

    /// Raises an alert, unless its episode is going on.
    pub(super) fn raise(&mut self, now: Now, kind: AlertKind, detail: String) {
        if self.life == Life::SignedOut && OF_A_SIGNED_IN.contains(&kind) {
            return;
        }
        let at = now.wall_ms;
        let alert = Alert { kind, detail, at };
        if self.episodes.starts(alert.clone()) {
            match kind {
                AlertKind::SuccessRateLow | AlertKind::Unauthorized => {
                    self.cx.log_error(now, alert.detail.clone());
                }
                AlertKind::NetworkLost
                | AlertKind::NetworkRestored
                | AlertKind::BalanceLow
                | AlertKind::QueueNearlyFull => self.cx.log(now, Level::Info, alert.detail.clone()),
                // What is wrong with the storage has been logged in full.
                AlertKind::StorageDegraded | AlertKind::RecordQuarantined => {}
            }
            self.cx.notice(Notice::Alert(alert));
        }
    }

    pub(super) fn watch_no_longer(&mut self) {
        for kind in OF_A_SIGNED_IN {
            self.end_episode(kind);
        }
    }

    pub(super) fn end_episode(&mut self, kind: AlertKind) {
        self.episodes.ends(kind);
    }

    pub(super) fn tell_charge(
        &mut self,
        now: Now,
        before: Option<&Record>,
        after: &Record,
        saved: bool,
    ) {
        let durable = saved && self.durable();
        self.cx.notice(Notice::Charge(ChargeRecord::of(
            after,
            durable,
            self.cx.config.locale,
        )));
        let was_open = before.is_some_and(Record::is_open);
        let ended = match after.state() {
            State::Parked(_) | State::Settled(_) => true,
            State::Waiting(_) | State::Attempting(_) => false,
        };
        if was_open && ended {
            let locale = self.cx.config.locale;
            let outcome = Outcome::of(after, OpenReason::Timeout, durable, locale);
            let line = log::of_outcome(after.charge(), &outcome, locale, now.wall_ms);
            self.cx.notice(Notice::Log(line));
        }
    }

    /// Logs what a caller is told, where the charge's own record does not log it.
    pub(super) fn log_answer(&mut self, now: Now, call: &Call, record: &Record, outcome: &Outcome) {
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
        if call.kind != Kind::Settled && (open || refused) {
            let charge = call.charge.as_ref().unwrap_or(record.charge());
            self.cx.log_outcome(now, charge, outcome);
        }
    }

    /// Its user chooses the language of all that is told from now on.
    pub(super) fn set_locale(&mut self, locale: Locale) {
        self.cx.config.locale = locale;
    }
}
