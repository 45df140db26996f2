//! Problem documents (RFC 9457): the billing server's own account of an error.

use super::members::Members;
use super::{BalanceReading, Response, Secret};
use crate::core::json::Json;
use crate::core::points::Points;
use crate::core::reason::Member;
use crate::core::text::Detail;

/// Maximum number of characters kept of the human-readable text.
const TEXT_LIMIT: usize = 300;

/// A problem document, reduced to the members that the protocol uses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Problem {
    kind: String,
    title: String,
    detail: String,
    /// The repeated status; an item of a batch has no other.
    pub status: Option<u16>,
    /// The server's decision about the account, not about the request.
    pub declined: bool,
    balance: Option<Points>,
    version: Option<u64>,
    held: Option<Points>,
    /// The token that was sent with the request.
    secret: Secret,
}

impl Problem {
    /// Parses the problem document of an answer; `None` for anything else, such as a proxy's page.
    pub fn of(response: &Response) -> Option<Problem> {
        let content_type = response.content_type.as_deref()?;
        let media_type = content_type.split(';').next()?.trim();
        if !media_type.eq_ignore_ascii_case("application/problem+json") {
            return None;
        }
        let body = Json::parse(&response.body)?;
        Members::of(&body).map(|members| Problem::from(members, &response.secret))
    }

    /// Parses these members. One of the wrong type is ignored, as if absent (RFC 9457, section
    /// 3.1).
    pub(super) fn from(members: Members, secret: &Secret) -> Problem {
        let text = |name| members.text(name).unwrap_or_default();
        let status = members.version(Member::Status).ok();
        Problem {
            kind: text(Member::Type),
            title: text(Member::Title),
            detail: text(Member::Detail),
            status: status.and_then(|status| u16::try_from(status).ok()),
            declined: members.is_true(Member::Declined),
            balance: members.points(Member::Balance).ok(),
            version: members.version(Member::Version).ok(),
            held: members.points(Member::Held).ok(),
            secret: secret.clone(),
        }
    }

    /// Whether it reports that another account is signed in than the client believes.
    pub fn is_account_mismatch(&self) -> bool {
        self.is("account-mismatch")
    }

    /// Whether its `type` is `name`, alone or as the end of a URI.
    pub fn is(&self, name: &str) -> bool {
        self.kind.rsplit(['/', ':', '#']).next() == Some(name)
    }

    /// The balance that came with it, with its version.
    pub fn reading(&self) -> Option<BalanceReading> {
        Some(BalanceReading {
            balance: self.balance?,
            version: self.version?,
            held: self.held,
        })
    }

    /// The balance that came with it, with or without a version.
    pub fn balance(&self) -> Option<Points> {
        self.balance
    }

    /// The server's own words, without the token; `None` if it gave none.
    pub fn words(&self) -> Option<String> {
        let texts = [&self.detail, &self.title, &self.kind];
        let text = texts.into_iter().find(|text| !text.is_empty())?;
        // The token is removed before the text is cut, since cutting could leave a part of a token.
        Some(cut(&self.secret.redacted(text)))
    }

    /// What there is to tell of it.
    pub fn detail(&self) -> Detail {
        Detail::Said(self.words())
    }
}

/// The beginning of a text of any length.
fn cut(text: &str) -> String {
    let end = text.char_indices().nth(TEXT_LIMIT);
    match end.and_then(|(end, _)| text.get(..end)) {
        Some(beginning) => format!("{beginning}…"),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::locale::Locale;

    fn read(content_type: Option<&str>, body: &str) -> Option<Problem> {
        Problem::of(&Response {
            status: 400,
            content_type: content_type.map(str::to_owned),
            body: body.to_owned(),
            ..Response::default()
        })
    }

    #[test]
    fn problem_document_requires_its_content_type_and_a_json_object() {
        for content_type in [
            "application/problem+json",
            "Application/Problem+JSON; charset=utf-8",
        ] {
            assert!(read(Some(content_type), "{}").is_some(), "{content_type}");
        }
        for content_type in [None, Some(""), Some("application/json"), Some("text/html")] {
            assert_eq!(read(content_type, "{}"), None, "{content_type:?}");
        }
        for body in ["", "7", "<html>", "[]", "null", r#"{"type":"#] {
            assert_eq!(read(Some("application/problem+json"), body), None, "{body}");
        }
    }

    #[test]
    fn problem_member_of_the_wrong_type_is_ignored() {
        let read = |body: &str| read(Some("application/problem+json"), body).unwrap();
        let usual = read(r#"{"detail":"d"}"#);
        for other in [
            r#"{"detail":"d","type":7}"#,
            r#"{"detail":"d","type":null,"title":{},"status":"400","declined":"true"}"#,
            r#"{"detail":"d","status":400.5,"declined":1,"balance":null,"version":[]}"#,
            r#"{"detail":"d","status":99999999,"balance":"12","version":-1}"#,
        ] {
            assert_eq!(read(other), usual, "{other}");
        }
        assert_eq!(read(r#"{"status":4.02e2}"#).status, Some(402));
        assert!(read(r#"{"declined":true}"#).declined);
    }

    #[test]
    fn long_problem_text_is_cut_at_a_character_boundary() {
        let long = "额".repeat(100_000);
        let body = format!(r#"{{"detail":"{long}"}}"#);
        let text = read(Some("application/problem+json"), &body)
            .unwrap()
            .words()
            .unwrap();
        assert_eq!(text.chars().count(), TEXT_LIMIT + 1);
        assert!(text.starts_with("额额") && text.ends_with('…'));
        let body = format!(r#"{{"title":"{}"}}"#, "t".repeat(TEXT_LIMIT));
        let text = read(Some("application/problem+json"), &body)
            .unwrap()
            .words()
            .unwrap();
        assert_eq!(text.chars().count(), TEXT_LIMIT);
    }

    #[test]
    fn problem_type_matches_the_end_of_its_uri() {
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
    fn problem_text_is_the_detail_else_the_title_else_the_type() {
        let text = |body: &str| {
            let problem = read(Some("application/problem+json"), body).unwrap();
            problem.detail().told(Locale::En)
        };
        assert_eq!(text(r#"{"detail":"d","title":"t","type":"k"}"#), "d");
        assert_eq!(text(r#"{"title":"t","type":"k"}"#), "t");
        assert_eq!(text(r#"{"type":"k"}"#), "k");
        assert!(!text("{}").is_empty());
    }

    #[test]
    fn problem_balance_requires_balance_and_version() {
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
