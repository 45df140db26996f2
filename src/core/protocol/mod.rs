//! The charge protocol: what is asked of the billing server, and what its answers mean.

pub mod answer;
mod members;
pub mod problem;
pub mod request;
mod secret;
pub mod setback;
mod unreadable;

pub use answer::{BalanceAnswer, BatchAnswer, ChargeAnswer, LookUpAnswer};
pub use request::{Method, Request, Spelling};
pub use secret::Secret;
pub use setback::{RetryAfter, Setback, SetbackKind, Wrong};
pub use unreadable::Unreadable;

use super::points::Points;

/// An answer as the shell hands it over.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Response {
    /// The HTTP status.
    pub status: u16,
    /// The header `ETag`.
    pub etag: Option<String>,
    /// The header `Retry-After`.
    pub retry_after: Option<String>,
    /// The header `Date`, where the page may read it: the server's clock.
    pub date: Option<String>,
    /// The header `Age`, where the page may read it: how long a cache has kept the answer, in
    /// seconds.
    pub age: Option<String>,
    /// Whether it was reached by a redirect.
    pub redirected: bool,
    /// The header `Content-Type`.
    pub content_type: Option<String>,
    /// Whether the header `Idempotent-Replayed` says `true`.
    pub replayed: bool,
    /// The body, as text.
    pub body: String,
    /// The token that went with the request.
    pub secret: Secret,
    /// Why it could not be read: then nothing else of it counts, and its status is 0.
    pub unreadable: Option<Unreadable>,
}

impl Response {
    /// One that could not be read.
    pub fn unreadable(why: Unreadable) -> Response {
        Response {
            unreadable: Some(why),
            ..Response::default()
        }
    }

    /// Whether it was reached by a redirect, or is one that nobody has followed.
    pub fn is_redirect(&self) -> bool {
        self.redirected || matches!(self.status, 300..=303 | 305..=399)
    }
}

/// The server's balance at one version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// Whole points.
    pub balance: Points,
    /// Grows with every change of the balance.
    pub version: u64,
}
