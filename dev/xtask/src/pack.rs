//! Makes the package as it is published: npm's archive, and the hashes by which a page can check the
//! files that it loads (Subresource Integrity).

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::Value;
use sha2::{Digest, Sha384};

use crate::command::{run, run_and_read, step};
use crate::workspace::Workspace;
use crate::{build, npm};

/// What a page loads.
const LOADED: [&str; 3] = ["dist/index.js", "dist/inline.js", "wasm/tollbox_bg.wasm"];

#[derive(clap::Args, Clone, Copy)]
pub struct Options {
    /// Build it a second time in another folder, and fail unless both give the same files
    #[arg(long)]
    reproduce: bool,
}

/// Packs the package and prints the hashes of what a page loads.
///
/// # Errors
/// When a step fails, or a second build differs.
pub fn run_command(workspace: &Workspace, options: Options) -> Result<()> {
    let archive = pack(workspace)?;
    println!("{}", archive.display());
    if !names_repository(&workspace.root)? {
        println!("! pkg/package.json names no repository, which a release needs: see RELEASING.md");
    }
    let hashes = hashes(&workspace.root)?;
    for (name, hash) in LOADED.iter().zip(&hashes) {
        println!("{hash}  {name}");
    }
    if options.reproduce {
        let again = build_elsewhere(workspace)?;
        ensure!(
            again == hashes,
            "a second build in another folder differs: {again:?}"
        );
        println!("✓ a second build in another folder gives the same files");
    }
    Ok(())
}

/// Builds the package and has npm pack it into the target folder.
///
/// # Errors
/// When a step fails.
pub fn pack(workspace: &Workspace) -> Result<PathBuf> {
    build::build(workspace, &build::Options::default())?;
    let folder = workspace.scratch().join("pack");
    fs_err::create_dir_all(&folder)?;
    let output = npm::command(workspace)?
        .current_dir(workspace.root.join("pkg"))
        .args(["pack", "--json", "--pack-destination"])
        .arg(&folder)
        .output()?;
    ensure!(
        output.status.success(),
        "npm pack: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    let packed: Value = serde_json::from_slice(&output.stdout)?;
    let name = packed
        .pointer("/0/filename")
        .and_then(Value::as_str)
        .context("npm pack names no file")?;
    Ok(folder.join(name))
}

/// Whether the package says where its source is.
fn names_repository(root: &Path) -> Result<bool> {
    let description: Value = serde_json::from_slice(&fs_err::read(root.join("pkg/package.json"))?)?;
    Ok(description.get("repository").is_some())
}

/// The hashes of what a page loads, of the package built in the workspace `root`.
fn hashes(root: &Path) -> Result<Vec<String>> {
    let package = root.join("pkg");
    LOADED
        .iter()
        .map(|name| {
            let hash = Sha384::digest(fs_err::read(package.join(name))?);
            Ok(format!("sha384-{}", BASE64_STANDARD.encode(hash)))
        })
        .collect()
}

/// Copies what git has, or would have, into a folder of its own, builds the package there from
/// nothing, and gives its hashes.
fn build_elsewhere(workspace: &Workspace) -> Result<Vec<String>> {
    let root = workspace.scratch().join("reproduced");
    if root.exists() {
        fs_err::remove_dir_all(&root)?;
    }
    let mut files = Vec::new();
    step("copying the sources into another folder", || {
        run_and_read(
            workspace.command("git").args([
                "ls-files",
                "--cached",
                "--others",
                "--exclude-standard",
            ]),
            &mut files,
        )?;
        for file in files
            .iter()
            .filter(|file| workspace.root.join(file).exists())
        {
            let to = root.join(file);
            fs_err::create_dir_all(to.parent().unwrap_or(&root))?;
            fs_err::copy(workspace.root.join(file), to)?;
        }
        Ok(())
    })?;
    step("building it there", || {
        run(workspace
            .cargo()
            .current_dir(&root)
            .args(["xtask", "build"])
            .env("CARGO_TARGET_DIR", root.join("target")))
    })?;
    let hashes = hashes(&root)?;
    fs_err::remove_dir_all(&root)?;
    Ok(hashes)
}
