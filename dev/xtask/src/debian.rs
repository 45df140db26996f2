//! Installs missing programs from Debian's packages, if that is possible without a prompt.

use std::path::Path;

use anyhow::Result;

use crate::command::{run, step};
use crate::workspace::Workspace;

/// True on Debian and its kin, with apt-get, as root or with a sudo that asks nothing.
pub fn can_install() -> bool {
    Path::new("/etc/debian_version").exists()
        && which::which("apt-get").is_ok()
        && (is_root() || sudo_asks_nothing())
}

/// Installs packages by apt-get.
///
/// # Errors
/// When apt-get fails, or the installer can't be run.
pub fn install(workspace: &Workspace, packages: &[&str]) -> Result<()> {
    step(
        &format!("installing {} from Debian's packages", packages.join(", ")),
        || {
            run(apt_get(workspace).args(["update", "--quiet"]))?;
            run(apt_get(workspace)
                .args(["install", "--yes", "--quiet", "--no-install-recommends"])
                .args(packages))
        },
    )
}

#[cfg(unix)]
fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}

#[cfg(not(unix))]
fn is_root() -> bool {
    false
}

fn apt_get(workspace: &Workspace) -> std::process::Command {
    let mut command = if is_root() {
        workspace.command("env")
    } else {
        let mut sudo = workspace.command("sudo");
        sudo.args(["-n", "env"]);
        sudo
    };
    command.args(["DEBIAN_FRONTEND=noninteractive", "apt-get"]);
    command
}

fn sudo_asks_nothing() -> bool {
    std::process::Command::new("sudo")
        .args(["-n", "true"])
        .output()
        .is_ok_and(|output| output.status.success())
}
