//! Bundles the facade and the glue into one minified file with a source map, `dist/index.js`: what
//! the package's entry is.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::Result;

use crate::command::{run, step};
use crate::npm;
use crate::stamp::{Stamp, fingerprint};
use crate::workspace::Workspace;

/// The file in the package `package`.
pub fn file(package: &Path) -> PathBuf {
    package.join("dist").join("index.js")
}

/// Bundles the package in the folder `package`, unless that is done. `name` identifies the inputs.
///
/// # Errors
/// When the bundler fails.
pub fn bundle(workspace: &Workspace, name: &str, package: &Path) -> Result<()> {
    let inputs = [
        package.join("index.js"),
        package.join("lib"),
        package.join("wasm/tollbox.js"),
        package.join("wasm/build.js"),
        workspace.root.join("package-lock.json"),
    ];
    let inputs = fingerprint(&inputs.each_ref().map(|path| path.as_path()), &[])?;
    let stamp = Stamp::new(workspace, name, inputs, package.join("dist"));
    if stamp.is_current()? {
        return Ok(());
    }
    step("bundling the facade and the glue", || {
        run(rolldown(workspace, package)?
            .arg("--sourcemap")
            .arg("--file")
            .arg(file(package)))
    })?;
    stamp.set()
}

/// The bundle of pkg/ without the glue.
///
/// # Errors
/// When the bundler fails.
pub fn facade_alone(workspace: &Workspace) -> Result<Vec<u8>> {
    let package = workspace.root.join("pkg");
    let output = workspace.scratch().join("facade.js");
    run(rolldown(workspace, &package)?
        .args(["--external", "../../wasm/tollbox.js"])
        .arg("--file")
        .arg(&output))?;
    Ok(fs_err::read(output)?)
}

fn rolldown(workspace: &Workspace, package: &Path) -> Result<Command> {
    let mut command = workspace.command(npm::program(workspace, "rolldown")?);
    command
        .arg(package.join("index.js"))
        .args(["--format", "esm", "--platform", "browser"])
        .args(["--minify", "--logLevel", "silent"])
        // Its table of files, which it writes at any level.
        .stdout(Stdio::null());
    Ok(command)
}
