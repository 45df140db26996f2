//! Finds or installs a toolchain that compiles for wasm32-unknown-unknown.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::command::{run, step};
use crate::debian;
use crate::workspace::Workspace;

pub const TARGET: &str = "wasm32-unknown-unknown";

/// Debian's own compiler, its sources of the standard library, its linter, and a linker for wasm.
const DEBIAN_PACKAGES: [&str; 5] = [
    "rustc-web",
    "cargo-web",
    "rust-web-clippy",
    "rust-web-src",
    "lld-19",
];
const DEBIAN_CARGO: &str = "/usr/bin/cargo";
const DEBIAN_LINKER: &str = "wasm-ld-19";

pub enum WasmToolchain {
    /// The toolchain that runs xtask has the target.
    Installed,
    /// Debian's, which has no built standard library for the target and builds it from source.
    Debian,
}

impl WasmToolchain {
    /// Finds the target, or installs it: by rustup, else from Debian's packages.
    ///
    /// # Errors
    /// When neither is possible; the message says what to install.
    pub fn ensure(workspace: &Workspace) -> Result<Self> {
        if is_installed(workspace)? {
            return Ok(Self::Installed);
        }
        // Before rustup: if these packages are installed, rustup has failed before.
        if debian_is_ready() {
            return Ok(Self::Debian);
        }
        if which::which("rustup").is_ok() {
            let added = step(&format!("adding the target {TARGET} by rustup"), || {
                run(workspace.command("rustup").args(["target", "add", TARGET]))
            });
            match added {
                Ok(()) if is_installed(workspace)? => return Ok(Self::Installed),
                Ok(()) => println!("rustup's toolchain isn't the one that runs here"),
                Err(error) => println!("{error:#}"),
            }
        }
        if debian::can_install() {
            debian::install(workspace, &DEBIAN_PACKAGES)?;
            return Ok(Self::Debian);
        }
        bail!("the Rust target {TARGET} is missing: `rustup target add {TARGET}` installs it");
    }

    /// `cargo SUBCOMMAND --target wasm32-unknown-unknown`.
    ///
    /// # Errors
    /// When PATH can't be extended.
    pub fn cargo(&self, workspace: &Workspace, subcommand: &str) -> Result<Command> {
        let mut cargo = match self {
            Self::Installed => workspace.cargo(),
            Self::Debian => {
                // Cargo would look for clippy in its home before PATH.
                let program = match subcommand {
                    "clippy" => "/usr/bin/cargo-clippy",
                    _ => DEBIAN_CARGO,
                };
                let mut cargo = workspace.command(program);
                cargo
                    .env("PATH", debian_first()?)
                    .env("CARGO", DEBIAN_CARGO)
                    .env("RUSTC", "/usr/bin/rustc")
                    // -Zbuild-std needs a nightly compiler; this variable allows it on a stable
                    // one.
                    .env("RUSTC_BOOTSTRAP", "1")
                    .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", DEBIAN_LINKER)
                    .env("CARGO_TARGET_DIR", self.target_folder(workspace));
                cargo
            }
        };
        cargo.args([subcommand, "--target", TARGET]);
        if matches!(self, Self::Debian) {
            cargo.arg("-Zbuild-std=std,panic_abort");
        }
        Ok(cargo)
    }

    /// The target folder of this toolchain: a separate one for Debian's, as compilers can't share
    /// one.
    pub fn target_folder(&self, workspace: &Workspace) -> PathBuf {
        match self {
            Self::Installed => workspace.target.clone(),
            Self::Debian => workspace.target.join("debian"),
        }
    }
}

/// Asks rustc, not rustup: the compiler may come from elsewhere.
fn is_installed(workspace: &Workspace) -> Result<bool> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| OsString::from("rustc"));
    let output = workspace
        .command(rustc)
        .args(["--print", "target-libdir", "--target", TARGET])
        .output()
        .context("rustc can't be run")?;
    let folder = String::from_utf8_lossy(&output.stdout);
    let Ok(entries) = fs_err::read_dir(folder.trim()) else {
        return Ok(false);
    };
    Ok(entries
        .filter_map(Result::ok)
        .any(|entry| entry.file_name().to_string_lossy().starts_with("libstd-")))
}

fn debian_is_ready() -> bool {
    ["/usr/bin/cargo", "/usr/bin/rustc", "/usr/bin/clippy-driver"]
        .into_iter()
        .all(|program| Path::new(program).exists())
        && Path::new("/usr/bin").join(DEBIAN_LINKER).exists()
        && has_library_sources()
}

fn has_library_sources() -> bool {
    Command::new("/usr/bin/rustc")
        .args(["--print", "sysroot"])
        .output()
        .is_ok_and(|output| {
            let sysroot = String::from_utf8_lossy(&output.stdout);
            Path::new(sysroot.trim())
                .join("lib/rustlib/src/rust/library/std/Cargo.toml")
                .exists()
        })
}

fn debian_first() -> Result<OsString> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::iter::once(PathBuf::from("/usr/bin")).chain(std::env::split_paths(&path));
    Ok(std::env::join_paths(folders)?)
}
