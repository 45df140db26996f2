//! The log: one line an event, in the caller's language, true to what became of the charge.
//!
//! Tokens and metadata never appear in it.

use serde::Serialize;

use super::charge::{Charge, Key};
use super::outcome::{Outcome, What};

/// The language of the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Locale {
    /// English.
    #[default]
    En,
    /// Simplified Chinese.
    ZhCn,
}

impl Locale {
    /// The text in this language.
    pub fn say(self, english: &str, chinese: &str) -> String {
        match self {
            Locale::En => english.to_owned(),
            Locale::ZhCn => chinese.to_owned(),
        }
    }
}

/// How much a line matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Something went wrong that somebody should see.
    Error,
    /// Something became of a charge.
    Info,
    /// For finding out why.
    Debug,
}

/// One line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LogEntry {
    /// How much it matters.
    pub level: Level,
    /// The line.
    pub message: String,
    /// Milliseconds since the Unix epoch.
    pub at: u64,
    /// The charge that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<Key>,
}

/// The line about what has become of a charge.
pub fn of_outcome(charge: &Charge, outcome: &Outcome, locale: Locale, at: u64) -> LogEntry {
    let (level, message) = match locale {
        Locale::En => english(&outcome.what),
        Locale::ZhCn => chinese(&outcome.what),
    };
    let (amount, task) = match locale {
        Locale::En => ("points", "task"),
        Locale::ZhCn => ("算力", "任务ID"),
    };
    LogEntry {
        level,
        message: format!(
            "{message} - {amount}: {}, {task}: {}",
            charge.amount, charge.task_id
        ),
        at,
        key: Some(charge.key.clone()),
    }
}

fn english(what: &What) -> (Level, String) {
    match what {
        What::Charged { .. } => (Level::Info, "✅ translation task charged".into()),
        What::Queued { detail, .. } => (Level::Info, format!("⏳ charge queued: {detail}")),
        What::Unknown {
            detail,
            resolving: true,
            ..
        } => (Level::Info, format!("⏳ charge not known yet: {detail}")),
        What::Unknown { detail, .. } => (
            Level::Error,
            format!("❌ charge parked, not known: {detail}"),
        ),
        What::Declined { detail, .. } => (Level::Error, format!("❌ charge declined: {detail}")),
        What::Failed { detail, .. } => (Level::Error, format!("❌ charge failed: {detail}")),
    }
}

fn chinese(what: &What) -> (Level, String) {
    match what {
        What::Charged { .. } => (Level::Info, "✅ 翻译任务扣费成功".into()),
        What::Queued { detail, .. } => (Level::Info, format!("⏳ 翻译任务扣费排队中（{detail}）")),
        What::Unknown {
            detail,
            resolving: true,
            ..
        } => (
            Level::Info,
            format!("⏳ 翻译任务扣费结果未知，排队确认中（{detail}）"),
        ),
        What::Unknown { detail, .. } => (
            Level::Error,
            format!("❌ 翻译任务扣费结果未知，已搁置（{detail}）"),
        ),
        What::Declined { detail, .. } => (
            Level::Error,
            format!("❌ 翻译任务扣费被拒绝，扣费失败（{detail}）"),
        ),
        What::Failed { detail, .. } => (Level::Error, format!("❌ 翻译任务扣费失败（{detail}）")),
    }
}
