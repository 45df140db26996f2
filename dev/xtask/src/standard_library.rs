//! The standard library in the module: as the toolchain ships it, which is built for speed, or built
//! with the module for size. Cargo builds it only with unstable flags; they need no nightly compiler.

use std::path::Path;
use std::process::Command;

use crate::command::{run, step};
use crate::wasm_target::WasmToolchain;
use crate::workspace::Workspace;

/// Which standard library the module has.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum StandardLibrary {
    /// As the toolchain ships it.
    Shipped,
    /// Built with the module, for size. A panic is a trap at once, without a message, which nobody
    /// would see: there is no standard error in a browser. `{:?}` writes nothing.
    ForSize,
}

impl StandardLibrary {
    /// The one for size where its sources are there or can be installed; else says why not, in one
    /// line.
    pub fn ensure(workspace: &Workspace, toolchain: &WasmToolchain) -> Self {
        match toolchain {
            WasmToolchain::Debian => {
                println!("the module gets Debian's standard library, which is not built for size");
                return Self::Shipped;
            }
            WasmToolchain::Installed => {}
        }
        if has_sources(workspace) {
            return Self::ForSize;
        }
        if which::which("rustup").is_ok() {
            let added = step("adding the standard library's sources by rustup", || {
                run(workspace
                    .command("rustup")
                    .args(["component", "add", "rust-src"]))
            });
            if added.is_ok() && has_sources(workspace) {
                return Self::ForSize;
            }
        }
        println!(
            "the module is larger than it could be: `rustup component add rust-src` gives the \
             sources of a standard library that is built for size"
        );
        Self::Shipped
    }

    /// What it is called in tables and in size-budget.json.
    pub fn name(self) -> &'static str {
        match self {
            Self::Shipped => "std as shipped",
            Self::ForSize => "std built for size",
        }
    }

    /// Sets it up for `cargo build`, and gives rustc's flags.
    pub fn configure(self, cargo: &mut Command) -> Vec<String> {
        match self {
            Self::Shipped => Vec::new(),
            Self::ForSize => {
                cargo
                    // Unstable flags need a nightly compiler; this variable allows them on a stable
                    // one.
                    .env("RUSTC_BOOTSTRAP", "1")
                    .arg("-Zbuild-std=std,panic_abort")
                    .arg("-Zbuild-std-features=optimize_for_size");
                [
                    "-Zunstable-options",
                    "-Cpanic=immediate-abort",
                    "-Zlocation-detail=none",
                    "-Zfmt-debug=none",
                ]
                .map(str::to_owned)
                .to_vec()
            }
        }
    }
}

fn has_sources(workspace: &Workspace) -> bool {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = workspace
        .command(Path::new(&rustc))
        .args(["--print", "sysroot"])
        .output();
    output.is_ok_and(|output| {
        let sysroot = String::from_utf8_lossy(&output.stdout);
        Path::new(sysroot.trim())
            .join("lib/rustlib/src/rust/library/std/Cargo.toml")
            .exists()
    })
}
