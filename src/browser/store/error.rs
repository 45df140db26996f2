//! What a store can't do.

/// Why a store could not do what was asked of it. Nothing of it was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreError {
    /// The connection was closed by somebody else; a new one may work.
    Closed(String),
    /// It can't be opened, or not again.
    Unopenable(String),
    /// It took too long.
    Late(String),
    /// There may be no room left.
    Full(String),
    /// Anything else.
    Failed(String),
}

impl StoreError {
    /// For people.
    pub fn into_detail(self) -> String {
        match self {
            StoreError::Closed(detail)
            | StoreError::Unopenable(detail)
            | StoreError::Late(detail)
            | StoreError::Full(detail)
            | StoreError::Failed(detail) => detail,
        }
    }
}
