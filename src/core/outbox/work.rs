//! The work of this tab on one charge.

/// What is under way for a charge in this tab: an operation on the journal, or a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Work {
    /// Nothing.
    #[default]
    None,
    /// An operation or a request.
    UnderWay,
    /// An operation that takes it on, or reopens it if it has its verdict: it is about to be open.
    Admitting,
}
