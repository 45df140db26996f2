//! The client's state as its user sees it: plain records, as in the public API.

use super::alert::Alert;
use super::balance::Balance;
use super::charge::Key;
use super::json::{Json, ToJson};
use super::locale::Locale;
use super::ordered::Map;
use super::outcome::Outcome;
use super::points::Points;
use super::reason::OpenReason;
use super::record::{Record, State, Verdict};
use super::stats::BillingStats;

/// `BillingStatus` of the public API. A list's filter goes by this order
/// ([`super::charge_filter::ChargeFilter`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BillingStatus {
    /// Not attempted yet.
    Pending,
    /// Attempted, no verdict yet, more attempts follow.
    Retrying,
    /// Charged.
    Success,
    /// Declined, failed or cancelled, nothing taken.
    Failed,
    /// Parked without a verdict.
    Unknown,
}

json_cases! { BillingStatus {
    Pending = "pending",
    Retrying = "retrying",
    Success = "success",
    Failed = "failed",
    Unknown = "unknown",
} }

impl BillingStatus {
    /// The status of a record.
    pub fn of(record: &Record) -> BillingStatus {
        match record.state() {
            State::Waiting(_) | State::Attempting(_) if record.attempts() == 0 => {
                BillingStatus::Pending
            }
            State::Waiting(_) | State::Attempting(_) => BillingStatus::Retrying,
            State::Parked(_) => BillingStatus::Unknown,
            State::Settled(Verdict::Charged(_)) => BillingStatus::Success,
            State::Settled(Verdict::Declined(_) | Verdict::Failed(_)) => BillingStatus::Failed,
        }
    }
}

/// `ChargeRecord` of the public API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChargeRecord {
    /// See [`super::charge::Charge`].
    pub key: Key,
    /// See [`super::charge::Charge`].
    pub task_id: String,
    /// See [`super::charge::Charge`].
    pub feature: String,
    /// See [`super::charge::Charge`].
    pub amount: Points,
    /// See [`super::charge::Charge`].
    pub metadata: Map<String, String>,
    /// The status.
    pub status: BillingStatus,
    /// Charge requests so far.
    pub attempts: u32,
    /// Milliseconds since the Unix epoch.
    pub created_at: u64,
    /// Milliseconds since the Unix epoch.
    pub updated_at: u64,
    /// Milliseconds since the Unix epoch, for an open charge that waits.
    pub next_attempt_at: Option<u64>,
    /// The latest outcome; `None` until the first attempt has ended.
    pub outcome: Option<Outcome>,
}

json_members! { to ChargeRecord {
    key, task_id = "taskId", feature, amount, metadata, status, attempts,
    created_at = "createdAt", updated_at = "updatedAt", next_attempt_at = "nextAttemptAt", outcome,
} }

/// Of a [`ChargeRecord`] what can be told of the charge after a death of the module.
#[derive(Debug)]
pub struct ChargeOutline<'r> {
    key: &'r Key,
    task_id: &'r str,
    amount: Points,
    status: BillingStatus,
    attempts: u32,
}

json_members! { to ChargeOutline<'r> { key, task_id = "taskId", amount, status, attempts } }

impl ChargeRecord {
    /// The same in short.
    pub fn outline(&self) -> ChargeOutline<'_> {
        ChargeOutline {
            key: &self.key,
            task_id: &self.task_id,
            amount: self.amount,
            status: self.status,
            attempts: self.attempts,
        }
    }

    /// The public form of a record.
    pub fn of(record: &Record, durable: bool, locale: Locale) -> ChargeRecord {
        let charge = record.charge();
        let (next_attempt_at, ended) = match record.state() {
            State::Waiting(waiting) => (
                Some(waiting.next_attempt_at_ms().max(charge.created_at_ms)),
                waiting.cause().is_some(),
            ),
            State::Attempting(attempting) => (None, attempting.before().cause().is_some()),
            State::Parked(_) | State::Settled(_) => (None, true),
        };
        ChargeRecord {
            key: charge.key.clone(),
            task_id: charge.task_id.clone(),
            feature: charge.feature.clone(),
            amount: charge.amount,
            metadata: charge.metadata.clone(),
            status: BillingStatus::of(record),
            attempts: record.attempts(),
            created_at: charge.created_at_ms,
            updated_at: record.updated_at_ms(),
            next_attempt_at,
            outcome: ended.then(|| Outcome::of(record, OpenReason::Timeout, durable, locale)),
        }
    }
}

/// Whether the server can be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Network {
    /// As far as is known.
    Online,
    /// The browser says that it has no network.
    Offline,
    /// The server does not answer.
    Unreachable,
}

json_cases! { Network { Online = "online", Offline = "offline", Unreachable = "unreachable" } }

/// Where the journal lives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StorageKind {
    /// In IndexedDB, durable.
    #[default]
    IndexedDb,
    /// In localStorage, where a crash of the browser may lose it.
    LocalStorage,
    /// In this page only.
    Memory,
}

json_cases! { StorageKind {
    IndexedDb = "indexeddb", LocalStorage = "localstorage", Memory = "memory",
} }

/// The queue, counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QueueCounts {
    /// Charges not attempted yet.
    pub pending: usize,
    /// Charges attempted, no verdict yet.
    pub retrying: usize,
    /// Charges declined, failed or cancelled.
    pub failed: usize,
    /// Charges parked without a verdict.
    pub unknown: usize,
    /// Points of open charges and running tasks.
    pub held_points: Points,
}

json_members! { to and from QueueCounts { pending, retrying, failed, unknown, held_points = "heldPoints" } }

