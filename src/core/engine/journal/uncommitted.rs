//! An operation that is not committed.

/// Why an operation is not committed; for people.
pub enum Uncommitted {
    /// The transaction failed, and with it all of its operations.
    Failed(String),
    /// The store can't read the record, and has left it alone.
    Unreadable(String),
}
