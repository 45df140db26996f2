//! Plays what happens when many clients come back after an outage: the tables and the plot of
//! `docs/outages.md`.

use anyhow::Result;

use crate::command::run;
use crate::workspace::Workspace;

#[derive(clap::Args)]
pub struct Options {
    /// Clients; 100,000 take some 25 minutes on two cores, and 6 GiB
    #[arg(long, value_name = "N", default_value_t = 100_000, value_parser = clap::value_parser!(u32).range(100..))]
    clients: u32,
    /// Write docs/outages.md and its plot
    #[arg(long)]
    write: bool,
}

/// Plays all scenarios, and prints the figures.
///
/// # Errors
/// When something can't be built, or the page can't be written.
pub fn herd(workspace: &Workspace, options: &Options) -> Result<()> {
    let results = workspace.target.join("herd.json");
    run(workspace
        .cargo()
        .args(["test", "--profile", "sim", "--package", "tollbox"])
        .args(["--features", "defects"])
        .args(["--test", "herd", "the_figures"])
        .args(["--", "--ignored", "--nocapture"])
        .env("TOLLBOX_CLIENTS", options.clients.to_string())
        .env("TOLLBOX_RESULTS", &results))?;
    if options.write {
        run(workspace
            .command("node")
            .arg("dev/bench/outages.mjs")
            .arg(&results))?;
    }
    Ok(())
}
