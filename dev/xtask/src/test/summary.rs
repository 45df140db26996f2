//! The summary of a test run: a table of its parts, and the test runners' closing lines.

use std::time::Duration;

use crate::command::seconds;

/// Prefixes of the closing lines of libtest, wasm-bindgen's runner and Node.js's two reporters, and
/// of the lines of the model's checks, of schemathesis and of measuring tests.
const CLOSING: [&str; 14] = [
    "test result: ",
    "model: ",
    "openapi: ",
    "# measured: ",
    "ℹ measured: ",
    "# tests ",
    "# pass ",
    "# fail ",
    "# skipped ",
    "# skipped: ",
    "ℹ tests ",
    "ℹ pass ",
    "ℹ fail ",
    "ℹ skipped ",
];

#[derive(Default)]
pub struct Summary(Vec<Row>);

struct Row {
    title: &'static str,
    time: Duration,
    passed: bool,
    closing_lines: Vec<String>,
}

impl Summary {
    /// Adds a finished part. Only the closing lines are kept.
    pub fn add(&mut self, title: &'static str, time: Duration, passed: bool, lines: Vec<String>) {
        let closing_lines = lines.into_iter().filter(|line| is_closing(line)).collect();
        self.0.push(Row {
            title,
            time,
            passed,
            closing_lines,
        });
    }

    /// Prints the table, then the closing lines, unchanged and last of all.
    pub fn print(&self) {
        println!("\n━━ summary ━━");
        for row in &self.0 {
            let end = if row.passed { "passed" } else { "FAILED" };
            println!("{:<16}{:>14}  {end}", row.title, seconds(row.time));
        }
        let total = self.0.iter().map(|row| row.time).sum();
        println!("{:<16}{:>14}", "together", seconds(total));
        for row in self.0.iter().filter(|row| !row.closing_lines.is_empty()) {
            println!("\n{}:", row.title);
            for line in &row.closing_lines {
                println!("{line}");
            }
        }
    }
}

fn is_closing(line: &str) -> bool {
    let plain = without_colours(line);
    CLOSING.iter().any(|beginning| plain.starts_with(beginning))
}

/// Leaves out the escape sequences that colour a line.
fn without_colours(line: &str) -> String {
    let mut parts = line.split("\u{1b}[");
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        plain.push_str(part.split_once('m').map_or(part, |(_, text)| text));
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closing_lines_are_distinguished_from_other_lines() {
        assert!(is_closing("test result: ok. 3 passed; 0 failed"));
        assert!(is_closing("model: one charge: 3 states"));
        assert!(is_closing("# pass 7"));
        assert!(is_closing("# measured: 100 charges, 0 sent again"));
        assert!(is_closing("\u{1b}[34mℹ pass 7\u{1b}[39m"));
        assert!(!is_closing("test a ... ok"));
    }
}
