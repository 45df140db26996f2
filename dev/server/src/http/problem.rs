//! Errors as problem documents (RFC 9457).

use std::collections::BTreeMap;

use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};
use utoipa::openapi::example::ExampleBuilder;
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{
    ContentBuilder, HeaderBuilder, Ref, RefOr, Response as Answer, ResponseBuilder, Schema,
};
use utoipa::{PartialSchema, ToSchema};

use super::number::Whole;
use super::observed::Outcome;
use super::openapi::text;
use crate::ledger::{Amount, Balance};
use crate::store::StoreError;

/// The kind of a problem.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A member of the request is missing or unacceptable.
    InvalidRequest,
    /// The body is not JSON.
    InvalidJson,
    /// The header `Idempotency-Key` is missing.
    IdempotencyKeyMissing,
    /// The header `Idempotency-Key` is not one acceptable string.
    IdempotencyKeyInvalid,
    /// The server has set another price for the task.
    PriceMismatch,
    /// The bearer token is missing, unknown or has expired.
    Unauthorized,
    /// Not enough points.
    InsufficientBalance,
    /// Not allowed; only a fault answers so.
    Forbidden,
    /// The token is another account's than the request names.
    AccountMismatch,
    /// The header `Billing-Account` is not one acceptable string.
    BillingAccountInvalid,
    /// A page of another origin calls where only the server's own may.
    CrossOrigin,
    /// There is nothing at this path.
    NotFound,
    /// This key was never charged.
    ChargeNotFound,
    /// There is something at this path, but not for this method.
    MethodNotAllowed,
    /// The body took too long.
    RequestTimeout,
    /// Another request with this key is being answered; only a fault answers so, because requests
    /// queue up for the database here.
    RequestInProgress,
    /// The body is over the limit.
    PayloadTooLarge,
    /// The body is not `application/json`.
    UnsupportedMediaType,
    /// The key was charged for another request, or holds points for another.
    IdempotencyKeyReused,
    /// Nothing is held for a key that has been charged.
    AlreadyCharged,
    /// The hold that a charge names has fewer points.
    HoldExceeded,
    /// Too many requests; only a fault answers so.
    TooManyRequests,
    /// An error, perhaps after the change was made.
    InternalError,
    /// No such feature; only a fault answers so.
    NotImplemented,
    /// A gateway's complaint; only a fault answers so.
    BadGateway,
    /// Busy or broken; certainly nothing was changed.
    ServiceUnavailable,
    /// A gateway's complaint; only a fault answers so.
    GatewayTimeout,
}

impl Kind {
    /// The usual problem of a status; none for those that only the ledger decides.
    pub fn of_status(status: StatusCode) -> Option<Self> {
        Some(match status.as_u16() {
            400 => Self::InvalidRequest,
            401 => Self::Unauthorized,
            403 => Self::Forbidden,
            404 => Self::NotFound,
            405 => Self::MethodNotAllowed,
            408 => Self::RequestTimeout,
            409 => Self::RequestInProgress,
            413 => Self::PayloadTooLarge,
            415 => Self::UnsupportedMediaType,
            429 => Self::TooManyRequests,
            500 => Self::InternalError,
            501 => Self::NotImplemented,
            502 => Self::BadGateway,
            503 => Self::ServiceUnavailable,
            504 => Self::GatewayTimeout,
            _ => return None,
        })
    }

    /// A problem of this kind as a document shows it.
    fn example(self) -> Problem {
        if self == Self::InsufficientBalance {
            Problem::insufficient_balance(Balance {
                points: 13,
                held: Some(10),
                version: 18,
            })
        } else if self == Self::PriceMismatch {
            Problem::price_mismatch(12)
        } else {
            Problem::new(self, "What is wrong with this very request.")
        }
    }

