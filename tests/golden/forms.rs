//! A value of each form that there is of what the module gives.

use crate::code::Code;
use crate::core::alert::{Alert, AlertKind};
use crate::core::balance::Balance;
use crate::core::charge::Key;
use crate::core::engine::{Answer, Notice};
use crate::core::json::{Json, ToJson};
use crate::core::log::{Level, LogEntry};
use crate::core::ordered::map_of;
use crate::core::outcome::{
    DeclineReason, FailureReason, OpenReason, Outcome, ParkReason, UnknownReason, What,
};
use crate::core::points::Points;
use crate::core::snapshot::{
    BalanceReason, BalanceResult, BillingStatus, ChargeRecord, FlushProgress, FlushReport, Network,
    QueueCounts, Snapshot, Stopped, StorageKind,
};
use crate::core::stats::{BillingStats, Latency};
use crate::set_aside::SetAside;

/// All variants of an enum without fields. With one that is not here it does not compile.
macro_rules! every {
    ($name:ident { $($variant:ident),* $(,)? }) => {{
        let _ = |value: $name| match value { $($name::$variant => ()),* };
        vec![$($name::$variant),*]
    }};
}

/// A value, with its name in the TypeScript file and its declared type.
pub type Named = (&'static str, &'static str, Box<dyn ToJson>);

const BOTH: [bool; 2] = [true, false];

fn open_reasons() -> Vec<OpenReason> {
    every!(OpenReason {
        Offline,
        Unreachable,
        Timeout,
        Busy,
        ServerError,
        Unauthorized
    })
}

fn points(points: u64) -> Points {
    Points::new(points).unwrap()
}

fn key() -> Key {
    Key::new("cloud_trans:film").unwrap()
}

/// How an outcome may end. Each variant is matched once more, so that a new one does not compile.
fn endings() -> Vec<What> {
    let detail = String::from("why it is so");
    let mut all = Vec::new();
    for replayed in BOTH {
        all.push(What::Charged {
            charge_id: "c1".into(),
            balance: points(108),
            replayed,
        });
    }
    for durable in BOTH {
        for reason in open_reasons() {
            let detail = detail.clone();
            all.push(What::Queued {
                reason,
                durable,
                detail,
            });
        }
        let open = open_reasons().into_iter().map(UnknownReason::Open);
        let parked = every!(ParkReason {
            RetriesExhausted,
            KeyExpired
        });
        let parked = parked.into_iter().map(UnknownReason::Parked);
        for reason in open.chain(parked) {
            let resolving = match reason {
                UnknownReason::Open(_) => true,
                UnknownReason::Parked(_) => false,
            };
            let detail = detail.clone();
            all.push(What::Unknown {
                reason,
                resolving,
                durable,
                detail,
            });
        }
    }
    for balance in [Some(points(3)), None] {
        for reason in every!(DeclineReason {
            InsufficientBalance,
            Rejected
        }) {
            let detail = detail.clone();
            all.push(What::Declined {
                reason,
                balance,
                detail,
            });
        }
    }
    for retryable in BOTH {
        for reason in every!(FailureReason {
            InvalidRequest,
            Conflict,
            Forbidden,
            OfflineSpendDenied,
            RetriesExhausted,
            QueueFull,
            StorageUnavailable,
            Cancelled
        }) {
            let detail = detail.clone();
            all.push(What::Failed {
                reason,
                retryable,
                detail,
            });
        }
    }
    for what in &all {
        match what {
            What::Charged { .. }
            | What::Queued { .. }
            | What::Unknown { .. }
            | What::Declined { .. }
            | What::Failed { .. } => {}
        }
    }
    all
}

pub fn outcomes() -> Vec<Outcome> {
    let outcome = |what| Outcome {
        key: key(),
        task_id: "film".into(),
        amount: points(12),
        attempts: 1,
        what,
    };
    endings().into_iter().map(outcome).collect()
}

pub fn records() -> Vec<ChargeRecord> {
    let statuses = every!(BillingStatus {
        Pending,
        Retrying,
        Success,
        Failed,
        Unknown
    });
    let record = |status, outcome: Option<Outcome>| ChargeRecord {
        key: key(),
        task_id: "film".into(),
        feature: "cloud_trans".into(),
        amount: points(12),
        metadata: map_of([("language".into(), "zh".into())]),
        status,
        attempts: 1,
        created_at: 1,
        updated_at: 2,
        next_attempt_at: outcome.is_none().then_some(3),
        outcome,
    };
    let waiting = statuses.iter().map(|&status| record(status, None));
    let told = outcomes();
    let told = told
        .into_iter()
        .map(|outcome| record(BillingStatus::Retrying, Some(outcome)));
    waiting.chain(told).collect()
}

