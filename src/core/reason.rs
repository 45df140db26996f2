//! Reasons: why a charge is open, parked, declined or failed, and why an answer is not the billing
//! server's.

use super::json::{Json, ToJson};

codes! {
    /// Why a charge is still open, or the server could not be asked.
    OpenReason {
        /// The browser says that it has no network.
        Offline = "offline",
        /// No answer came, or one that the billing server could not have given.
        Unreachable = "unreachable",
        /// A time limit passed before an answer came.
        Timeout = "timeout",
        /// The server asked to wait, or is at work on this key already.
        Busy = "busy",
        /// The server failed.
        ServerError = "server_error",
        /// The server does not accept the token.
        Unauthorized = "unauthorized",
    }

    /// Why an open charge has been parked without a verdict.
    ParkReason {
        /// `maxTotalAttempts` sendings brought no verdict.
        RetriesExhausted = "retries_exhausted",
        /// The server may have forgotten the key, and would not say whether it charged it.
        KeyExpired = "key_expired",
    }

    /// Why the server took nothing: its own decision about the account.
    DeclineReason {
        /// Fewer points than the charge.
        InsufficientBalance = "insufficient_balance",
        /// Another reason of the server's, given in the detail.
        Rejected = "rejected",
    }

    /// Why a charge failed, nothing taken.
    FailureReason {
        /// The server found the request itself wrong.
        InvalidRequest = "invalid_request",
        /// The key belongs to another charge.
        Conflict = "conflict",
        /// The account may not do this.
        Forbidden = "forbidden",
        /// The server can't be reached and `offlineSpend` does not allow the charge.
        OfflineSpendDenied = "offline_spend_denied",
        /// `maxTotalAttempts` are used up, and the server says that it never charged the key.
        RetriesExhausted = "retries_exhausted",
        /// `maxEntries` charges are open already.
        QueueFull = "queue_full",
        /// The charge could not be written, so it was not sent.
        StorageUnavailable = "storage_unavailable",
        /// Cancelled by the caller.
        Cancelled = "cancelled",
    }

    /// Why an answer can't be read: a malformed one from the page's own `fetch` or transport, or one
    /// that is too long.
    Unreadable {
        /// No response object: `fetch` or the transport returned a non-object, or one that throws on
        /// access.
        NotAnAnswer = "not_an_answer",
        /// The status is not a three-digit number.
        NoStatus = "no_status",
        /// The body has already been read by other code.
        AlreadyRead = "already_read",
        /// Reading the body fails.
        Failing = "failing",
        /// The body is not text, and can't be read as text.
        NoText = "no_text",
        /// The body is longer than any answer of a billing server.
        TooLong = "too_long",
    }

    /// A member of the server's JSON, by its name in the protocol.
    Member {
        /// The points of a charge.
        Amount = "amount",
        /// The balance after it.
        Balance = "balance",
        /// The server's id of a charge.
        ChargeId = "charge_id",
        /// When the server took it.
        ChargedAt = "charged_at",
        /// Whether a problem is the server's decision about the account.
        Declined = "declined",
        /// What a problem's document says of it.
        Detail = "detail",
        /// How long a hold lasts.
        ExpiresIn = "expires_in_s",
        /// The points that the server holds.
        Held = "held",
        /// The key of a charge.
        IdempotencyKey = "idempotency_key",
        /// Why an item of a batch was not charged.
        Problem = "problem",
        /// Whether an item of a batch had been charged before.
        Replayed = "replayed",
        /// The answers to the items of a batch.
        Results = "results",
        /// The status of an item of a batch, or of a problem.
        Status = "status",
        /// The name of a problem, for people.
        Title = "title",
        /// The name of a problem, for programs.
        Type = "type",
        /// The version of a balance.
        Version = "version",
    }
}

/// The reason of an `unknown` outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnknownReason {
    /// Still being resolved.
    Open(OpenReason),
    /// Parked.
    Parked(ParkReason),
}

impl ToJson for UnknownReason {
    fn to_json(&self) -> Json<'_> {
        match self {
            UnknownReason::Open(reason) => reason.to_json(),
            UnknownReason::Parked(reason) => reason.to_json(),
        }
    }
}

/// Why an answer can't be the billing server's to this request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrong {
    /// The protocol has no such answer.
    Unknown,
    /// It has no body.
    Empty,
    /// Its body is no JSON object.
    NotJson,
    /// It could not be read.
    Unreadable(Unreadable),
    /// It was reached by a redirect, or is one.
    Redirected,
    /// It came from a cache.
    Cached,
    /// A member is missing.
    Missing(Member),
    /// A member is not a whole number.
    NotWhole(Member),
    /// A member is above 2^53-1.
    TooLarge(Member),
    /// A member is not a string.
    NotText(Member),
    /// A member is not a list.
    NotAList(Member),
    /// A member names another charge.
    Another(Member),
    /// The answer to a batch has no result for this charge, or two.
    NoResult,
}

json_cases! { Wrong {
    Unknown = "unknown",
    Empty = "empty",
    NotJson = "not_json",
    Unreadable(unreadable) = "unreadable",
    Redirected = "redirected",
    Cached = "cached",
    Missing(member) = "missing",
    NotWhole(member) = "not_whole",
    TooLarge(member) = "too_large",
    NotText(member) = "not_text",
    NotAList(member) = "not_a_list",
    Another(member) = "another",
    NoResult = "no_result",
} }

impl Wrong {
    /// Whether the answer most likely still is the server's, with a single malformed member.
    pub fn is_a_slip(self) -> bool {
        match self {
            Wrong::NotWhole(_) | Wrong::TooLarge(_) | Wrong::NotText(_) | Wrong::NotAList(_) => {
                true
            }
            Wrong::Unknown
            | Wrong::Empty
            | Wrong::NotJson
            | Wrong::Unreadable(_)
            | Wrong::Redirected
            | Wrong::Cached
            | Wrong::Missing(_)
            | Wrong::Another(_)
            | Wrong::NoResult => false,
        }
    }
}
