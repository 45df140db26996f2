//! Failure to commit an operation.

/// Why an operation is not committed, human-readable.
pub enum Uncommitted {
    /// The transaction failed with all of its operations.
    Failed(String),
    /// The store can't read the record and has left it alone.
    Unreadable(String),
}
