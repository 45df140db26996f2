//! The codes of errors. Nothing of JavaScript: `tests/golden/` compiles it natively.

/// `BillingError.code` of the public API, as far as this side decides it.
#[derive(Clone, Copy, Debug)]
pub enum Code {
    /// The caller's mistake: nothing was sent or stored.
    InvalidArgument,
    /// There is no charge of this key.
    NotFound,
    /// The client is closed.
    Closed,
}

impl Code {
    /// As JavaScript knows it.
    pub fn code(self) -> &'static str {
        match self {
            Code::InvalidArgument => "invalid_argument",
            Code::NotFound => "not_found",
            Code::Closed => "closed",
        }
    }
}
