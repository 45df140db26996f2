//! Finds or installs PostgreSQL, which the server's tests start.

use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::debian;
use crate::workspace::Workspace;

/// Where Debian has the programs, by version.
const VERSIONS: &str = "/usr/lib/postgresql";

/// The folder of initdb and pg_ctl: named by `TOLLBOX_POSTGRES`, else the installed one, else
/// Debian's is installed; `None` where there is none and none can be installed.
pub fn programs(workspace: &Workspace) -> Result<Option<PathBuf>> {
    if let Some(folder) = find() {
        return Ok(Some(folder));
    }
    if debian::can_install() {
        debian::install(workspace, &["postgresql"])?;
    }
    Ok(find())
}

fn find() -> Option<PathBuf> {
    if let Some(folder) = std::env::var_os("TOLLBOX_POSTGRES") {
        return Some(folder.into());
    }
    let newest = newest_version(Path::new(VERSIONS));
    let in_path = || Some(which::which("initdb").ok()?.parent()?.to_owned());
    newest.or_else(in_path)
}

fn newest_version(versions: &Path) -> Option<PathBuf> {
    let folders = fs_err::read_dir(versions).ok()?.flatten();
    folders
        .filter_map(|version| {
            let number: u32 = version.file_name().to_str()?.parse().ok()?;
            let programs = version.path().join("bin");
            programs
                .join("initdb")
                .exists()
                .then_some((number, programs))
        })
        .max()
        .map(|(_, programs)| programs)
}
