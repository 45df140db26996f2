//! Bundles each entry of the package into one minified file with a source map: the facade and the glue
//! into `dist/index.js`, the same with the module in it into `dist/inline.js`, and what a service worker
//! needs besides into `dist/service-worker.js`.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::command::{run, step};
use crate::npm;
use crate::stamp::{Stamp, fingerprint};
use crate::workspace::Workspace;

/// What is bundled from what: the entries, each a file of this name in dist/.
const CONFIG: &str = "dev/xtask/rolldown.config.js";

/// The package's own entry, in the folder `package`.
pub fn file(package: &Path) -> PathBuf {
    package.join("dist").join("index.js")
}

/// The entry that has the module in it.
pub fn inline_file(package: &Path) -> PathBuf {
    package.join("dist").join("inline.js")
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
        package.join("wasm"),
        workspace.root.join(CONFIG),
        workspace.root.join("package-lock.json"),
    ];
    let inputs = fingerprint(&inputs.each_ref().map(|path| path.as_path()), &[])?;
    let stamp = Stamp::new(workspace, name, inputs, package.join("dist"));
    if stamp.is_current()? {
        return Ok(());
    }
    step("bundling the package's entries", || {
        run(rolldown(workspace)?
            .args(["--config", CONFIG, "--logLevel", "silent"])
            .env("PACKAGE", package))
    })?;
    leave_out_module(&inline_file(package).with_added_extension("map"))?;
    for bundle in [file(package), inline_file(package)] {
        check_characters(&bundle)?;
    }
    stamp.set()
}

/// A page may have the script in its HTML, which comes to other characters there where it has control
/// characters as they are: U+0000 to U+FFFD, and a carriage return to a line feed.
fn check_characters(file: &Path) -> Result<()> {
    let text = fs_err::read(file)?;
    let odd = text
        .iter()
        .find(|byte| byte.is_ascii_control() && **byte != b'\n');
    ensure!(
        odd.is_none(),
        "{}: {odd:?} is a control character",
        file.display()
    );
    Ok(())
}

/// Takes the module's text, which is nobody's source, out of this source map. What has no content there
/// is looked for as a file.
fn leave_out_module(file: &Path) -> Result<()> {
    let mut map: Value = serde_json::from_slice(&fs_err::read(file)?)?;
    let sources = map["sources"].as_array().context("no sources")?;
    let module = sources
        .iter()
        .position(|source| source == "../wasm/deflated.js")
        .context("the module's text is not in the bundle")?;
    map["sourcesContent"][module] = "// The module, deflated, in base64.\n".into();
    Ok(fs_err::write(file, map.to_string())?)
}

/// The bundle of pkg/ without the glue.
///
/// # Errors
/// When the bundler fails.
pub fn facade_alone(workspace: &Workspace) -> Result<Vec<u8>> {
    let output = workspace.scratch().join("facade.js");
    run(rolldown(workspace)?
        .arg(workspace.root.join("pkg/index.js"))
        .args(["--format", "esm", "--platform", "browser"])
        .args(["--minify", "--logLevel", "silent"])
        .args(["--external", "../../wasm/tollbox.js"])
        .arg("--file")
        .arg(&output))?;
    Ok(fs_err::read(output)?)
}

fn rolldown(workspace: &Workspace) -> Result<Command> {
    let mut command = workspace.command(npm::program(workspace, "rolldown")?);
    // Its table of files, which it writes at any level.
    command.stdout(Stdio::null());
    Ok(command)
}
