//! Reasons: why a charge is open, parked, declined or failed.

use serde::{Deserialize, Serialize};

/// Why a charge is still open, or the server could not be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OpenReason {
    /// The browser says that it has no network.
    Offline,
    /// No answer came, or one that the billing server could not have given.
    Unreachable,
    /// A time limit passed before an answer came.
    Timeout,
    /// The server asked to wait, or is at work on this key already.
    Busy,
    /// The server failed.
    ServerError,
    /// The server does not accept the token.
    Unauthorized,
}

/// Why an open charge has been parked without a verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ParkReason {
    /// `maxTotalAttempts` sendings brought no verdict.
    RetriesExhausted,
    /// The server may have forgotten the key, and would not say whether it charged it.
    KeyExpired,
}

/// Why the server took nothing: its own decision about the account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeclineReason {
    /// Fewer points than the charge.
    InsufficientBalance,
    /// Another reason of the server's, given in the detail.
    Rejected,
}

/// Why a charge failed, nothing taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureReason {
    /// The server found the request itself wrong.
    InvalidRequest,
    /// The key belongs to another charge.
    Conflict,
    /// The account may not do this.
    Forbidden,
    /// The server can't be reached and `offlineSpend` does not allow the charge.
    OfflineSpendDenied,
    /// `maxTotalAttempts` sendings were all turned away, nothing taken.
    RetriesExhausted,
    /// `maxEntries` charges are open already.
    QueueFull,
    /// The charge could not be written, so it was not sent.
    StorageUnavailable,
    /// Cancelled by the caller.
    Cancelled,
}

/// The reason of an `unknown` outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum UnknownReason {
    /// Still being resolved.
    Open(OpenReason),
    /// Parked.
    Parked(ParkReason),
}
