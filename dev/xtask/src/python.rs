//! Virtual environments of Python in the target folder, with the packages of a lock file.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, bail};

use crate::command::step;
use crate::programs;
use crate::workspace::Workspace;

/// What pip says of an archive that is not the one of the lock file.
const WRONG_HASH: &str = "DO NOT MATCH THE HASHES";

/// A virtual environment.
pub struct Python {
    pub folder: PathBuf,
    pub program: PathBuf,
}

impl Python {
    /// The environment `name` with the packages of `requirements`, which have hashes. What this
    /// computer lacks for it is said in one line.
    ///
    /// # Errors
    /// When a package is not the one that it should be.
    pub fn ensure(
        workspace: &Workspace,
        name: &str,
        requirements: &Path,
    ) -> Result<Result<Self, String>> {
        let folder = workspace.target.join("python").join(name);
        let wanted = fs_err::read_to_string(requirements)?;
        let python = Self {
            program: folder.join("bin/python"),
            folder,
        };
        let installed = python.folder.join("installed.txt");
        if fs_err::read_to_string(&installed).is_ok_and(|installed| installed == wanted) {
            return Ok(Ok(python));
        }
        let Some(system) = programs::find("PYTHON", &["python3"]).filter(|path| is_new(path))
        else {
            return Ok(Err("there is no Python 3.11 or newer".to_owned()));
        };
        step(&format!("installing Python's packages for {name}"), || {
            let made = Command::new(system)
                .args(["-m", "venv", "--clear"])
                .arg(&python.folder)
                .output()?;
            if !made.status.success() {
                return Ok(Err("Python has no venv".to_owned()));
            }
            let pip = Command::new(&python.program)
                .args(["-m", "pip", "install", "--quiet", "--require-hashes"])
                .args(["--only-binary", ":all:", "--requirement"])
                .arg(requirements)
                .output()?;
            let said = String::from_utf8_lossy(&pip.stderr);
            if said.contains(WRONG_HASH) {
                bail!("{said}");
            }
            if !pip.status.success() {
                let last = said.lines().last().unwrap_or_default();
                return Ok(Err(format!("packages can't be installed: {last}")));
            }
            fs_err::write(&installed, wanted)?;
            Ok(Ok(python))
        })
    }
}

fn is_new(python: &Path) -> bool {
    let script = "import sys; sys.exit(sys.version_info < (3, 11))";
    let tried = Command::new(python).args(["-c", script]).status();
    tried.is_ok_and(|status| status.success())
}
