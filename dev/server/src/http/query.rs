//! The key in the query of a look-up, or of a release.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use percent_encoding::percent_decode_str;
use utoipa::openapi::Required;
use utoipa::openapi::path::{Parameter, ParameterIn};
use utoipa::{IntoParams, PartialSchema};

use super::body::invalid;
use super::openapi::parameter;
use super::problem::Problem;
use super::request::IdempotencyKey;

/// The key of `GET charges?key=KEY` and `DELETE holds?key=KEY`: percent-encoded UTF-8, with `+` for a
/// blank as in any form. Other members are ignored.
pub struct WantedKey(pub String);

impl<S: Sync> FromRequestParts<S> for WantedKey {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let members = parts.uri.query().unwrap_or_default().split('&');
        let mut keys = members.filter_map(|member| member.strip_prefix("key="));
        match (keys.next(), keys.next()) {
            (Some(key), None) => decoded(key)
                .map(Self)
                .ok_or_else(|| invalid("key must be percent-encoded UTF-8.")),
            (Some(_), Some(_)) => Err(invalid("One key is enough.")),
            (None, _) => Err(invalid("The query must have a key.")),
        }
    }
}

impl IntoParams for WantedKey {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let described = "The key itself, percent-encoded UTF-8: in the query, because proxies \
                         refuse or decode `%2F` and `%25` in a path.";
        let (place, key) = (ParameterIn::Query, IdempotencyKey::schema());
        vec![parameter(
            "key",
            place,
            Required::True,
            described,
            key,
            "cloud_trans:task-1",
        )]
    }
}

fn decoded(text: &str) -> Option<String> {
    let text = text.replace('+', " ");
    let decoded = percent_decode_str(&text).decode_utf8().ok()?;
    Some(decoded.into_owned())
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::*;

    async fn key(query: &str) -> Option<String> {
        let request = Request::get(format!("/charges{query}")).body(()).unwrap();
        let (mut parts, ()) = request.into_parts();
        let wanted = WantedKey::from_request_parts(&mut parts, &()).await;
        wanted.ok().map(|WantedKey(key)| key)
    }

    #[tokio::test]
    async fn the_look_up_key_is_decoded_once() {
        for (query, expected) in [
            ("?key=cloud_trans%3At1", "cloud_trans:t1"),
            ("?key=cloud_trans:t1&t=2", "cloud_trans:t1"),
            ("?key=%25E4%25BB", "%E4%BB"),
            ("?key=%E4%BB%BB", "任"),
            ("?key=a+b%2Bc=d", "a b+c=d"),
            ("?key=100%", "100%"),
            ("?key=", ""),
        ] {
            assert_eq!(key(query).await.as_deref(), Some(expected), "{query}");
        }
    }

    #[tokio::test]
    async fn a_look_up_without_exactly_one_readable_key_is_refused() {
        for query in ["", "?", "?key", "?keys=a", "?key=a&key=a", "?key=%ff"] {
            assert_eq!(key(query).await, None, "{query}");
        }
    }
}
