//! Checks the npm packages in use: what every lock file says of them, and known faults.

use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use walkdir::WalkDir;

use crate::command::step;
use crate::npm;
use crate::workspace::Workspace;

const LOCK: &str = "package-lock.json";
/// Folders with other people's packages.
const FOREIGN: [&str; 2] = ["node_modules", "target"];

/// Checks every lock file; and, where the registry answers, the packages at run time for known faults.
///
/// # Errors
/// When a package breaks a rule of [`breaches`], or has a known fault.
pub fn check(workspace: &Workspace) -> Result<()> {
    step("lock files of npm packages", || {
        let mut found = Vec::new();
        for file in lock_files(&workspace.root)? {
            let name = file.strip_prefix(&workspace.root)?.display().to_string();
            let lock = serde_json::from_slice(&fs_err::read(&file)?)?;
            found.extend(
                breaches(&lock)
                    .with_context(|| name.clone())?
                    .into_iter()
                    .map(|breach| format!("{name}: {breach}")),
            );
        }
        ensure!(found.is_empty(), "{}", found.join("\n"));
        Ok(())
    })?;
    advisories(workspace)
}

/// What is wrong with the packages of a lock file: one without a hash, which nothing checks when it is
/// downloaded, or one that does not come from a registry.
fn breaches(lock: &Value) -> Result<Vec<String>> {
    let packages = lock["packages"].as_object().context("no packages")?;
    let mut breaches = Vec::new();
    for (path, package) in packages {
        // The project's own packages are linked, and other folders are theirs.
        if !path.contains("node_modules/") || package["link"] == true {
            continue;
        }
        let hash = package["integrity"].as_str().unwrap_or_default();
        if !hash.starts_with("sha512-") {
            breaches.push(format!("{path} has no SHA-512"));
        }
        let place = package["resolved"].as_str();
        if place.is_some_and(|place| !place.starts_with("https://") || !place.ends_with(".tgz")) {
            breaches.push(format!("{path} is from no registry"));
        }
    }
    Ok(breaches)
}

/// Has npm look for known faults. Not every registry, or mirror of one, knows them.
fn advisories(workspace: &Workspace) -> Result<()> {
    let output = npm::command(workspace)?
        .args(["audit", "--omit=dev", "--json"])
        .output()?;
    let report: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
    let Some(faults) = report["vulnerabilities"].as_object() else {
        println!("advisories about npm packages are not checked: the registry does not tell them");
        return Ok(());
    };
    if !faults.is_empty() {
        let names: Vec<&str> = faults.keys().map(String::as_str).collect();
        bail!("npm packages with known faults: {}", names.join(", "));
    }
    println!("✓ advisories about npm packages");
    Ok(())
}

fn lock_files(root: &Path) -> Result<Vec<std::path::PathBuf>> {
    let entries = WalkDir::new(root).sort_by_file_name().into_iter();
    let own = entries.filter_entry(|entry| {
        let name = entry.file_name().to_string_lossy();
        entry.depth() == 0 || !(name.starts_with('.') || FOREIGN.contains(&&*name))
    });
    let mut files = Vec::new();
    for entry in own {
        let entry = entry?;
        if entry.file_name() == LOCK {
            files.push(entry.into_path());
        }
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::breaches;
    use serde_json::json;

    #[test]
    fn a_package_without_a_hash_or_from_no_registry_is_a_breach() {
        let lock = json!({ "packages": {
            "": { "name": "workspace" },
            "www": { "version": "0.1.0" },
            "node_modules/own": { "resolved": "pkg", "link": true },
            "node_modules/good": { "integrity": "sha512-abc" },
            "node_modules/bare": { "version": "1.0.0" },
            "node_modules/old": { "integrity": "sha1-abc" },
            "node_modules/git": {
                "integrity": "sha512-abc",
                "resolved": "git+ssh://git@example.org/git.git#1",
            },
        } });
        let found = breaches(&lock).unwrap();
        assert_eq!(
            found,
            [
                "node_modules/bare has no SHA-512",
                "node_modules/git is from no registry",
                "node_modules/old has no SHA-512",
            ]
        );
    }

    #[test]
    fn a_lock_file_without_packages_is_an_error() {
        assert!(breaches(&json!({ "lockfileVersion": 1 })).is_err());
    }
}