    /// `type`, status and `title`.
    fn words(self) -> (&'static str, u16, &'static str) {
        match self {
            Self::InvalidRequest => ("invalid-request", 400, "The request is not valid"),
            Self::InvalidJson => ("invalid-json", 400, "The body is not JSON"),
            Self::IdempotencyKeyMissing => (
                "idempotency-key-missing",
                400,
                "The Idempotency-Key is missing",
            ),
            Self::IdempotencyKeyInvalid => (
                "idempotency-key-invalid",
                400,
                "The Idempotency-Key is not valid",
            ),
            Self::PriceMismatch => ("price-mismatch", 400, "The task has another price"),
            Self::Unauthorized => ("unauthorized", 401, "The token is not accepted"),
            Self::InsufficientBalance => {
                ("insufficient-balance", 402, "There are not enough points")
            }
            Self::Forbidden => ("forbidden", 403, "Not allowed"),
            Self::AccountMismatch => ("account-mismatch", 403, "Somebody else is signed in"),
            Self::BillingAccountInvalid => (
                "billing-account-invalid",
                400,
                "The Billing-Account is not valid",
            ),
            Self::CrossOrigin => ("cross-origin", 403, "Not from another origin"),
            Self::NotFound => ("not-found", 404, "There is nothing here"),
            Self::ChargeNotFound => ("charge-not-found", 404, "This key was never charged"),
            Self::MethodNotAllowed => ("method-not-allowed", 405, "Not with this method"),
            Self::RequestTimeout => ("request-timeout", 408, "The request took too long"),
            Self::RequestInProgress => (
                "request-in-progress",
                409,
                "Another request with this key is being answered",
            ),
            Self::PayloadTooLarge => ("payload-too-large", 413, "The body is too large"),
            Self::UnsupportedMediaType => (
                "unsupported-media-type",
                415,
                "The body must be application/json",
            ),
            Self::IdempotencyKeyReused => (
                "idempotency-key-reused",
                422,
                "The key was used for another charge",
            ),
            Self::AlreadyCharged => ("already-charged", 409, "The key has been charged"),
            Self::HoldExceeded => ("hold-exceeded", 422, "The hold is smaller than the charge"),
            Self::TooManyRequests => ("too-many-requests", 429, "Too many requests"),
            Self::InternalError => ("internal-error", 500, "Something broke"),
            Self::NotImplemented => ("not-implemented", 501, "Not implemented"),
            Self::BadGateway => ("bad-gateway", 502, "The gateway got no good answer"),
            Self::ServiceUnavailable => (
                "service-unavailable",
                503,
                "Not available now; nothing was changed",
            ),
            Self::GatewayTimeout => ("gateway-timeout", 504, "The gateway got no answer in time"),
        }
    }
}

/// A problem document with its status and headers.
#[derive(Clone, Debug)]
pub struct Problem {
    name: &'static str,
    status: StatusCode,
    members: Map<String, Value>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl Problem {
    /// `detail` is for people: what is wrong with this very request.
    pub fn new(kind: Kind, detail: impl Into<String>) -> Self {
        let (name, status, title) = kind.words();
        let members = Map::from_iter([
            ("type".to_owned(), name.into()),
            ("title".to_owned(), title.into()),
            ("status".to_owned(), status.into()),
            ("detail".to_owned(), detail.into().into()),
        ]);
        Self {
            name,
            status: StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
            members,
            headers: Vec::new(),
        }
    }

    /// A problem without a name of its own (RFC 9457, section 4.2.1).
    pub fn blank(status: StatusCode, detail: impl Into<String>) -> Self {
        let title = status.canonical_reason().unwrap_or("Unknown");
        let members = Map::from_iter([
            ("type".to_owned(), "about:blank".into()),
            ("title".to_owned(), title.into()),
            ("status".to_owned(), status.as_u16().into()),
            ("detail".to_owned(), detail.into().into()),
        ]);
        Self {
            name: "about:blank",
            status,
            members,
            headers: Vec::new(),
        }
    }

    /// Adds an extension member.
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.members.insert(name.to_owned(), value.into());
        self
    }

    /// Adds a header to the answer.
    pub fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// 401 with the challenge that RFC 9110 asks for; `error` is a code of RFC 6750, section 3.1.
    pub fn unauthorized(challenge: &'static str, detail: &str) -> Self {
        Self::new(Kind::Unauthorized, detail).with_header(
            header::WWW_AUTHENTICATE,
            HeaderValue::from_static(challenge),
        )
    }

