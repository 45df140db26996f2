//! The paths of the workspace and its target folder.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

pub struct Workspace {
    pub root: PathBuf,
    /// Cargo's target folder, wherever the environment or a config file puts it.
    pub target: PathBuf,
}

impl Workspace {
    /// The workspace of the current folder. A path compiled in would be wrong if two clones share a
    /// target folder.
    pub fn find() -> Result<Self> {
        let output = Command::new(cargo())
            .args(["metadata", "--no-deps", "--format-version=1"])
            .output()
            .context("cargo metadata can't be run")?;
        ensure!(
            output.status.success(),
            "cargo metadata failed: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        let metadata: serde_json::Value = serde_json::from_slice(&output.stdout)?;
        let path = |name: &str| {
            metadata[name]
                .as_str()
                .map(PathBuf::from)
                .with_context(|| format!("cargo metadata has no {name}"))
        };
        Ok(Self {
            root: path("workspace_root")?,
            target: path("target_directory")?,
        })
    }

    /// A command that runs in the workspace's root.
    pub fn command(&self, program: impl AsRef<Path>) -> Command {
        let mut command = Command::new(program.as_ref());
        command.current_dir(&self.root);
        command
    }

    pub fn cargo(&self) -> Command {
        let mut command = self.command(cargo());
        // What `cargo run` has told xtask about itself: build scripts, such as ring's, run again where
        // it changes, as it would between this and a cargo that the user calls.
        for (name, _) in std::env::vars_os() {
            let text = name.to_string_lossy();
            if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
                command.env_remove(name);
            }
        }
        command
    }

    /// xtask's own folder in the target folder, for intermediate files.
    pub fn scratch(&self) -> PathBuf {
        self.target.join("xtask")
    }
}

/// The cargo that runs xtask, so that the whole run uses one toolchain.
fn cargo() -> PathBuf {
    std::env::var_os("CARGO").map_or_else(|| PathBuf::from("cargo"), PathBuf::from)
}
