//! The charge protocol: requests to the billing server, and the meaning of its answers.

pub mod answer;
mod members;
pub mod problem;
pub mod request;
mod secret;
pub mod setback;

pub use answer::{
    BalanceAnswer, BatchAnswer, ChargeAnswer, HoldAnswer, LookUpAnswer, ReleaseAnswer,
};
pub use request::{Method, Request, Spelling};
pub use secret::Secret;
pub use setback::{RetryAfter, Setback, SetbackKind};

use super::points::Points;
pub use super::reason::{Unreadable, Wrong};

/// An answer as the shell passes it in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Response {
    /// The HTTP status.
    pub status: u16,
    /// The header `ETag`.
    pub etag: Option<String>,
    /// The header `Retry-After`.
    pub retry_after: Option<String>,
    /// The header `Date`, the server's clock, where the page may read it.
    pub date: Option<String>,
    /// The header `Age`, the time in a cache in seconds, where the page may read it.
    pub age: Option<String>,
    /// Whether a redirect led to it.
    pub redirected: bool,
    /// The header `Content-Type`.
    pub content_type: Option<String>,
    /// Whether the header `Idempotent-Replayed` says `true`.
    pub replayed: bool,
    /// The body, as text.
    pub body: String,
    /// The token that was sent with the request.
    pub secret: Secret,
    /// Why the answer could not be read; if set, the status is 0 and everything else is ignored.
    pub unreadable: Option<Unreadable>,
}

impl Response {
    /// An answer that could not be read.
    pub fn unreadable(why: Unreadable) -> Response {
        Response {
            unreadable: Some(why),
            ..Response::default()
        }
    }

    /// Whether a redirect led to it, or it is an unfollowed redirect itself.
    pub fn is_redirect(&self) -> bool {
        self.redirected || matches!(self.status, 300..=303 | 305..=399)
    }
}

/// The server's balance at one version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BalanceReading {
    /// Whole points.
    pub balance: Points,
    /// Grows with every change of the balance.
    pub version: u64,
    /// The points in the account's active holds, where the server keeps any.
    pub held: Option<Points>,
}
