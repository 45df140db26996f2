//! Alerts: each is raised once an episode, which ends when its cause does.

use serde::Serialize;

use super::ordered::Set;

/// What an alert is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AlertKind {
    /// Fewer charges succeed than `alertBelowSuccessRate`.
    SuccessRateLow,
    /// The server can't be reached, or what answers is not the billing server.
    NetworkLost,
    /// It can again.
    NetworkRestored,
    /// `available` is below `lowWatermark`.
    BalanceLow,
    /// Nine tenths of `maxEntries` are open.
    QueueNearlyFull,
    /// The journal is not in IndexedDB.
    StorageDegraded,
    /// A damaged record was set aside.
    RecordQuarantined,
    /// The server does not accept the token.
    Unauthorized,
}

/// `Alert` of the public API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Alert {
    /// What it is about.
    pub kind: AlertKind,
    /// For people.
    pub detail: String,
    /// Milliseconds since the Unix epoch.
    pub at: u64,
}

/// The episodes that are going on.
#[derive(Clone, Debug, Default)]
pub struct Episodes {
    going_on: Set<AlertKind>,
}

impl Episodes {
    /// Whether an alert is due: `true` only at the start of an episode.
    pub fn starts(&mut self, kind: AlertKind) -> bool {
        self.going_on.insert(kind, ()).is_none()
    }

    /// Ends an episode; `true` if there was one.
    pub fn ends(&mut self, kind: AlertKind) -> bool {
        self.going_on.remove(&kind).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alert_is_due_once_an_episode() {
        let mut episodes = Episodes::default();
        assert!(!episodes.ends(AlertKind::BalanceLow));
        assert!(episodes.starts(AlertKind::BalanceLow));
        assert!(!episodes.starts(AlertKind::BalanceLow));
        assert!(
            episodes.starts(AlertKind::NetworkLost),
            "another's is its own"
        );
        assert!(episodes.ends(AlertKind::BalanceLow));
        assert!(!episodes.ends(AlertKind::BalanceLow));
        assert!(episodes.starts(AlertKind::BalanceLow));
    }
}
