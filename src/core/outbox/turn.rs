//! What a due charge waits for.

/// What a charge that is due waits for, as long as nothing that bears on it changes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Turn {
    /// To be looked at: nobody has yet, or it has changed since.
    #[default]
    Fresh,
    /// To be sent for the callers who wait for it.
    Callers,
    /// To be looked up for the callers who wait for it.
    CallersLookUp,
    /// To be looked up, for nobody in particular.
    LookUp,
    /// To be sent in the flush.
    Flush,
}
