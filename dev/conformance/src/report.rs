//! The results of a run: a line a rule, JSON, and JUnit's XML.

use serde::Serialize;

use crate::options::Options;
use crate::run::{Checked, Purse, Verdict};

/// What is said before the first rule.
pub fn head(options: &Options, rules: usize, own: Purse, other: Option<Purse>) -> String {
    let base = &options.base_url.text;
    let mut text = format!("tollbox conformance, run {}, against {base}\n", options.run);
    if !options.profiles.is_empty() {
        text += &format!("profiles: {}\n", options.profiles.join(", "));
    }
    let Purse { needed, there } = own;
    text += &format!("{rules} rules take up to {needed} points of the account, which has {there}");
    if let Some(Purse { needed, there }) = other {
        text += &format!(", and {needed} of the other account, which has {there}");
    }
    text + ".\n\n"
}

/// The line of one rule, and for a broken one what it asks for and how to repeat it.
pub fn line(checked: &Checked) -> String {
    let id = &checked.id;
    let reason = checked.reason.as_deref().unwrap_or_default();
    match checked.verdict {
        Verdict::Kept => format!("kept     {id}\n"),
        Verdict::Skipped => format!("skipped  {id}: {reason}\n"),
        Verdict::Broken => {
            let (duty, source) = (&checked.duty, &checked.source);
            let mut text = format!("BROKEN   {id}: {reason}\n         duty:   {duty} ({source})\n");
            if let Some(repeat) = &checked.repeat {
                text += &format!("         repeat: {repeat}\n");
            }
            text
        }
    }
}

/// What is said after the last rule.
pub fn foot(all: &[Checked]) -> String {
    let (kept, broken, skipped) = counts(all);
    format!("\n{kept} kept, {broken} broken, {skipped} skipped\n")
}

/// The members are in the order in which JSON has them.
#[derive(Serialize)]
struct Report<'a> {
    base_url: &'a str,
    broken: usize,
    kept: usize,
    profiles: &'a [String],
    rules: &'a [Checked],
    run: &'a str,
    skipped: usize,
}

/// All results, as JSON.
pub fn as_json(options: &Options, all: &[Checked]) -> String {
    let (kept, broken, skipped) = counts(all);
    let report = Report {
        base_url: &options.base_url.text,
        broken,
        kept,
        profiles: &options.profiles,
        rules: all,
        run: &options.run,
        skipped,
    };
    let text = serde_json::to_string_pretty(&report).expect("strings and numbers are JSON");
    text + "\n"
}

/// All results, as JUnit has them: a suite a topic.
pub fn as_junit(all: &[Checked]) -> String {
    let mut text = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n".to_owned();
    let (_, broken, skipped) = counts(all);
    let tests = all.len();
    text += &format!(
        "<testsuites name=\"tollbox conformance\" tests=\"{tests}\" failures=\"{broken}\" skipped=\"{skipped}\">\n"
    );
    for of_topic in all.chunk_by(|one, next| topic(one) == topic(next)) {
        let name = of_topic.first().map_or("", topic);
        let (_, broken, skipped) = counts(of_topic);
        let tests = of_topic.len();
        text += &format!(
            "  <testsuite name=\"{name}\" tests=\"{tests}\" failures=\"{broken}\" skipped=\"{skipped}\">\n"
        );
        for checked in of_topic {
            text += &test_case(checked);
        }
        text += "  </testsuite>\n";
    }
    text + "</testsuites>\n"
}

fn test_case(checked: &Checked) -> String {
    let start = format!(
        "    <testcase classname=\"{}\" name=\"{}\"",
        topic(checked),
        checked.id
    );
    let reason = escaped(checked.reason.as_deref().unwrap_or_default());
    let told = match checked.verdict {
        Verdict::Kept => return format!("{start}/>\n"),
        Verdict::Skipped => format!("<skipped message=\"{reason}\"/>"),
        Verdict::Broken => {
            let repeat = checked.repeat.as_deref().unwrap_or_default();
            let body = format!("{} ({})\n{repeat}", checked.duty, checked.source);
            format!("<failure message=\"{reason}\">{}</failure>", escaped(&body))
        }
    };
    format!("{start}>\n      {told}\n    </testcase>\n")
}

fn topic(checked: &Checked) -> &str {
    checked.id.split('/').next().unwrap_or_default()
}

/// How many are kept, broken and skipped.
fn counts(all: &[Checked]) -> (usize, usize, usize) {
    let count = |verdict| all.iter().filter(|one| one.verdict == verdict).count();
    (
        count(Verdict::Kept),
        count(Verdict::Broken),
        count(Verdict::Skipped),
    )
}

/// As XML can have it: control characters can't be written in any way.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '&' => escaped += "&amp;",
            '<' => escaped += "&lt;",
            '>' => escaped += "&gt;",
            '"' => escaped += "&quot;",
            '\t' | '\n' | '\r' => escaped.push(char),
            '\0'..' ' | '\u{fffe}' | '\u{ffff}' => escaped.push('\u{fffd}'),
            _ => escaped.push(char),
        }
    }
    escaped
}
