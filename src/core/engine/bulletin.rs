//! Notices to the user's listeners about the client as a whole: the snapshot, its changes, and
//! alerts.

use super::context::Context;
use super::{Effect, Notice};
use crate::core::alert::{Alert, AlertKind, Episodes, Raised};
use crate::core::clock::Now;
use crate::core::locale::Locale;
use crate::core::log::Level;
use crate::core::snapshot::{FlushProgress, Network, Snapshot, StorageKind};
use crate::core::text::Message;

/// How far above the threshold the success rate must rise before its alert may be raised again.
const RATE_MARGIN: f64 = 0.05;

/// Alerts that are void after a sign-out: nothing is sent then, and no balance is shown.
const OF_A_SIGNED_IN: [AlertKind; 3] = [
    AlertKind::BalanceLow,
    AlertKind::Unauthorized,
    AlertKind::NetworkLost,
];

/// The last notices, and the alerts whose episodes go on.
#[derive(Debug, Default)]
pub(super) struct Bulletin {
    snapshot: Option<Snapshot>,
    /// The flush progress last announced to the other tabs.
    flush: Option<FlushProgress>,
    episodes: Episodes,
    signed_out: bool,
}

/// Watched values besides the snapshot.
#[derive(Clone, Copy, Debug)]
pub(super) struct Watched {
    /// Number of open charges.
    pub(super) open: usize,
    /// Number of charges in the success rate.
    pub(super) samples: usize,
    /// Whether the server's own answer has ended the outage, if there was one.
    pub(super) outage_is_over: bool,
}

impl Bulletin {
    /// The current alerts.
    pub(super) fn alerts(&self, locale: Locale) -> Vec<Alert> {
        let alerts = self.episodes.going_on().into_iter();
        alerts.map(|alert| alert.told(locale)).collect()
    }

    pub(super) fn goes_on(&self, kind: AlertKind) -> bool {
        self.episodes.goes_on(kind)
    }

    /// Raises an alert, unless its episode is already under way.
    pub(super) fn raise(&mut self, now: Now, kind: AlertKind, message: Message, cx: &mut Context) {
        if self.signed_out && OF_A_SIGNED_IN.contains(&kind) {
            return;
        }
        let at = now.wall_ms;
        let alert = Raised { kind, message, at };
        if self.episodes.starts(alert.clone()) {
            match kind {
                AlertKind::SuccessRateLow | AlertKind::Unauthorized => {
                    cx.log_error(now, &alert.message);
                }
                AlertKind::NetworkLost
                | AlertKind::NetworkRestored
                | AlertKind::BalanceLow
                | AlertKind::QueueNearlyFull => cx.log(now, Level::Info, &alert.message),
                // Storage failures have been logged in full.
                AlertKind::StorageDegraded | AlertKind::RecordQuarantined => {}
            }
            cx.tell_alert(&alert);
        }
    }

    pub(super) fn end(&mut self, kind: AlertKind) {
        self.episodes.ends(kind);
    }

    /// Ends the alerts that are void after a sign-out.
    pub(super) fn sign_out(&mut self) {
        self.signed_out = true;
        for kind in OF_A_SIGNED_IN {
            self.episodes.ends(kind);
        }
    }

    /// Announces the progress of this tab's flush to the other tabs, if it has changed.
    pub(super) fn show_flush(&mut self, flush: Option<FlushProgress>, cx: &mut Context) {
        if flush != self.flush {
            self.flush = flush;
            cx.push(Effect::AnnounceFlush(flush));
        }
    }

    /// Ends an outage that is over although the network was shown as online already.
    pub(super) fn watch_outage(&mut self, now: Now, watched: Watched, cx: &mut Context) {
        let shown = self.snapshot.as_ref().map(|shown| shown.network);
        if shown == Some(Network::Online) {
            self.end_outage_if_over(now, watched, cx);
        }
    }

    /// Announces changes since the last notice.
    pub(super) fn show(
        &mut self,
        now: Now,
        mut snapshot: Snapshot,
        watched: Watched,
        cx: &mut Context,
    ) {
        let before = self.snapshot.take();
        if before.as_ref() != Some(&snapshot) {
            self.tell_changes(now, before.as_ref(), &snapshot, watched, cx);
            // The change may have begun or ended an episode.
            snapshot.alerts = self.alerts(cx.config.locale);
            cx.notice_snapshot(Notice::Snapshot(Box::new(snapshot.clone())));
        }
        self.snapshot = Some(snapshot);
    }

    fn tell_changes(
        &mut self,
        now: Now,
        before: Option<&Snapshot>,
        after: &Snapshot,
        watched: Watched,
        cx: &mut Context,
    ) {
        let network = before.map_or(Network::Online, |before| before.network);
        if network != after.network {
            cx.notice(Notice::Network(after.network));
            self.watch_network(now, after.network, watched, cx);
        }
        let balance = before.and_then(|before| before.balance.as_ref());
        if let Some(after) = &after.balance
            && balance != Some(after)
        {
            cx.notice(Notice::Balance(after.clone()));
        }
        if before.is_none() && after.storage != StorageKind::IndexedDb {
            self.raise(now, AlertKind::StorageDegraded, Message::NotDurable, cx);
        }
        self.watch_levels(now, after, watched, cx);
    }

    fn watch_network(&mut self, now: Now, network: Network, watched: Watched, cx: &mut Context) {
        let message = match network {
            Network::Online => return self.end_outage_if_over(now, watched, cx),
            Network::Offline => Message::Offline,
            Network::Unreachable => Message::Unreachable,
        };
        self.raise(now, AlertKind::NetworkLost, message, cx);
    }

    /// Only the server's own answer ends an outage; the browser's being online is no evidence.
    fn end_outage_if_over(&mut self, now: Now, watched: Watched, cx: &mut Context) {
        if watched.outage_is_over && self.episodes.ends(AlertKind::NetworkLost) {
            cx.log(now, Level::Info, &Message::InReach);
            cx.alert(now, AlertKind::NetworkRestored, Message::InReach);
        }
    }

    fn watch_levels(&mut self, now: Now, after: &Snapshot, watched: Watched, cx: &mut Context) {
        if let (Some(low), Some(balance)) = (cx.config.low_watermark, &after.balance) {
            let available = balance.available;
            if available < low {
                let message = Message::BalanceLow { available, low };
                self.raise(now, AlertKind::BalanceLow, message, cx);
            } else {
                self.end(AlertKind::BalanceLow);
            }
        }
        let open = watched.open;
        let most = cx.config.max_entries;
        let nearly_full = most.saturating_sub(most / 10);
        if open >= nearly_full {
            let message = Message::QueueNearlyFull { open, most };
            self.raise(now, AlertKind::QueueNearlyFull, message, cx);
        } else if open <= most / 2 && after.flush.is_none() {
            // Not before: a flush fills the queue again with what had found no room in it.
            self.end(AlertKind::QueueNearlyFull);
        }
        if let Some(rate) = after.stats.success_rate {
            let threshold = cx.config.alert_below_success_rate;
            let enough = watched.samples >= cx.config.min_samples;
            if enough && rate < threshold {
                let message = Message::SuccessRateLow((rate * 100.0).round() as u64);
                self.raise(now, AlertKind::SuccessRateLow, message, cx);
            } else if rate >= (threshold + RATE_MARGIN).min(1.0) {
                self.end(AlertKind::SuccessRateLow);
            }
        } else {
            // All of its samples have left the window.
            self.end(AlertKind::SuccessRateLow);
        }
    }
}
