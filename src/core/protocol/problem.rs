//! Problem documents (RFC 9457): the billing server's own word on what is wrong.

use serde::Deserialize;

use super::{Reading, Response, object};
use crate::core::points::Points;

/// A problem document, as far as the protocol uses it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Problem {
    #[serde(rename = "type")]
    kind: String,
    title: String,
    detail: String,
    /// The status that it repeats; the only one there is for an item of a batch.
    pub status: Option<u16>,
    /// The server's decision about the account, not about the request.
    pub declined: bool,
    balance: Option<Points>,
    version: Option<u64>,
}

impl Problem {
    /// The problem document that an answer carries; `None` for anything else, such as the page
    /// of a proxy.
    pub fn of(response: &Response) -> Option<Problem> {
        let content_type = response.content_type.as_deref()?;
        let media_type = content_type.split(';').next()?.trim();
        if !media_type.eq_ignore_ascii_case("application/problem+json") {
            return None;
        }
        object(&response.body)
    }

    /// Whether its `type` is `name`, alone or as the end of a URI.
    pub fn is(&self, name: &str) -> bool {
        self.kind.rsplit(['/', ':', '#']).next() == Some(name)
    }

    /// The balance that came with it.
    pub fn reading(&self) -> Option<Reading> {
        Some(Reading {
            balance: self.balance?,
            version: self.version?,
        })
    }

    /// The balance that came with it, with or without a version.
    pub fn balance(&self) -> Option<Points> {
        self.balance
    }

    /// What it says to people.
    pub fn text(&self) -> String {
        let texts = [&self.detail, &self.title, &self.kind];
        let text = texts.into_iter().find(|text| !text.is_empty());
        text.cloned()
            .unwrap_or_else(|| "the server gave no reason".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(content_type: Option<&str>, body: &str) -> Option<Problem> {
        Problem::of(&Response {
            status: 400,
            content_type: content_type.map(str::to_owned),
            body: body.to_owned(),
            ..Response::default()
        })
    }

    #[test]
    fn only_a_problem_document_is_one() {
        for content_type in [
            "application/problem+json",
            "Application/Problem+JSON; charset=utf-8",
        ] {
            assert!(read(Some(content_type), "{}").is_some(), "{content_type}");
        }
        for content_type in [None, Some(""), Some("application/json"), Some("text/html")] {
            assert_eq!(read(content_type, "{}"), None, "{content_type:?}");
        }
        for body in ["", "7", "<html>", r#"{"type":7}"#, r#"{"status":"400"}"#] {
            assert_eq!(read(Some("application/problem+json"), body), None, "{body}");
        }
    }

    #[test]
    fn a_type_is_known_by_the_end_of_its_uri() {
        let is = |kind: &str| {
            let body = format!(r#"{{"type":"{kind}"}}"#);
            read(Some("application/problem+json"), &body)
                .unwrap()
                .is("charge-not-found")
        };
        assert!(is("charge-not-found"));
        assert!(is("/problems/charge-not-found"));
        assert!(is("urn:problem:charge-not-found"));
        assert!(is("https://example.com/problems#charge-not-found"));
        assert!(!is("not-charge-not-found"));
        assert!(!is("charge-not-found/x"));
        assert!(!is("about:blank"));
    }

    #[test]
    fn it_tells_people_what_it_can() {
        let text = |body: &str| read(Some("application/problem+json"), body).unwrap().text();
        assert_eq!(text(r#"{"detail":"d","title":"t","type":"k"}"#), "d");
        assert_eq!(text(r#"{"title":"t","type":"k"}"#), "t");
        assert_eq!(text(r#"{"type":"k"}"#), "k");
        assert!(!text("{}").is_empty());
    }

    #[test]
    fn a_reading_needs_balance_and_version() {
        let reading = |body: &str| {
            read(Some("application/problem+json"), body)
                .unwrap()
                .reading()
        };
        assert!(reading(r#"{"balance":1,"version":2}"#).is_some());
        assert_eq!(reading(r#"{"balance":1}"#), None);
        assert_eq!(reading(r#"{"version":1}"#), None);
    }
}
