//! npm packages: installs those of package-lock.json, and runs their programs.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::command::{run, step};
use crate::stamp::{Stamp, fingerprint};
use crate::workspace::Workspace;

/// npm's own note of what `npm ci` installed in a package's folder.
const INSTALLED: &str = "node_modules/.package-lock.json";

/// Runs `npm ci` unless node_modules already matches package-lock.json.
///
/// # Errors
/// When npm is missing or fails.
pub fn install(workspace: &Workspace) -> Result<()> {
    install_in(workspace, "")
}

/// As [`install`], for the package in `folder`, which has a lock file of its own.
///
/// # Errors
/// When npm is missing or fails.
pub fn install_in(workspace: &Workspace, folder: &str) -> Result<()> {
    let path = workspace.root.join(folder);
    if is_in_step(&path).unwrap_or(false) {
        return Ok(());
    }
    let label = match folder {
        "" => "installing the npm packages".to_owned(),
        _ => format!("installing the npm packages of {folder}"),
    };
    step(&label, || {
        run(command(workspace)?
            .current_dir(&path)
            .args(["ci", "--no-audit", "--no-fund"]))
    })
}

/// The path of an npm package's program.
///
/// # Errors
/// When it isn't installed.
pub fn program(workspace: &Workspace, name: &str) -> Result<PathBuf> {
    program_in(&workspace.root, name)
}

/// As [`program`], of the package in `folder`.
///
/// # Errors
/// When it isn't installed.
pub fn program_in(folder: &Path, name: &str) -> Result<PathBuf> {
    let programs = folder.join("node_modules/.bin");
    which::which_in(name, Some(&programs), folder)
        .with_context(|| format!("{name} is not in {}", programs.display()))
}

/// Builds the demo's pages into www/dist, unless they are up to date.
///
/// # Errors
/// When npm or the bundler fails.
pub fn build_demo(workspace: &Workspace) -> Result<PathBuf> {
    let www = workspace.root.join("www");
    let pkg = workspace.root.join("pkg");
    let lock = workspace.root.join("package-lock.json");
    let dist = www.join("dist");
    let inputs = fingerprint(&[&www, &pkg, &lock], &["dist", "node_modules"])?;
    let stamp = Stamp::new(workspace, "www", inputs, dist.clone());
    if stamp.is_current()? {
        println!("✓ www/dist is up to date");
        return Ok(dist);
    }
    step("building the demo's pages", || {
        run(command(workspace)?.args(["run", "--silent", "build", "-w", "www"]))
    })?;
    stamp.set()?;
    Ok(dist)
}

/// A command of npm's that runs in the workspace's root.
///
/// # Errors
/// When npm is missing.
pub fn command(workspace: &Workspace) -> Result<Command> {
    let npm = which::which("npm").context("npm is missing: install Node.js 20.19 or newer")?;
    Ok(workspace.command(npm))
}

/// Whether every package of the folder's package-lock.json is installed in its version; those for
/// other platforms may be absent.
fn is_in_step(folder: &Path) -> Result<bool> {
    let read = |name: &str| -> Result<Value> {
        Ok(serde_json::from_slice(&fs_err::read(folder.join(name))?)?)
    };
    let wanted = read("package-lock.json")?;
    let installed = read(INSTALLED)?;
    let packages = wanted["packages"].as_object().context("no packages")?;
    Ok(packages
        .iter()
        .filter(|(path, _)| path.contains("node_modules/"))
        .all(|(path, package)| match installed["packages"].get(path) {
            Some(found) => found["version"] == package["version"],
            None => package["optional"] == true,
        }))
}