impl QueueCounts {
    /// All of them.
    pub fn charges(&self) -> usize {
        let open = self.pending.saturating_add(self.retrying);
        open.saturating_add(self.failed)
            .saturating_add(self.unknown)
    }
}

/// Progress of a flush.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FlushProgress {
    /// Charges that are through.
    pub done: usize,
    /// Charges in this flush.
    pub total: usize,
}

json_members! { to and from FlushProgress { done, total } }

/// `FlushReport` of the public API.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FlushReport {
    /// Charges that this flush saw charged.
    pub charged: usize,
    /// Charges that this flush saw declined.
    pub declined: usize,
    /// Charges that this flush saw failed.
    pub failed: usize,
    /// Charges that this flush saw parked.
    pub unknown: usize,
    /// Charges still open.
    pub remaining: usize,
    /// Why it stopped early.
    pub stopped: Option<Stopped>,
}

json_members! { to FlushReport { charged, declined, failed, unknown, remaining, stopped } }

/// Why a flush stopped early.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stopped {
    /// Another tab is flushing.
    AnotherTab,
    /// The server could not be asked.
    Open(OpenReason),
}

impl ToJson for Stopped {
    fn to_json(&self) -> Json<'_> {
        match self {
            Stopped::AnotherTab => "another_tab".to_json(),
            Stopped::Open(reason) => reason.to_json(),
        }
    }
}

/// `BillingSnapshot` of the public API.
#[derive(Clone, Debug, PartialEq)]
pub struct Snapshot {
    /// The signed-in account.
    pub account: String,
    /// The balance.
    pub balance: Option<Balance>,
    /// Whether the server can be reached.
    pub network: Network,
    /// Where the journal lives.
    pub storage: StorageKind,
    /// Whether the browser has promised not to evict the journal; `None` where it was not asked,
    /// because nothing was at stake yet.
    pub persisted: Option<bool>,
    /// The queue, counted.
    pub queue: QueueCounts,
    /// Progress of the flush under way, in this tab or another.
    pub flush: Option<FlushProgress>,
    /// The alerts whose episodes go on, oldest first.
    pub alerts: Vec<Alert>,
    /// Figures since the client was opened.
    pub stats: BillingStats,
}

json_members! { to Snapshot {
    account, balance, network, storage, persisted, queue, flush, alerts, stats,
} }

/// `BalanceResult` of the public API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BalanceResult {
    /// The server's balance, or a known one that is recent enough.
    Fresh {
        /// The balance.
        balance: Balance,
    },
    /// The server could not be asked.
    Unavailable {
        /// The reason.
        reason: BalanceReason,
        /// Human-readable detail.
        detail: String,
        /// The balance as last known.
        cached: Option<Balance>,
    },
}

impl ToJson for BalanceResult {
    fn to_json(&self) -> Json<'_> {
        match self {
            BalanceResult::Fresh { balance } => {
                Json::object(&[("status", &"fresh"), ("balance", balance)])
            }
            BalanceResult::Unavailable {
                reason,
                detail,
                cached,
            } => Json::object(&[
                ("status", &"unavailable"),
                ("reason", reason),
                ("detail", detail),
                ("cached", cached),
            ]),
        }
    }
}

/// Why there is no fresh balance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BalanceReason {
    /// The account is not allowed to ask.
    Forbidden,
    /// The server does not support the request.
    Rejected,
    /// The server could not be asked.
    Open(OpenReason),
}

impl ToJson for BalanceReason {
    fn to_json(&self) -> Json<'_> {
        match self {
            BalanceReason::Forbidden => "forbidden".to_json(),
            BalanceReason::Rejected => "rejected".to_json(),
            BalanceReason::Open(reason) => reason.to_json(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::charge::ChargeRequest;
    use crate::core::record::{Cause, Claim, Conclusion, Purpose};
    use crate::core::text::Detail;

    fn waiting() -> Record {
        let request = ChargeRequest {
            task_id: "t1".into(),
            amount: 5.0,
            feature: "f".into(),
            ..ChargeRequest::default()
        };
        Record::open(request.into_charge(1_000).unwrap(), 1)
    }

    fn attempting() -> Record {
        let claim = Claim {
            tab: "one".into(),
            until_ms: 20_000,
            length_ms: 15_000,
        };
        waiting().begin(Purpose::Send, claim, 5_000).unwrap()
    }

    fn shown(record: &Record) -> ChargeRecord {
        ChargeRecord::of(record, true, Locale::En)
    }

    #[test]
    fn unattempted_charge_is_pending_without_an_outcome() {
        let shown = shown(&waiting());
        assert_eq!(shown.status, BillingStatus::Pending);
        assert_eq!((shown.created_at, shown.updated_at), (1_000, 1_000));
        assert_eq!((shown.next_attempt_at, shown.outcome), (Some(1_000), None));
    }

    #[test]
    fn attempted_charge_is_retrying_with_its_next_attempt_time() {
        let under_way = shown(&attempting());
        assert_eq!(
            (under_way.status, under_way.attempts),
            (BillingStatus::Retrying, 1)
        );
        assert_eq!((under_way.next_attempt_at, under_way.outcome), (None, None));
        let cause = Cause {
            reason: OpenReason::Unreachable,
            detail: Detail::ConnectionFailed,
        };
        let attempt = Some((Purpose::Send, 1));
        let lost = Conclusion::Lost(cause, 2_000);
        let lost = attempting()
            .conclude("one", attempt, lost, 700, 6_000)
            .unwrap();
        let waits = shown(&lost);
        assert_eq!(waits.status, BillingStatus::Retrying);
        assert_eq!(
            (waits.updated_at, waits.next_attempt_at),
            (6_000, Some(6_700))
        );
        assert!(waits.outcome.is_some());
    }
}
