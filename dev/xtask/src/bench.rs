//! Measures speed beside other packages: the tables and plots of `docs/performance.md`.

use std::path::PathBuf;

use anyhow::Result;

use crate::browsers::Browsers;
use crate::command::run;
use crate::workspace::Workspace;
use crate::{build, npm};

/// The benchmark's own npm package, whose dependencies are not the project's.
const FOLDER: &str = "dev/bench";

#[derive(clap::Args)]
pub struct Options {
    /// Fewer rounds, scenarios and adapters: some 3 minutes
    #[arg(long)]
    quick: bool,
    /// Write docs/performance.md and its plots
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
