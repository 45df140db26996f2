//! Runs the simulator: one seed with its whole trace, or many on all cores; or shows that it
//! catches deliberate defects.

use anyhow::{Result, ensure};

use crate::command::run;
use crate::workspace::Workspace;

const SEEDS: &str = "10000";
const FAULTS: &str = "usual";

#[derive(clap::Args)]
pub struct Options {
    /// Replay this seed, and show all of its steps
    #[arg(long, conflicts_with = "seeds")]
    seed: Option<u64>,
    /// Run so many seeds, or those from A on and before B; default 10000. With --defects, count
    /// how many of them catch each, where else its first within 5000 is enough
    #[arg(long, value_name = "N|A..B")]
    seeds: Option<String>,
    /// Classes of faults that may occur, by commas: all, none, usual, or names; `-NAME` leaves
    /// one out, `NAME!` has it in every run. An unknown name shows itself. Default usual; a
    /// defect has its own
    #[arg(long, value_name = "CLASSES", allow_hyphen_values = true)]
    faults: Option<String>,
    /// How long after its time limit a request may still arrive, in milliseconds
    #[arg(long, value_name = "MS", default_value_t = 5_000)]
    late_ms: u64,
    /// Put deliberate defects into the core, one at a time, and show which promise each breaks
    /// first, and at which seed. One that breaks none is an error
    #[arg(long, conflicts_with_all = ["seed", "late_ms"])]
    defects: bool,
    /// The same with this defect only; with --seed, show all steps of that run
    #[arg(long, value_name = "NAME", conflicts_with_all = ["defects", "late_ms"])]
    defect: Option<String>,
}

/// Builds the simulator for speed and runs it.
///
/// # Errors
/// When a promise is broken, a defect is not caught, or the simulator can't be built.
pub fn sim(workspace: &Workspace, options: &Options) -> Result<()> {
    let has_defects = options.defects || options.defect.is_some();
    let (seeds, faults) = match has_defects {
        true => ("", ""),
        false => (SEEDS, FAULTS),
    };
    let seeds = options.seeds.as_deref().unwrap_or(seeds);
    ensure!(
        has_defects || !seeds.is_empty(),
        "--seeds wants a number or a range"
    );
    let seed = options.seed.map(|seed| seed.to_string());
    let (features, test) = match has_defects {
        true => ("defects", "_is_caught"),
        false => ("", "the_promises_hold"),
    };
    // One harms many clients together, and no single one.
    let herd: &[&str] = match options.defects {
        true => &["--test", "herd"],
        false => &[],
    };
    run(workspace
        .cargo()
        .args(["test", "--profile", "sim", "--package", "tollbox"])
        .args(["--features", features])
        .args(herd)
        .args(["--test", "simulation", test, "--", "--nocapture"])
        .env("TOLLBOX_SEED", seed.unwrap_or_default())
        .env("TOLLBOX_SEEDS", seeds)
        .env(
            "TOLLBOX_FAULTS",
            options.faults.as_deref().unwrap_or(faults),
        )
        .env("TOLLBOX_LATE_MS", options.late_ms.to_string())
        .env(
            "TOLLBOX_DEFECT",
            options.defect.as_deref().unwrap_or_default(),
        ))
}