pub fn balances() -> Vec<Balance> {
    let balance = |stale| Balance {
        confirmed: points(120),
        held: points(12),
        available: points(108),
        version: 17,
        as_of: 1,
        stale,
    };
    BOTH.map(balance).into()
}

pub fn balance_results() -> Vec<BalanceResult> {
    let balance = balances().remove(0);
    let open = open_reasons().into_iter().map(BalanceReason::Open);
    let reasons = open.chain([BalanceReason::Forbidden, BalanceReason::Rejected]);
    let mut all = vec![BalanceResult::Fresh {
        balance: balance.clone(),
    }];
    for reason in reasons {
        match reason {
            BalanceReason::Forbidden | BalanceReason::Rejected | BalanceReason::Open(_) => {}
        }
        for cached in [Some(balance.clone()), None] {
            all.push(BalanceResult::Unavailable {
                reason,
                detail: "why it is so".into(),
                cached,
            });
        }
    }
    for result in &all {
        match result {
            BalanceResult::Fresh { .. } | BalanceResult::Unavailable { .. } => {}
        }
    }
    all
}

pub fn flush_reports() -> Vec<FlushReport> {
    let open = open_reasons().into_iter().map(Stopped::Open);
    let stopped = open.chain([Stopped::AnotherTab]).map(Some).chain([None]);
    let report = |stopped: Option<Stopped>| {
        match stopped {
            Some(Stopped::AnotherTab | Stopped::Open(_)) | None => {}
        }
        FlushReport {
            charged: 1,
            declined: 2,
            failed: 3,
            unknown: 4,
            remaining: 5,
            stopped,
        }
    };
    stopped.map(report).collect()
}

pub fn alerts() -> Vec<Alert> {
    let kinds = every!(AlertKind {
        SuccessRateLow,
        NetworkLost,
        NetworkRestored,
        BalanceLow,
        QueueNearlyFull,
        StorageDegraded,
        RecordQuarantined,
        Unauthorized
    });
    let alert = |kind| Alert {
        kind,
        detail: "what there is to tell".into(),
        at: 1,
    };
    kinds.into_iter().map(alert).collect()
}

pub fn log_entries() -> Vec<LogEntry> {
    let levels = every!(Level { Error, Info, Debug });
    let entry = |(level, key)| LogEntry {
        level,
        message: "what there is to tell".into(),
        at: 1,
        key,
    };
    let with_and_without = |level| [(level, Some(key())), (level, None)];
    levels
        .into_iter()
        .flat_map(with_and_without)
        .map(entry)
        .collect()
}

fn networks() -> Vec<Network> {
    every!(Network {
        Online,
        Offline,
        Unreachable
    })
}

fn progress() -> FlushProgress {
    FlushProgress { done: 1, total: 2 }
}

/// Members that may be missing are in the first and not in the last.
pub fn snapshots() -> Vec<Snapshot> {
    let storages = every!(StorageKind {
        IndexedDb,
        LocalStorage,
        Memory
    });
    let full = |network, storage| Snapshot {
        account: "alice".into(),
        balance: Some(balances().remove(0)),
        network,
        storage,
        persisted: Some(true),
        queue: QueueCounts {
            pending: 1,
            retrying: 2,
            failed: 3,
            unknown: 4,
            held_points: points(36),
        },
        flush: Some(progress()),
        alerts: alerts(),
        stats: BillingStats {
            enqueued: 15,
            charged: 1,
            declined: 2,
            failed: 3,
            unknown: 4,
            open: 5,
            attempts: 6,
            success_rate: Some(0.5),
            latency_ms: Some(Latency {
                p50: 1,
                p95: 2,
                p99: 3,
            }),
        },
    };
    let mut all = Vec::new();
    for network in networks() {
        for &storage in &storages {
            all.push(full(network, storage));
        }
    }
    all.push(Snapshot {
        balance: None,
        persisted: None,
        flush: None,
        alerts: Vec::new(),
        stats: BillingStats::default(),
        ..full(Network::Online, StorageKind::IndexedDb)
    });
    all
}

