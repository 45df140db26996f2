//! The log: one line per event, in the caller's language, true to the charge's outcome.
//!
//! Tokens and metadata never appear in it.

use super::charge::{Charge, Key};
use super::json::{Json, ToJson};
use super::locale::Locale;
use super::outcome::{Outcome, What};
use super::text::{Ending, Message};

codes! {
    /// The severity of a line.
    Level {
        /// An error that needs attention.
        Error = "error",
        /// A charge's outcome.
        Info = "info",
        /// Detail for debugging.
        Debug = "debug",
    }
}

/// One line of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogEntry {
    /// The severity.
    pub level: Level,
    /// The text.
    pub message: String,
    /// Milliseconds since the Unix epoch.
    pub at: u64,
    /// The charge concerned.
    pub key: Option<Key>,
}

impl ToJson for LogEntry {
    fn to_json(&self) -> Json<'_> {
        let common = Json::object(&[
            ("level", &self.level),
            ("message", &self.message),
            ("at", &self.at),
        ]);
        match &self.key {
            Some(key) => common.and(Json::object(&[("key", key)])),
            None => common,
        }
    }
}

/// The line about a charge's outcome, which is in this language already.
pub fn of_outcome(charge: &Charge, outcome: &Outcome, locale: Locale, at: u64) -> LogEntry {
    let (level, ending) = ending(&outcome.what);
    let message = Message::Outcome {
        ending,
        detail: without_metadata(outcome.what.detail().unwrap_or_default(), charge),
        amount: charge.amount,
        task_id: charge.task_id.clone(),
    };
    LogEntry {
        level,
        message: message.told(locale),
        at,
        key: Some(charge.key.clone()),
    }
}

fn ending(what: &What) -> (Level, Ending) {
    match what {
        What::Charged { .. } => (Level::Info, Ending::Charged),
        What::Queued { .. } => (Level::Info, Ending::Queued),
        What::Unknown {
            resolving: true, ..
        } => (Level::Info, Ending::Unknown),
        What::Unknown { .. } => (Level::Error, Ending::Parked),
        What::Declined { .. } => (Level::Error, Ending::Declined),
        What::Failed { .. } => (Level::Error, Ending::Failed),
    }
}

/// Removes metadata that a server's problem document quotes. Values shorter than four characters
/// can't be told from ordinary words.
fn without_metadata(detail: &str, charge: &Charge) -> String {
    let values = charge.metadata.values();
    let telling = values.filter(|value| value.chars().nth(3).is_some());
    telling.fold(detail.to_owned(), |detail, value| {
        detail.replace(value.as_str(), "…")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::charge::ChargeRequest;
    use crate::core::ordered::map_of;
    use crate::core::points::Points;
    use crate::core::reason::{
        DeclineReason, FailureReason, OpenReason, ParkReason, UnknownReason,
    };

    const WHY: &str = "why-it-is-so";

    fn line(what: What, locale: Locale) -> LogEntry {
        let request = ChargeRequest {
            task_id: "task-17".into(),
            amount: 35.0,
            feature: "cloud_trans".into(),
            metadata: map_of([("customer".into(), "secret".into())]),
            ..ChargeRequest::default()
        };
        let charge = request.into_charge(5).unwrap();
        let outcome = Outcome {
            key: charge.key.clone(),
            task_id: charge.task_id.clone(),
            amount: charge.amount,
            attempts: 1,
            what,
        };
        of_outcome(&charge, &outcome, locale, 1_234)
    }

    fn unknown(reason: UnknownReason, resolving: bool) -> What {
        What::Unknown {
            reason,
            resolving,
            durable: true,
            detail: WHY.into(),
        }
    }

    fn every_outcome() -> Vec<(What, Level, &'static str)> {
        vec![
            (
                What::Queued {
                    reason: OpenReason::Offline,
                    durable: true,
                    detail: WHY.into(),
                },
                Level::Info,
                "⏳",
            ),
            (
                unknown(UnknownReason::Open(OpenReason::Timeout), true),
                Level::Info,
                "⏳",
            ),
            (
                unknown(UnknownReason::Parked(ParkReason::KeyExpired), false),
                Level::Error,
                "❌",
            ),
            (
                What::Declined {
                    reason: DeclineReason::Rejected,
                    balance: None,
                    detail: WHY.into(),
                },
                Level::Error,
                "❌",
            ),
            (
                What::Failed {
                    reason: FailureReason::Forbidden,
                    retryable: false,
                    detail: WHY.into(),
                },
                Level::Error,
                "❌",
            ),
        ]
    }

    #[test]
    fn charge_is_logged_in_the_callers_language() {
        let charged = || What::Charged {
            charge_id: "c1".into(),
            balance: Points::ZERO,
            replayed: false,
        };
        let english = line(charged(), Locale::En);
        assert_eq!(
            english.message,
            "✅ translation task charged - points: 35, task: task-17"
        );
        let chinese = line(charged(), Locale::ZhCn);
        assert_eq!(
            chinese.message,
            "✅ 翻译任务扣费成功 - 算力: 35, 任务ID: task-17"
        );
        for line in [english, chinese] {
            assert_eq!((line.level, line.at), (Level::Info, 1_234));
            assert_eq!(line.key.unwrap().as_str(), "cloud_trans:task-17");
        }
    }

    #[test]
    fn each_outcome_is_logged_at_its_level_with_its_reason_in_either_language() {
        for locale in [Locale::En, Locale::ZhCn] {
            for (what, level, mark) in every_outcome() {
                let line = line(what.clone(), locale);
                assert_eq!(line.level, level, "{what:?}");
                assert!(line.message.starts_with(mark), "{}", line.message);
                for part in [WHY, "35", "task-17"] {
                    assert!(line.message.contains(part), "{}", line.message);
                }
            }
        }
    }

    #[test]
    fn metadata_quoted_by_the_server_is_not_logged() {
        let what = What::Failed {
            reason: FailureReason::InvalidRequest,
            retryable: false,
            detail: "customer 'secret' is not known: secret".into(),
        };
        let line = line(what, Locale::En);
        assert_eq!(
            line.message,
            "❌ charge failed: customer '…' is not known: … - points: 35, task: task-17"
        );
    }

    #[test]
    fn each_outcome_has_its_own_log_line_without_metadata() {
        for locale in [Locale::En, Locale::ZhCn] {
            let lines = every_outcome().into_iter().map(|(what, _, _)| {
                let line = line(what, locale);
                assert!(!line.message.contains("secret"));
                line.message
            });
            let lines: Vec<String> = lines.collect();
            for (n, line) in lines.iter().enumerate() {
                assert!(
                    !lines.iter().skip(n + 1).any(|other| other == line),
                    "{line}"
                );
            }
        }
    }
}
