//! Rules: the requests that each fault hits.

use std::collections::BTreeMap;

use axum::http::{HeaderName, HeaderValue, Method, StatusCode};
use serde::{Deserialize, Serialize};

/// One rule. The first that matches a request applies, alone.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// The requests that it applies to.
    pub on: On,
    /// The account whose token the request must carry; `None` for any request.
    #[serde(default)]
    pub account: Option<String>,
    /// The fault that is injected.
    pub fault: Fault,
    /// How many matches are left; `None` is for ever.
    #[serde(default)]
    pub times: Option<u64>,
}

impl Rule {
    pub(super) fn matches(&self, operation: Option<Operation>, account: Option<&str>) -> bool {
        self.times != Some(0)
            && self.on.covers(operation)
            && (self.account.is_none() || self.account.as_deref() == account)
    }

    pub(super) fn take(&mut self) -> Fault {
        self.times = self.times.map(|times| times.saturating_sub(1));
        self.fault.clone()
    }
}

/// The requests that a rule applies to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum On {
    /// Everything below `/billing/v1`.
    Any,
    /// `GET balance`.
    Balance,
    /// `POST charges`.
    Charge,
    /// `POST charges/batch`.
    Batch,
    /// `GET charges?key=KEY`.
    Lookup,
    /// `POST holds`.
    Hold,
    /// `DELETE holds?key=KEY`.
    Release,
}

impl On {
    fn covers(self, operation: Option<Operation>) -> bool {
        match self {
            Self::Any => true,
            Self::Balance => operation == Some(Operation::Balance),
            Self::Charge => operation == Some(Operation::Charge),
            Self::Batch => operation == Some(Operation::Batch),
            Self::Lookup => operation == Some(Operation::Lookup),
            Self::Hold => operation == Some(Operation::Hold),
            Self::Release => operation == Some(Operation::Release),
        }
    }
}

/// The endpoint of the charge protocol that a request is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// `GET balance`.
    Balance,
    /// `POST charges`.
    Charge,
    /// `POST charges/batch`.
    Batch,
    /// `GET charges?key=KEY`.
    Lookup,
    /// `POST holds`.
    Hold,
    /// `DELETE holds?key=KEY`.
    Release,
}

impl Operation {
    /// `path` is relative to `/billing/v1`.
    pub fn of(method: &Method, path: &str) -> Option<Self> {
        match (method, path) {
            (&Method::GET, "/balance") => Some(Self::Balance),
            (&Method::POST, "/charges") => Some(Self::Charge),
            (&Method::POST, "/charges/batch") => Some(Self::Batch),
            (&Method::GET, "/charges") => Some(Self::Lookup),
            (&Method::POST, "/holds") => Some(Self::Hold),
            (&Method::DELETE, "/holds") => Some(Self::Release),
            _ => None,
        }
    }
}

/// The effect on a request.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Fault {
    /// Answered as ever, but not before this time.
    Latency {
        /// Milliseconds.
        ms: u64,
    },
    /// Nothing is done, and the connection is closed unanswered.
    DropBefore {},
    /// The request is carried out, and the connection is closed unanswered.
    DropAfter {},
    /// This answer is given; before it the request is carried out, or nothing is done.
    Status {
        /// The answer.
        #[serde(flatten)]
        answer: Answer,
        /// Whether the request is carried out before.
        #[serde(default, skip_serializing_if = "is_false")]
        after: bool,
    },
    /// The request is carried out only after this time.
    Late {
        /// Milliseconds.
        ms: u64,
        /// The answer given at once; without it the connection is closed unanswered.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        answer: Option<Answer>,
    },
    /// Nothing is done, and no answer ever comes.
    Hang {},
    /// The request is carried out, and no answer ever comes.
    HangAfter {},
    /// Nothing is done, and the answer is 200 with a web page, as from a captive portal.
    Garbage {},
}

/// An answer in place of the server's.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    /// 200 to 599.
    pub status: u16,
    /// The header `Retry-After`: seconds or an HTTP date.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<String>,
    /// More headers, in place of the usual ones.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// Instead of a problem document: sent as JSON if it is JSON, as HTML if not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
}

impl Fault {
    /// Checks that the answer of the fault, if any, can be sent.
    pub(super) fn check(&self) -> Result<(), &'static str> {
        match self {
            Self::Status { answer, .. }
            | Self::Late {
                answer: Some(answer),
                ..
            } => answer.check(),
            Self::Latency { .. }
            | Self::DropBefore {}
            | Self::DropAfter {}
            | Self::Late { answer: None, .. }
            | Self::Hang {}
            | Self::HangAfter {}
            | Self::Garbage {} => Ok(()),
        }
    }
}

