//! Bundles each entry of the package into one minified file with a source map: the facade and the glue
//! into `dist/index.js`, and what a service worker needs besides into `dist/service-worker.js`.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::Result;

use crate::command::{run, step};
use crate::npm;
use crate::stamp::{Stamp, fingerprint};
use crate::workspace::Workspace;

/// The entries.
const ENTRIES: [&str; 2] = ["index.js", "service-worker.js"];

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
        package.join("service-worker.js"),
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
    step("bundling the package's entries", || {
        ENTRIES.iter().try_for_each(|entry| {
            run(rolldown(workspace, &package.join(entry))?
                .arg("--sourcemap")
                .arg("--file")
                .arg(package.join("dist").join(entry)))
        })
    })?;
    stamp.set()
}

/// The bundle of pkg/ without the glue.
///
/// # Errors
/// When the bundler fails.
pub fn facade_alone(workspace: &Workspace) -> Result<Vec<u8>> {
    let entry = workspace.root.join("pkg").join("index.js");
    let output = workspace.scratch().join("facade.js");
    run(rolldown(workspace, &entry)?
        .args(["--external", "../../wasm/tollbox.js"])
        .arg("--file")
        .arg(&output))?;
    Ok(fs_err::read(output)?)
}

fn rolldown(workspace: &Workspace, entry: &Path) -> Result<Command> {
    let mut command = workspace.command(npm::program(workspace, "rolldown")?);
    command
        .arg(entry)
        .args(["--format", "esm", "--platform", "browser"])
        .args(["--minify", "--logLevel", "silent"])
        // Its table of files, which it writes at any level.
        .stdout(Stdio::null());
    Ok(command)
}