pub fn set_aside() -> Vec<SetAside> {
    vec![SetAside {
        key: "cloud_trans:film".into(),
        detail: "its checksum does not fit".into(),
        found_at: 1.0,
        stored: "{}".into(),
    }]
}

/// A code, as its text.
struct Text(&'static str);

impl ToJson for Text {
    fn to_json(&self) -> Json<'_> {
        self.0.to_json()
    }
}

pub fn codes() -> Vec<impl ToJson> {
    let codes = every!(Code {
        InvalidArgument,
        NotFound,
        Closed
    });
    codes
        .into_iter()
        .map(|code| Text(code.code()))
        .collect::<Vec<_>>()
}

/// What listeners are told, as `src/browser/shell/mod.rs` names it.
pub fn notices() -> Vec<Named> {
    let all = [
        Notice::Charge(records().remove(0)),
        Notice::Balance(balances().remove(0)),
        Notice::Network(Network::Online),
        Notice::FlushProgress(progress()),
        Notice::FlushReport(flush_reports().remove(0)),
        Notice::Alert(alerts().remove(0)),
        Notice::Log(log_entries().remove(0)),
        Notice::Snapshot(Box::new(snapshots().remove(0))),
    ];
    let named = |notice| -> Named {
        match notice {
            Notice::Charge(record) => ("charge", "Api.BillingEvents[\"charge\"]", Box::new(record)),
            Notice::Balance(balance) => (
                "balance",
                "Api.BillingEvents[\"balance\"]",
                Box::new(balance),
            ),
            Notice::Network(network) => (
                "network",
                "Api.BillingEvents[\"network\"]",
                Box::new(network),
            ),
            Notice::FlushProgress(progress) => (
                "flushing",
                "Api.BillingEvents[\"flush\"]",
                Box::new(progress),
            ),
            Notice::FlushReport(report) => {
                ("flushed", "Api.BillingEvents[\"flush\"]", Box::new(report))
            }
            Notice::Alert(alert) => ("alert", "Api.BillingEvents[\"alert\"]", Box::new(alert)),
            Notice::Log(entry) => ("log", "Api.LogEntry", Box::new(entry)),
            Notice::Snapshot(snapshot) => ("snapshot", "Api.BillingSnapshot", Box::new(*snapshot)),
        }
    };
    all.map(named).into()
}

/// Null.
struct Nothing;

impl ToJson for Nothing {
    fn to_json(&self) -> Json<'_> {
        Json::Null
    }
}

/// What this method of the client resolves with.
macro_rules! resolves {
    ($method:literal) => {
        concat!("Awaited<ReturnType<Api.BillingClient[\"", $method, "\"]>>")
    };
}

/// What calls are answered. Those that reject have a code instead.
pub fn answers() -> Vec<Named> {
    let all = [
        Answer::Outcome(outcomes().remove(0)),
        Answer::Started,
        Answer::Record(Some(records().remove(0))),
        Answer::Record(None),
        Answer::Flush(flush_reports().remove(0)),
        Answer::Balance(balance_results().remove(0)),
        Answer::SignedOut(records()),
        Answer::NotFound,
        Answer::NotWaiting,
        Answer::Closed,
    ];
    let named = |answer| -> Option<Named> {
        match answer {
            Answer::Outcome(outcome) => {
                Some(("answerToCharge", resolves!("charge"), Box::new(outcome)))
            }
            Answer::Record(Some(record)) => Some((
                "answerToGetCharge",
                resolves!("getCharge"),
                Box::new(record),
            )),
            Answer::Record(None) => Some(("noCharge", resolves!("getCharge"), Box::new(Nothing))),
            Answer::Flush(report) => Some(("answerToFlush", resolves!("flush"), Box::new(report))),
            Answer::Balance(result) => Some((
                "answerToRefresh",
                resolves!("refreshBalance"),
                Box::new(result),
            )),
            Answer::SignedOut(records) => {
                Some(("answerToSignOut", resolves!("signOut"), Box::new(records)))
            }
            // Only the facade sees these, or nobody; the last two have a code.
            Answer::Started | Answer::NotWaiting | Answer::NotFound | Answer::Closed => None,
        }
    };
    all.into_iter().filter_map(named).collect()
}
