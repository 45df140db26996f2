//! Measures speed beside other packages: the tables and plots of `docs/performance.md`.

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::ValueEnum;

use crate::browsers::Browsers;
use crate::command::{run, run_and_read};
use crate::workspace::Workspace;
use crate::{build, npm, postgres};

/// The page with the server's table, and the lines around it.
const SCALE: &str = "docs/scale.md";
const MEASURED: [&str; 2] = [
    "<!-- Written by `cargo xtask bench server --write`. -->",
    "<!-- End of what it wrote. -->",
];

/// The benchmark's own npm package, whose dependencies are not the project's.
const FOLDER: &str = "dev/bench";

/// What else can be measured.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Subject {
    /// The reference server: charges per second and latency, on SQLite and PostgreSQL, for docs/scale.md
    Server,
}

#[derive(clap::Args)]
pub struct Options {
    /// Measure this instead
    #[arg(value_enum)]
    subject: Option<Subject>,
    /// Fewer rounds, scenarios and adapters: some 3 minutes
    #[arg(long)]
    quick: bool,
    /// Write docs/performance.md and its plots, or the table of docs/scale.md
    #[arg(long)]
    write: bool,
    /// Rounds of each scenario [default: 5, or 2 with --quick]
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: Option<u32>,
    /// Only these, separated by commas; an unknown name lists them all
    #[arg(long, value_name = "LIST")]
    adapters: Option<String>,
    /// Only these, separated by commas; an unknown name lists them all
    #[arg(long, value_name = "LIST")]
    scenarios: Option<String>,
    /// Milliseconds that the server waits before each answer to a charge [default: 0]
    #[arg(long, value_name = "MS")]
    delay_ms: Option<u32>,
    /// Measure nothing: make the tables from the results.json of an earlier run
    #[arg(long, value_name = "FILE")]
    from: Option<PathBuf>,
}

/// Runs dev/bench/bench.mjs.
///
/// # Errors
/// When something can't be built or installed, or the benchmark itself fails.
pub fn bench(workspace: &Workspace, options: &Options) -> Result<()> {
    if options.subject == Some(Subject::Server) {
        return server(workspace, options.write);
    }
    npm::install(workspace)?;
    npm::install_in(workspace, FOLDER)?;
    let mut command = workspace.command("node");
    command
        .arg(format!("{FOLDER}/bench.mjs"))
        .arg("--out")
        .arg(workspace.target.join("bench"));
    if let Some(file) = &options.from {
        command.arg("--from").arg(std::path::absolute(file)?);
    } else {
        build::build(workspace, &build::Options::default())?;
        Browsers::ensure_chromium(workspace)?.name_to(&mut command);
    }
    for (name, set) in [("--quick", options.quick), ("--write", options.write)] {
        if set {
            command.arg(name);
        }
    }
    let valued = [
        ("--rounds", options.rounds.map(|rounds| rounds.to_string())),
        ("--adapters", options.adapters.clone()),
        ("--scenarios", options.scenarios.clone()),
        ("--delay-ms", options.delay_ms.map(|ms| ms.to_string())),
    ];
    for (name, value) in valued {
        if let Some(value) = value {
            command.arg(name).arg(value);
        }
    }
    run(&mut command)
}

/// Runs dev/server/benches/charges.rs.
fn server(workspace: &Workspace, write: bool) -> Result<()> {
    let mut command = workspace.cargo();
    command
        .args([
            "bench",
            "--profile",
            "server",
            "--package",
            "tollbox-server",
        ])
        .args(["--bench", "charges"]);
    match postgres::programs(workspace)? {
        Some(programs) => {
            command.env("TOLLBOX_POSTGRES", programs);
        }
        None => println!("PostgreSQL is not measured: there is none"),
    }
    let mut lines = Vec::new();
    run_and_read(&mut command, &mut lines)?;
    if write {
        let page = workspace.root.join(SCALE);
        let text = fs_err::read_to_string(&page)?;
        let begin = lines.iter().position(|line| line.starts_with('|'));
        let table = lines.get(begin.unwrap_or_default()..).unwrap_or_default();
        fs_err::write(page, with_table(&text, table.join("\n").trim())?)?;
    }
    Ok(())
}

/// The page with another table between its marks.
fn with_table(page: &str, table: &str) -> Result<String> {
    let [begin, end] = MEASURED;
    let (before, rest) = page.split_once(begin).context("the page has no mark")?;
    let (_, after) = rest
        .split_once(end)
        .context("the page has no second mark")?;
    Ok(format!("{before}{begin}\n\n{table}\n\n{end}{after}"))
}