impl Answer {
    fn check(&self) -> Result<(), &'static str> {
        if !(200..=599).contains(&self.status) || StatusCode::from_u16(self.status).is_err() {
            return Err("status must be from 200 to 599.");
        }
        let retry_after = self.retry_after.as_deref().map(HeaderValue::from_str);
        if matches!(retry_after, Some(Err(_))) {
            return Err("retry_after can't be a header.");
        }
        let is_wrong = |(name, value): (&String, &String)| {
            let framing = FRAMING.contains(&name.to_ascii_lowercase().as_str());
            framing || HeaderName::try_from(name).is_err() || HeaderValue::try_from(value).is_err()
        };
        match self.headers.iter().any(is_wrong) {
            true => Err("headers must be good ones, and none that says where the answer ends."),
            false => Ok(()),
        }
    }
}

/// Headers that delimit an answer.
const FRAMING: [&str; 4] = [
    "connection",
    "content-length",
    "trailer",
    "transfer-encoding",
];

// Serde demands this signature.
#[allow(clippy::trivially_copy_pass_by_ref)]
fn is_false(value: &bool) -> bool {
    !*value
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(on: On, account: Option<&str>, times: Option<u64>) -> Rule {
        Rule {
            on,
            account: account.map(str::to_owned),
            fault: Fault::Hang {},
            times,
        }
    }

    #[test]
    fn the_request_kind_follows_from_method_and_path() {
        let of = |method: Method, path| Operation::of(&method, path);
        assert_eq!(of(Method::GET, "/balance"), Some(Operation::Balance));
        assert_eq!(of(Method::POST, "/charges"), Some(Operation::Charge));
        assert_eq!(of(Method::POST, "/charges/batch"), Some(Operation::Batch));
        assert_eq!(of(Method::GET, "/charges"), Some(Operation::Lookup));
        assert_eq!(of(Method::POST, "/holds"), Some(Operation::Hold));
        assert_eq!(of(Method::DELETE, "/holds"), Some(Operation::Release));
        assert_eq!(of(Method::GET, "/charges/batch"), None);
        assert_eq!(of(Method::PUT, "/charges"), None);
    }

    #[test]
    fn a_fault_rule_applies_to_its_requests_and_account() {
        let charge = Some(Operation::Charge);
        assert!(rule(On::Any, None, None).matches(None, None));
        assert!(rule(On::Charge, None, None).matches(charge, None));
        assert!(!rule(On::Batch, None, None).matches(charge, None));
        assert!(rule(On::Any, Some("alice"), None).matches(charge, Some("alice")));
        assert!(!rule(On::Any, Some("alice"), None).matches(charge, Some("bob")));
        assert!(!rule(On::Any, Some("alice"), None).matches(charge, None));
    }

    #[test]
    fn a_fault_rule_is_used_up_after_its_matches() {
        let mut twice = rule(On::Any, None, Some(2));
        twice.take();
        assert!(twice.matches(None, None));
        twice.take();
        assert!(!twice.matches(None, None));
    }

    #[test]
    fn faults_are_parsed_as_documented() {
        let fault = |json: &str| serde_json::from_str::<Fault>(json);
        assert_eq!(
            fault(r#"{"kind":"drop_after"}"#).unwrap(),
            Fault::DropAfter {}
        );
        assert_eq!(
            fault(r#"{"kind":"latency","ms":5}"#).unwrap(),
            Fault::Latency { ms: 5 }
        );
        assert!(fault(r#"{"kind":"latency"}"#).is_err());
        assert!(fault(r#"{"kind":"hang","ms":5}"#).is_err());
        assert!(fault(r#"{"kind":"flood"}"#).is_err());
        assert!(fault(r#"{"kind":"status","status":503,"after":true}"#).is_ok());
        assert!(fault(r#"{"kind":"status","status":503,"afterwards":true}"#).is_err());
        assert!(fault(r#"{"kind":"late","ms":5,"answer":{"status":503,"after":true}}"#).is_err());
        assert!(fault(r#"{"kind":"late","ms":5}"#).is_ok());
        let redirect =
            r#"{"kind":"late","ms":5,"answer":{"status":302,"headers":{"location":"/"}}}"#;
        assert!(fault(redirect).unwrap().check().is_ok());
        let framed = redirect.replace("location", "Content-Length");
        assert!(fault(&framed).unwrap().check().is_err());
        let never = fault(r#"{"kind":"status","status":100}"#).unwrap();
        assert!(never.check().is_err());
        let broken = fault(r#"{"kind":"status","status":503,"retry_after":"a\nb"}"#).unwrap();
        assert!(broken.check().is_err());
    }
}
