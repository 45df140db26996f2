//! Problem documents (RFC 9457): the billing server's own word on what is wrong.

use serde::Deserialize;

use super::{Reading, Response};
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
        serde_json::from_str(&response.body).ok()
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
