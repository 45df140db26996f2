//! Runs the simulator: one seed with its whole trace, or many on all cores.

use anyhow::{Result, ensure};

use crate::command::run;
use crate::workspace::Workspace;

#[derive(clap::Args)]
pub struct Options {
    /// Replay this seed, and show all of its steps
    #[arg(long, conflicts_with = "seeds")]
    seed: Option<u64>,
    /// Run so many seeds, or those from A on and before B
    #[arg(long, value_name = "N|A..B", default_value = "10000")]
    seeds: String,
    /// Classes of faults that may occur, by commas: all, none, usual, or names; `-NAME` leaves
    /// one out. An unknown name shows itself
    #[arg(
        long,
        value_name = "CLASSES",
        default_value = "usual",
        allow_hyphen_values = true
    )]
    faults: String,
    /// How long after its time limit a request may still arrive, in milliseconds
    #[arg(long, value_name = "MS", default_value_t = 5_000)]
    late_ms: u64,
}

/// Builds the simulator for speed and runs it.
///
/// # Errors
/// When a promise is broken, or the simulator can't be built.
pub fn sim(workspace: &Workspace, options: &Options) -> Result<()> {
    ensure!(
        !options.seeds.is_empty(),
        "--seeds wants a number or a range"
    );
    let seed = options.seed.map(|seed| seed.to_string());
    run(workspace
        .cargo()
        .args(["test", "--profile", "sim", "--package", "tollbox"])
        .args(["--test", "simulation", "--", "--nocapture"])
        .env("TOLLBOX_SEED", seed.unwrap_or_default())
        .env("TOLLBOX_SEEDS", &options.seeds)
        .env("TOLLBOX_FAULTS", &options.faults)
        .env("TOLLBOX_LATE_MS", options.late_ms.to_string()))
}
