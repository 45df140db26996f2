//! Alerts: each is raised once per episode, which ends when its cause does.

use super::locale::Locale;
use super::ordered::Map;
use super::text::Message;

/// The subject of an alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum AlertKind {
    /// Fewer charges succeed than `alertBelowSuccessRate`.
    SuccessRateLow,
    /// The server can't be reached, or something else answers in its place.
    NetworkLost,
    /// The server can be reached again.
    NetworkRestored,
    /// `available` is below `lowWatermark`.
    BalanceLow,
    /// Nine tenths of `maxEntries` are open. Its episode ends when no more than half are.
    QueueNearlyFull,
    /// The journal is not in IndexedDB.
    StorageDegraded,
    /// A damaged record was set aside.
    RecordQuarantined,
    /// The server does not accept the token.
    Unauthorized,
}

json_cases! { AlertKind {
    SuccessRateLow = "success_rate_low",
    NetworkLost = "network_lost",
    NetworkRestored = "network_restored",
    BalanceLow = "balance_low",
    QueueNearlyFull = "queue_nearly_full",
    StorageDegraded = "storage_degraded",
    RecordQuarantined = "record_quarantined",
    Unauthorized = "unauthorized",
} }

/// `Alert` of the public API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alert {
    /// The subject.
    pub kind: AlertKind,
    /// Human-readable text.
    pub detail: String,
    /// Milliseconds since the Unix epoch.
    pub at: u64,
}

json_members! { to Alert { kind, detail, at } }

/// An alert as it was raised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Raised {
    /// The subject.
    pub kind: AlertKind,
    /// What there is to tell.
    pub message: Message,
    /// Milliseconds since the Unix epoch.
    pub at: u64,
}

impl Raised {
    /// The alert in this language.
    pub fn told(&self, locale: Locale) -> Alert {
        Alert {
            kind: self.kind,
            detail: self.message.told(locale),
            at: self.at,
        }
    }
}

/// The current episodes.
#[derive(Clone, Debug, Default)]
pub struct Episodes {
    going_on: Map<AlertKind, Raised>,
}

impl Episodes {
    /// Whether an episode goes on.
    pub fn goes_on(&self, kind: AlertKind) -> bool {
        self.going_on.contains_key(&kind)
    }

    /// The alert raised at the start of each, oldest first.
    pub fn going_on(&self) -> Vec<&Raised> {
        let mut alerts: Vec<&Raised> = self.going_on.values().collect();
        alerts.sort_unstable_by_key(|alert| (alert.at, alert.kind));
        alerts
    }

    /// Begins an episode; `false` if it is already under way.
    pub fn starts(&mut self, alert: Raised) -> bool {
        if self.goes_on(alert.kind) {
            return false;
        }
        self.going_on.insert(alert.kind, alert);
        true
    }

    /// Ends an episode; `true` if there was one.
    pub fn ends(&mut self, kind: AlertKind) -> bool {
        self.going_on.remove(&kind).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alert(kind: AlertKind, at: u64) -> Raised {
        Raised {
            kind,
            message: Message::InReach,
            at,
        }
    }

    #[test]
    fn alert_is_raised_once_per_episode() {
        let low = |at| alert(AlertKind::BalanceLow, at);
        let mut episodes = Episodes::default();
        assert!(!episodes.ends(AlertKind::BalanceLow));
        assert!(episodes.starts(low(2)));
        assert!(!episodes.starts(low(3)));
        let lost = alert(AlertKind::NetworkLost, 1);
        assert!(episodes.starts(lost.clone()), "another's is its own");
        assert_eq!(episodes.going_on(), [&lost, &low(2)]);
        assert!(episodes.ends(AlertKind::BalanceLow));
        assert!(!episodes.ends(AlertKind::BalanceLow));
        assert_eq!(episodes.going_on(), [&lost]);
        assert!(episodes.starts(low(4)));
    }
}
