//! The charge protocol: what is asked of the billing server, and what its answers mean.

pub mod answer;
pub mod problem;
pub mod request;

pub use answer::{BalanceAnswer, BatchAnswer, ChargeAnswer, LookUpAnswer};
pub use request::{Method, Request, Spelling};
use serde::de::DeserializeOwned;

use super::outcome::OpenReason;
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
    /// The header `Content-Type`.
    pub content_type: Option<String>,
    /// Whether the header `Idempotent-Replayed` says `true`.
    pub replayed: bool,
    /// The body, as text.
    pub body: String,
}

/// A JSON object as `T`. Only an object: serde would take an array for a struct, too.
fn object<T: DeserializeOwned>(text: &str) -> Option<T> {
    let is_object = text.trim_start().starts_with('{');
    is_object.then(|| serde_json::from_str(text).ok()).flatten()
}

/// The server's balance at one version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// Whole points.
    pub balance: Points,
    /// Grows with every change of the balance.
    pub version: u64,
}

/// Why a request brought no verdict, and what it means for those behind it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setback {
    /// What went wrong.
    pub kind: SetbackKind,
    /// The server's own word that this request took nothing.
    pub untaken: bool,
    /// Whether the billing server itself can be taken to have answered.
    pub own_word: bool,
    /// What the server asked to wait, milliseconds.
    pub retry_after_ms: Option<u64>,
    /// For people.
    pub detail: String,
}

impl SetbackKind {
    /// Why the charge is still open.
    pub fn reason(self) -> OpenReason {
        match self {
            SetbackKind::Unauthorized => OpenReason::Unauthorized,
            SetbackKind::Busy | SetbackKind::InProgress => OpenReason::Busy,
            SetbackKind::ServerError | SetbackKind::Foreign => OpenReason::ServerError,
        }
    }
}

/// What went wrong with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SetbackKind {
    /// `401`.
    Unauthorized,
    /// `429`, `503`: the whole queue waits.
    Busy,
    /// `409`: another request with this key is being handled.
    InProgress,
    /// `408`, `5xx`, or a `4xx` without a problem document.
    ServerError,
    /// Not an answer of the billing server's to this request.
    Foreign,
}
