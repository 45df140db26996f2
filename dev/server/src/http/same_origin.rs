//! The guard of endpoints that only pages of the server's own origin may call.

use axum::extract::Request;
use axum::http::{HeaderMap, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::problem::{Kind, Problem};

/// Refuses requests of other origins' pages. Such a page could not read the answer, but its simple
/// requests would be carried out all the same.
pub async fn demand(request: Request, next: Next) -> Response {
    if comes_from_elsewhere(request.headers()) {
        let detail = "Only pages of this server may ask for this.";
        return Problem::new(Kind::CrossOrigin, detail).into_response();
    }
    next.run(request).await
}

/// By the browser's own word (Fetch Metadata), else by `Origin`. Clients other than browsers send
/// neither.
fn comes_from_elsewhere(headers: &HeaderMap) -> bool {
    let text = |name| headers.get(name).map(|value| value.to_str().unwrap_or(""));
    match (text("sec-fetch-site"), text(header::ORIGIN.as_str())) {
        (Some(site), _) => !matches!(site, "same-origin" | "none"),
        (None, Some(origin)) => {
            let origin = origin.parse::<Uri>().ok();
            let asking = origin.as_ref().and_then(Uri::authority);
            asking.is_none_or(|asking| Some(asking.as_str()) != text(header::HOST.as_str()))
        }
        (None, None) => false,
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn a_page_of_another_origin_is_recognized() {
        let host = ("host", "127.0.0.1:8787");
        for (said, elsewhere) in [
            (vec![host], false),
            (vec![host, ("origin", "http://127.0.0.1:8787")], false),
            (vec![host, ("origin", "http://127.0.0.1:8788")], true),
            (vec![host, ("origin", "http://localhost:8787")], true),
            (vec![host, ("origin", "null")], true),
            (vec![host, ("origin", "https://shop.example")], true),
            (vec![host, ("sec-fetch-site", "none")], false),
            (vec![host, ("sec-fetch-site", "cross-site")], true),
            (vec![host, ("sec-fetch-site", "same-site")], true),
            // As behind a proxy that has changed the host.
            (
                vec![
                    host,
                    ("origin", "http://localhost:5173"),
                    ("sec-fetch-site", "same-origin"),
                ],
                false,
            ),
        ] {
            let headers: HeaderMap = said
                .iter()
                .map(|(name, value)| {
                    let value = HeaderValue::from_static(value);
                    (name.parse::<header::HeaderName>().unwrap(), value)
                })
                .collect();
            assert_eq!(comes_from_elsewhere(&headers), elsewhere, "{said:?}");
        }
    }
}