    /// 402 with the balance that was not enough.
    pub fn insufficient_balance(balance: Balance) -> Self {
        let detail = match balance.held {
            None | Some(0) => format!("The balance is {}.", balance.points),
            Some(held) => format!(
                "The balance is {}, and {held} of it are held.",
                balance.points
            ),
        };
        let problem = Self::new(Kind::InsufficientBalance, detail)
            .with("balance", balance.points)
            .with("version", balance.version);
        match balance.held {
            Some(held) => problem.with("held", held),
            None => problem,
        }
    }

    /// 400 with the task's price.
    pub fn price_mismatch(price: u64) -> Self {
        let detail = format!("The price of this task is {price}.");
        Self::new(Kind::PriceMismatch, detail).with("price", price)
    }

    /// The answers with problems of these kinds, by status, with an example of each kind.
    pub fn answers(kinds: &[Kind]) -> BTreeMap<String, RefOr<Answer>> {
        let mut by_status = BTreeMap::<u16, Vec<Kind>>::new();
        for kind in kinds {
            let (_, status, _) = kind.words();
            by_status.entry(status).or_default().push(*kind);
        }
        by_status
            .into_iter()
            .map(|(status, kinds)| (status.to_string(), answer(status, &kinds).into()))
            .collect()
    }

    /// The document alone, as it stands in a batch's result.
    pub fn document(self) -> Value {
        Value::Object(self.members)
    }
}

fn answer(status: u16, kinds: &[Kind]) -> Answer {
    let described = kinds.iter().map(|kind| {
        let (name, _, title) = kind.words();
        format!("`{name}`: {title}.")
    });
    let described = described.collect::<Vec<_>>().join(" ");
    let examples = kinds.iter().map(|kind| {
        let (name, ..) = kind.words();
        let example = ExampleBuilder::new().value(Some(kind.example().document()));
        (name, example.build())
    });
    let content = ContentBuilder::new()
        .schema(Some(Ref::from_schema_name(Problem::name())))
        .examples_from_iter(examples);
    let answer = ResponseBuilder::new()
        .description(described)
        .content("application/problem+json", content.build());
    let header = match status {
        401 => Some(("WWW-Authenticate", "The challenge (RFC 6750).")),
        405 => Some(("Allow", "The methods that there are.")),
        429 | 503 => Some((
            "Retry-After",
            "When to ask again: seconds, or an HTTP date.",
        )),
        _ => None,
    };
    match header {
        Some((name, described)) => {
            let header = HeaderBuilder::new()
                .schema(Some(text()))
                .description(Some(described));
            answer.header(name, header.build()).build()
        }
        None => answer.build(),
    }
}

impl PartialSchema for Problem {
    fn schema() -> RefOr<Schema> {
        let said = |described: &str| text().description(Some(described));
        let status = ObjectBuilder::new()
            .schema_type(Type::Integer)
            .minimum(Some(400))
            .maximum(Some(599));
        let declined = ObjectBuilder::new()
            .schema_type(Type::Boolean)
            .description(Some(
                "With 402 and 403: the server's own reason to decline the charge. `detail`, which \
                 users are shown, says it.",
            ));
        ObjectBuilder::new()
            .description(Some("A problem document (RFC 9457)."))
            .property("type", said("Names the problem."))
            .property("title", said("Says the same to people."))
            .property("status", status)
            .property("detail", said("What is wrong with this very request."))
            .property("balance", Ref::from_schema_name(Whole::name()))
            .property("held", Ref::from_schema_name(Whole::name()))
            .property("version", Ref::from_schema_name(Whole::name()))
            .property("price", Ref::from_schema_name(Amount::name()))
            .property("declined", declined)
            .required("type")
            .required("title")
            .required("status")
            .required("detail")
            .build()
            .into()
    }
}

impl ToSchema for Problem {}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        tracing::error!("{error}");
        match error {
            StoreError::Unavailable(_) => {
                Self::new(Kind::ServiceUnavailable, "The database is not available.")
                    .with_header(header::RETRY_AFTER, HeaderValue::from_static("1"))
            }
            StoreError::Uncertain(_) => {
                Self::new(Kind::InternalError, "The database did not confirm.")
            }
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = json!(self.members).to_string();
        let mut response = (self.status, body).into_response();
        response.headers_mut().insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        response.headers_mut().extend(self.headers);
        response.extensions_mut().insert(Outcome(self.name));
        response
    }
}
