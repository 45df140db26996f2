//! Runs every check and every test, the quick ones first, and stops at the first that fails.

mod checks;
mod suites;
mod summary;

use std::time::Instant;

use anyhow::Result;
use clap::ValueEnum;

use crate::workspace::Workspace;
use summary::Summary;

#[derive(clap::Args)]
pub struct Options {
    /// Run these parts only
    #[arg(value_enum)]
    parts: Vec<Part>,
}

/// In the order in which they run.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// The formatting of Rust, JavaScript, TypeScript, JSON and CSS, and the house rules
    Format,
    /// Clippy, for this computer and for WebAssembly
    Lint,
    /// Rust's tests, on this computer
    Native,
    /// TypeScript's check of the facade, the demo and the tests
    Types,
    /// The tests of the WebAssembly shell, in headless Chromium
    Wasm,
    /// The tests of the demo with the real server, in headless Chromium
    Browser,
}

impl Part {
    fn title(self) -> &'static str {
        match self {
            Self::Format => "format",
            Self::Lint => "lint",
            Self::Native => "native",
            Self::Types => "types",
            Self::Wasm => "wasm",
            Self::Browser => "browser",
        }
    }

    /// Runs the part. The test runners' lines go to `lines` as they are shown.
    fn run(self, workspace: &Workspace, lines: &mut Vec<String>) -> Result<()> {
        match self {
            Self::Format => checks::format(workspace),
            Self::Lint => checks::lint(workspace),
            Self::Native => suites::native(workspace, lines),
            Self::Types => checks::types(workspace),
            Self::Wasm => suites::wasm(workspace, lines),
            Self::Browser => suites::browser(workspace, lines),
        }
    }
}

/// Runs the chosen parts, or all, and ends with a table and the test runners' own closing lines.
///
/// # Errors
/// When a part fails.
pub fn test(workspace: &Workspace, options: &Options) -> Result<()> {
    let mut summary = Summary::default();
    let chosen = |part: &&Part| options.parts.is_empty() || options.parts.contains(part);
    for part in Part::value_variants().iter().filter(chosen) {
        println!("\n━━ {} ━━", part.title());
        let start = Instant::now();
        let mut lines = Vec::new();
        let end = part.run(workspace, &mut lines);
        summary.add(part.title(), start.elapsed(), end.is_ok(), lines);
        if end.is_err() {
            summary.print();
            return end;
        }
    }
    summary.print();
    Ok(())
}
