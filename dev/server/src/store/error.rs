//! Errors of the database, and which of them are worth another attempt.

use std::fmt;

/// An error of the database.
#[derive(Debug)]
pub enum StoreError {
    /// Busy or broken before the commit: certainly nothing was changed.
    Unavailable(sqlx::Error),
    /// The commit itself failed: the change may have been made or not.
    Uncertain(sqlx::Error),
}

/// A reason to try a transaction again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Again {
    /// Another transaction was in the way (SQLSTATE 40001).
    Serialization,
    /// Two transactions waited for each other, and this was chosen to end (SQLSTATE 40P01).
    Deadlock,
    /// The connection broke, or the database stops or starts.
    ConnectionLost,
}

impl Again {
    pub const ALL: [Self; 3] = [Self::Serialization, Self::Deadlock, Self::ConnectionLost];

    /// In the metrics.
    pub fn reason(self) -> &'static str {
        match self {
            Self::Serialization => "serialization",
            Self::Deadlock => "deadlock",
            Self::ConnectionLost => "connection_lost",
        }
    }
}

impl StoreError {
    /// The error of a request whose time is up before its commit.
    pub(super) fn too_late() -> Self {
        Self::Unavailable(sqlx::Error::PoolTimedOut)
    }

    /// The error of a commit. One that could not be serialized was rolled back, whenever the
    /// database noticed.
    pub(super) fn of_commit(error: sqlx::Error) -> Self {
        match again(&error) {
            Some(Again::Serialization | Again::Deadlock) => Self::Unavailable(error),
            Some(Again::ConnectionLost) | None => Self::Uncertain(error),
        }
    }

    pub(super) fn again(&self) -> Option<Again> {
        match self {
            Self::Unavailable(error) | Self::Uncertain(error) => again(error),
        }
    }
}

/// By SQLSTATE (PostgreSQL, appendix A). SQLite's own codes are none of these: it waits for locks
/// by itself.
fn again(error: &sqlx::Error) -> Option<Again> {
    if matches!(error, sqlx::Error::Io(_)) {
        return Some(Again::ConnectionLost);
    }
    match error.as_database_error()?.code()?.as_ref() {
        "40001" => Some(Again::Serialization),
        "40P01" => Some(Again::Deadlock),
        // Stopping, crashed or starting; an idle transaction ended; connection exceptions; a
        // statement whose end is not known (CockroachDB).
        "57P01" | "57P02" | "57P03" | "25P03" | "08000" | "08001" | "08003" | "08004" | "08006"
        | "40003" => Some(Again::ConnectionLost),
        _ => None,
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        Self::Unavailable(error)
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unavailable(error) => write!(f, "the database is not available: {error}"),
            Self::Uncertain(error) => write!(f, "the commit failed: {error}"),
        }
    }
}

impl std::error::Error for StoreError {}
