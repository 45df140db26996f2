//! Measures durability when the browser is killed: the table of `docs/guarantees.md`.

use anyhow::Result;

use crate::browsers::Browsers;
use crate::command::run;
use crate::workspace::Workspace;
use crate::{build, demo, npm};

#[derive(clap::Args)]
pub struct Options {
    /// Trials for each delay, with a fresh profile each
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..))]
    trials: u32,
    /// In Firefox and WebKitGTK too
    #[arg(long)]
    all_browsers: bool,
}

/// Runs dev/durability/durability.mjs.
///
/// # Errors
/// When something can't be built or installed, or a charge was lost or made twice.
pub fn durability(workspace: &Workspace, options: &Options) -> Result<()> {
    let browsers = if options.all_browsers {
        Browsers::ensure_all(workspace)?
    } else {
        Browsers::ensure_chromium(workspace)?
    };
    build::build(workspace, &build::Options::default())?;
    let pages = npm::build_demo(workspace)?;
    let server = demo::build_server(workspace)?;
    let mut command = workspace.command("node");
    command
        .arg("dev/durability/durability.mjs")
        .arg(format!("--trials={}", options.trials))
        .env("TOLLBOX_SERVER", server)
        .env("TOLLBOX_WWW", pages);
    browsers.name_to(&mut command);
    run(&mut command)
}
