//! Makes the reference of the package's API, in Markdown, from its declarations.

use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::command::{run, step};
use crate::npm;
use crate::stamp::{Stamp, fingerprint};
use crate::workspace::Workspace;

/// TypeDoc's own npm package: it needs a TypeScript that is older than the project's.
const FOLDER: &str = "dev/reference";

/// Makes the reference and prints where it is.
///
/// # Errors
/// As [`build`].
pub fn run_command(workspace: &Workspace) -> Result<()> {
    println!("{}", build(workspace)?.display());
    Ok(())
}

/// Makes the reference of all entries, one page each, unless it is up to date, and gives its folder.
///
/// # Errors
/// When TypeDoc can't be installed, or warns: of a link that leads nowhere, for instance, or of an export
/// without a comment, or a function without an example.
pub fn build(workspace: &Workspace) -> Result<PathBuf> {
    npm::install(workspace)?;
    npm::install_in(workspace, FOLDER)?;
    let folder = workspace.root.join(FOLDER);
    let output = workspace.scratch().join("reference");
    let inputs = fingerprint(
        &[
            &workspace.root.join("pkg"),
            &workspace.root.join("package-lock.json"),
            &folder,
        ],
        &["dist", "wasm", "node_modules"],
    )?;
    let stamp = Stamp::new(workspace, "reference", inputs, output.clone());
    if !stamp.is_current()? {
        step("making the reference of the API", || {
            let programs = folder.join("node_modules/.bin");
            let typedoc = which::which_in("typedoc", Some(&programs), &folder)
                .context("typedoc is not installed")?;
            run(workspace
                .command(typedoc)
                .current_dir(&folder)
                .args(["--logLevel", "Warn", "--out"])
                .arg(&output))
        })?;
        stamp.set()?;
    }
    Ok(output)
}
