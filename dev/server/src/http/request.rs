//! The parts of a request, parsed once: the key, the JSON body.

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::StatusCode;
use axum::http::request::Parts;
use headers::HeaderMap;
use percent_encoding::percent_decode_str;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use sfv::{Item, Parser, Version};
use utoipa::openapi::path::{Parameter, ParameterIn};
use utoipa::openapi::{RefOr, Required, Schema, SchemaFormat};
use utoipa::{IntoParams, PartialSchema, ToSchema};

use super::openapi::{parameter, text};
use super::problem::{Kind, Problem};
use crate::ledger::{InvalidCharge, MAX_KEY_BYTES, is_key};

/// The largest body, in bytes.
pub const MAX_BODY_BYTES: usize = 1024 * 1024;

/// The header `Idempotency-Key`: one structured item that is a string (RFC 8941, section 3.3.3, as
/// draft-ietf-httpapi-idempotency-key-header asks). Parameters are ignored.
pub struct IdempotencyKey(pub String);

impl<S: Sync> FromRequestParts<S> for IdempotencyKey {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let invalid = |detail: String| Problem::new(Kind::IdempotencyKeyInvalid, detail);
        let key = string(&parts.headers, "idempotency-key").map_err(invalid)?;
        let Some(key) = key else {
            return Err(Problem::new(
                Kind::IdempotencyKeyMissing,
                "The header Idempotency-Key is required.",
            ));
        };
        let decoded = percent_decode_str(&key).decode_utf8();
        let key = decoded.map_err(|_| invalid("Not percent-encoded UTF-8.".to_owned()))?;
        if is_key(&key) {
            Ok(Self(key.into_owned()))
        } else {
            Err(invalid(format!("{}.", InvalidCharge::Key)))
        }
    }
}

/// As it stands in JSON and in a query.
impl PartialSchema for IdempotencyKey {
    fn schema() -> RefOr<Schema> {
        let described =
            format!("Names one charge of an account: 1 to {MAX_KEY_BYTES} bytes of UTF-8.");
        text()
            .min_length(Some(1))
            .max_length(Some(MAX_KEY_BYTES))
            .description(Some(described))
            .build()
            .into()
    }
}

impl ToSchema for IdempotencyKey {}

/// As it stands in the header.
impl IntoParams for IdempotencyKey {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let described = "The key as a string in quotation marks (RFC 8941), as \
                         draft-ietf-httpapi-idempotency-key-header asks. What a header can't \
                         carry, and `%` itself, is percent-encoded UTF-8.";
        let example = r#""cloud_trans:task-1""#;
        let place = ParameterIn::Header;
        vec![parameter(
            "Idempotency-Key",
            place,
            Required::True,
            described,
            quoted(),
            example,
        )]
    }
}

/// A string in quotation marks, in which percent-encoded UTF-8 stands.
pub(super) fn quoted() -> Schema {
    const PATTERN: &str = concat!(
        r#"^"(?:[ !#$&-\[\]-~]|\\["\\]|%[0-7][0-9A-F]|%(?:C[2-9A-F]|D[0-9A-F])%[89AB][0-9A-F]"#,
        r#"|%(?:E0%[AB]|E[1-9A-CEF]%[89AB]|ED%[89])[0-9A-F]%[89AB][0-9A-F]"#,
        r#"|%(?:F0%[9AB]|F[1-3]%[89AB]|F4%8)[0-9A-F]%[89AB][0-9A-F]%[89AB][0-9A-F])+"$"#,
    );
    // By the name that OpenAPI's registry of formats has for it.
    let format = SchemaFormat::Custom("sf-string".to_owned());
    text()
        .format(Some(format))
        .pattern(Some(PATTERN))
        .build()
        .into()
}

/// The header that has one structured item, a string (RFC 8941, section 3.3.3), parameters
/// ignored; `None` where there is no such header, else what is wrong with it.
pub(super) fn string(headers: &HeaderMap, name: &str) -> Result<Option<String>, String> {
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    if values.next().is_some() {
        return Err(format!("One {name} is enough."));
    }
    let item: Item = Parser::new(value)
        .with_version(Version::Rfc8941)
        .parse()
        .map_err(|error| format!("Not a structured field item: {error}."))?;
    let text = item
        .bare_item
        .as_string()
        .ok_or("Not a string in quotation marks.")?;
    Ok(Some(text.as_str().to_owned()))
}

/// A JSON object, where serde would take an array of the members as well.
#[derive(Deserialize)]
struct Object<T> {
    #[serde(flatten)]
    members: T,
}

/// A JSON object of at most [`MAX_BODY_BYTES`], sent as JSON.
pub struct JsonBody<T>(pub T);

impl<S, T> FromRequest<S> for JsonBody<T>
where
    S: Send + Sync,
    T: DeserializeOwned,
{
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let rejection = match Json::<Object<T>>::from_request(request, state).await {
            Ok(Json(Object { members })) => return Ok(Self(members)),
            Err(rejection) => rejection,
        };
        let kind = if matches!(rejection, JsonRejection::JsonSyntaxError(_)) {
            Kind::InvalidJson
        } else if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
            Kind::PayloadTooLarge
        } else if rejection.status() == StatusCode::UNSUPPORTED_MEDIA_TYPE {
            Kind::UnsupportedMediaType
        } else {
            Kind::InvalidRequest
        };
        Err(Problem::new(kind, rejection.body_text()))
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;
    use axum::response::IntoResponse;

    use super::*;

    async fn key(values: &[&[u8]]) -> Result<String, StatusCode> {
        let mut request = Request::new(());
        for value in values {
            let value = HeaderValue::from_bytes(value).unwrap();
            request.headers_mut().append("idempotency-key", value);
        }
        let (mut parts, ()) = request.into_parts();
        match IdempotencyKey::from_request_parts(&mut parts, &()).await {
            Ok(IdempotencyKey(key)) => Ok(key),
            Err(problem) => Err(problem.into_response().status()),
        }
    }

    #[tokio::test]
    async fn the_key_header_is_a_quoted_string() {
        assert_eq!(
            key(&[br#""cloud_trans:task-1""#]).await.unwrap(),
            "cloud_trans:task-1"
        );
        assert_eq!(key(&[br#"  "a b" "#]).await.unwrap(), "a b");
        assert_eq!(key(&[br#""a\"b\\c""#]).await.unwrap(), r#"a"b\c"#);
        assert_eq!(key(&[br#""k";v=1"#]).await.unwrap(), "k");
    }

    #[tokio::test]
    async fn a_key_header_that_is_not_one_short_quoted_string_is_refused() {
        let long = format!("\"{}\"", "k".repeat(MAX_KEY_BYTES + 1));
        let refused: [&[&[u8]]; 13] = [
            &[],
            &[b""],
            &[br#""""#],
            &[b"bare"],
            &[b"12"],
            &[b":aGk=:"],
            &[br#"%"hi""#],
            &[br#""open"#],
            &[br#""bad \escape""#],
            &[br#""one", "two""#],
            &[br#""one""#, br#""two""#],
            &["\"钥匙\"".as_bytes()],
            &[long.as_bytes()],
        ];
        for values in refused {
            assert_eq!(
                key(values).await,
                Err(StatusCode::BAD_REQUEST),
                "{values:?}"
            );
        }
    }
}
