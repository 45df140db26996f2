//! Runs every check and every test, the quick ones first, and stops at the first that fails.

mod all_browsers;
mod checks;
mod examples;
mod openapi;
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
    /// Then run the parts for Firefox and WebKitGTK too, about 15 minutes more
    #[arg(long)]
    all_browsers: bool,
}

/// In the order in which they run.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// The formatting of Rust, JavaScript, TypeScript, JSON and CSS, and the house rules
    Format,
    /// The crates' licences and known faults, npm's lock files; Clippy, for this computer and for WebAssembly
    Lint,
    /// Rust's tests, on this computer
    Native,
    /// TypeScript's check of the facade, the demo and the tests
    Types,
    /// The package's size, which must be within size-budget.json
    Size,
    /// The site of docs/*.md, with every link alive, and the modules that it shows
    Docs,
    /// The tests of the facade's plain modules, in Node.js
    Facade,
    /// `tollbox dev` by the reference server's own tests, `tollbox/testing`, and the panel
    Server,
    /// The conformance kit against both servers, and against one with each fault that it has to find
    Conformance,
    /// The reference server on PostgreSQL: its tests for SQLite, and those of what PostgreSQL does to it
    Postgres,
    /// When named: servers and PostgreSQL killed under load, round after round
    ServerKills,
    /// The reference server by its own OpenAPI document, by schemathesis, where there is Python
    #[value(name = "openapi")]
    OpenApi,
    /// The servers that docs/your-own-server.md shows, by the conformance kit
    Examples,
    /// The tests of the WebAssembly shell, in headless Chromium
    Wasm,
    /// The tests of the package and the demo with the real server, in headless Chromium
    Browser,
    /// When named: the demo by Lighthouse, which is installed for it
    Lighthouse,
    /// The hooks, composables and stores in their frameworks, and the devtools, in headless Chromium
    Frameworks,
    /// The code in the pages and the declarations' examples: it compiles, and it runs
    DocsCode,
    /// The packed package in projects of the quick bundlers, and of none
    Packaging,
    /// When named: the packed package in projects of Next.js and Angular
    PackagingSlow,
    /// With --all-browsers: the tests of the WebAssembly shell, in Firefox
    Firefox,
    /// With --all-browsers: the tests of the WebAssembly shell, in WebKitGTK
    Webkit,
    /// With --all-browsers: journal, tabs and kills in Chromium, Firefox and WebKitGTK
    Browsers,
}

/// When a part runs although it is not named.
enum Occasion {
    /// No part is named
    NoneNamed,
    /// `--all-browsers` is given
    AllBrowsers,
    Never,
}

impl Part {
    fn title(self) -> &'static str {
        match self {
            Self::Format => "format",
            Self::Lint => "lint",
            Self::Native => "native",
            Self::Types => "types",
            Self::Size => "size",
            Self::Docs => "docs",
            Self::Facade => "facade",
            Self::Server => "server",
            Self::Conformance => "conformance",
            Self::Postgres => "postgres",
            Self::ServerKills => "server-kills",
            Self::OpenApi => "openapi",
            Self::Examples => "examples",
            Self::Wasm => "wasm",
            Self::Browser => "browser",
            Self::Lighthouse => "lighthouse",
            Self::DocsCode => "docs-code",
            Self::Packaging => "packaging",
            Self::PackagingSlow => "packaging-slow",
            Self::Frameworks => "frameworks",
            Self::Firefox => "firefox",
            Self::Webkit => "webkit",
            Self::Browsers => "browsers",
        }
    }

    /// When it runs although it is not named.
    fn occasion(self) -> Occasion {
        match self {
            Self::Format
            | Self::Lint
            | Self::Native
            | Self::Types
            | Self::Size
            | Self::Docs
            | Self::Facade
            | Self::Server
            | Self::Conformance
            | Self::Postgres
            | Self::OpenApi
            | Self::Examples
            | Self::Wasm
            | Self::Browser
            | Self::DocsCode
            | Self::Packaging
            | Self::Frameworks => Occasion::NoneNamed,
            Self::Firefox | Self::Webkit | Self::Browsers => Occasion::AllBrowsers,
            Self::PackagingSlow | Self::ServerKills | Self::Lighthouse => Occasion::Never,
        }
    }

    /// Runs the part. The test runners' lines are shown, and added to `lines`.
    fn run(self, workspace: &Workspace, lines: &mut Vec<String>) -> Result<()> {
        match self {
            Self::Format => checks::format(workspace),
            Self::Lint => checks::lint(workspace),
            Self::Native => suites::native(workspace, lines),
            Self::Types => checks::types(workspace),
            Self::Size => checks::size(workspace),
            Self::Docs => suites::docs(workspace, lines),
            Self::Facade => suites::facade(workspace, lines),
            Self::Server => suites::server(workspace, lines),
            Self::Conformance => suites::conformance(workspace, lines),
            Self::Postgres => suites::postgres(workspace, lines),
            Self::ServerKills => suites::server_kills(workspace, lines),
            Self::OpenApi => openapi::openapi(workspace, lines),
            Self::Examples => examples::examples(workspace, lines),
            Self::Wasm => suites::wasm(workspace, lines),
            Self::Browser => suites::browser(workspace, lines),
            Self::Lighthouse => suites::lighthouse(workspace, lines),
            Self::DocsCode => suites::docs_code(workspace, lines),
            Self::Packaging => suites::packaging(workspace, lines),
            Self::PackagingSlow => suites::packaging_slow(workspace, lines),
            Self::Frameworks => suites::frameworks(workspace, lines),
            Self::Firefox => all_browsers::wasm_in_firefox(workspace, lines),
            Self::Webkit => all_browsers::wasm_in_webkit(workspace, lines),
            Self::Browsers => all_browsers::whole(workspace, lines),
        }
    }
}

/// Runs the chosen parts, or all, and ends with a table and the test runners' own closing lines.
///
/// # Errors
/// When a part fails.
pub fn test(workspace: &Workspace, options: &Options) -> Result<()> {
    let mut summary = Summary::default();
    let chosen = |part: &&Part| {
        let by_itself = match part.occasion() {
            Occasion::NoneNamed => options.parts.is_empty(),
            Occasion::AllBrowsers => options.all_browsers,
            Occasion::Never => false,
        };
        by_itself || options.parts.contains(part)
    };
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
