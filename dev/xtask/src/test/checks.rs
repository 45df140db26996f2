//! Static checks: formatting, lints, types.

use std::io::IsTerminal;

use anyhow::Result;

use crate::command::{run, step};
use crate::wasm_target::WasmToolchain;
use crate::workspace::Workspace;
use crate::{build, deny, npm, npm_lock, size, tidy};

/// The folders whose JavaScript or TypeScript is checked, each by its own tsconfig.json and options.
const TYPED: [(&str, &[&str]); 7] = [
    ("pkg", &[]),
    ("pkg/bin", &[]),
    ("www", &[]),
    ("tests", &[]),
    ("tests/types", &[]),
    // Its own says `bundler`: users have their packages found in these ways too.
    (
        "tests/types",
        &["--module", "node16", "--moduleResolution", "node16"],
    ),
    (
        "tests/types",
        &["--module", "nodenext", "--moduleResolution", "nodenext"],
    ),
];

pub fn format(workspace: &Workspace) -> Result<()> {
    step("rustfmt", || {
        run(workspace.cargo().args(["fmt", "--all", "--check"]))
    })?;
    tidy::tidy(workspace)?;
    npm::install(workspace)?;
    // Biome colours its output even when it is no terminal.
    let colours = if std::io::stdout().is_terminal() {
        "force"
    } else {
        "off"
    };
    step("Biome", || {
        run(workspace
            .command(npm::program(workspace, "biome")?)
            .args(["ci", "--colors", colours, "."]))
    })
}

pub fn lint(workspace: &Workspace) -> Result<()> {
    deny::check(workspace)?;
    npm_lock::check(workspace)?;
    step("Clippy", || {
        run(workspace.cargo().args([
            "clippy",
            "--workspace",
            "--all-targets",
            "--",
            "-D",
            "warnings",
        ]))
    })?;
    step("Clippy, with the deliberate defects", || {
        run(workspace
            .cargo()
            .args(["clippy", "--package", "tollbox", "--features", "defects"])
            .args(["--lib", "--test", "simulation", "--", "-D", "warnings"]))
    })?;
    let toolchain = WasmToolchain::ensure(workspace)?;
    step("Clippy, for WebAssembly", || {
        run(toolchain.cargo(workspace, "clippy")?.args([
            "--package",
            "tollbox",
            "--lib",
            "--test",
            "web",
            "--",
            "-D",
            "warnings",
        ]))
    })?;
    step("Clippy, for WebAssembly, with deaths on order", || {
        run(toolchain
            .cargo(workspace, "clippy")?
            .args(["--package", "tollbox", "--features", "deaths", "--lib"])
            .args(["--", "-D", "warnings"]))
    })
}

/// Checks the types, those of what the module gives too. The facade imports the generated glue, so that
/// is made first.
pub fn types(workspace: &Workspace) -> Result<()> {
    build::build(workspace, &build::Options::default())?;
    for (folder, options) in TYPED {
        if workspace.root.join(folder).join("tsconfig.json").exists() {
            let title = format!("TypeScript, {folder} {}", options.join(" "));
            step(title.trim_end(), || {
                run(workspace
                    .command(npm::program(workspace, "tsc")?)
                    .args(["--noEmit", "--project", folder])
                    .args(options))
            })?;
        }
    }
    step("what the module gives, as TypeScript", || {
        run(workspace.cargo().args([
            "test",
            "--package",
            "tollbox",
            "--test",
            "golden",
            "--quiet",
        ]))
    })?;
    step("TypeScript, what the module gives", || {
        run(workspace
            .command(npm::program(workspace, "tsc")?)
            .args(["--noEmit", "--project"])
            .arg(workspace.target.join("golden")))
    })
}

/// Checks the size of what a page loads against its budget.
pub fn size(workspace: &Workspace) -> Result<()> {
    let library = build::build(workspace, &build::Options::default())?;
    size::check(workspace, library)
}
