//! The account of a request, by its token and its header.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use headers::authorization::Bearer;
use headers::{Authorization, HeaderMap, HeaderMapExt};
use percent_encoding::percent_decode_str;
use utoipa::IntoParams;
use utoipa::openapi::Required;
use utoipa::openapi::path::{Parameter, ParameterIn};

use super::App;
use super::openapi::parameter;
use super::problem::{Kind, Problem};
use super::received::Deadline;
use super::request::{quoted, string};
use crate::clock::now_ms;

/// The bearer token of a request (RFC 6750, section 2.1).
pub fn bearer(headers: &HeaderMap) -> Option<String> {
    let Authorization(token) = headers.typed_get::<Authorization<Bearer>>()?;
    Some(token.token().to_owned())
}

/// The account whose token came with the request. A request that names another account is refused.
pub struct Account(pub String);

impl FromRequestParts<App> for Account {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let token = bearer(&parts.headers)
            .ok_or_else(|| Problem::unauthorized("Bearer", "A bearer token is required."))?;
        let Ok(Deadline(deadline)) = Deadline::from_request_parts(parts, app).await;
        let account = app.store.account_of(&token, now_ms(), deadline).await?;
        let account = account.ok_or_else(|| {
            Problem::unauthorized(
                r#"Bearer error="invalid_token""#,
                "The token is unknown or has expired.",
            )
        })?;
        match named(&parts.headers)? {
            Some(named) if named != account => Err(Problem::new(
                Kind::AccountMismatch,
                "The token is not of the account that Billing-Account names.",
            )),
            Some(_) | None => Ok(Self(account)),
        }
    }
}

/// The header, beside the security scheme.
impl IntoParams for Account {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let described = "The account that the client believes it acts for, written like an \
                         Idempotency-Key. Where somebody else is signed in, nothing is done.";
        let place = ParameterIn::Header;
        vec![parameter(
            "Billing-Account",
            place,
            Required::False,
            described,
            quoted(),
            r#""alice""#,
        )]
    }
}

/// The account that the client believes it acts for: the header `Billing-Account`, a string in
/// which `%` and all characters that a header can't carry are percent-encoded.
fn named(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let invalid = |detail: String| Problem::new(Kind::BillingAccountInvalid, detail);
    let Some(text) = string(headers, "billing-account").map_err(invalid)? else {
        return Ok(None);
    };
    let decoded = percent_decode_str(&text).decode_utf8();
    let account = decoded.map_err(|_| invalid("Not percent-encoded UTF-8.".to_owned()))?;
    Ok(Some(account.into_owned()))
}
