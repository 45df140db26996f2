//! Builds everything, serves the demo on this computer and opens it in the browser.

use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;
use std::process::Stdio;

use anyhow::Result;

use crate::command::{Running, run, step, stopped};
use crate::workspace::Workspace;
use crate::{build, npm};

const SERVER: &str = "tollbox-server";
/// The line that the server prints once it accepts connections, up to its address.
const LISTENING: &str = "listening on ";

#[derive(clap::Args)]
pub struct Options {
    /// The port on 127.0.0.1; a free one is taken where it is in use
    #[arg(long, default_value_t = 8787)]
    port: u16,
    /// Don't open a browser
    #[arg(long)]
    no_open: bool,
    /// The server's database, or `:memory:` [default: a file in the target folder]
    #[arg(long)]
    database: Option<PathBuf>,
    /// Leave out the panel that makes the server fail in chosen ways
    #[arg(long)]
    no_faults: bool,
}

/// Serves the demo until Ctrl-C.
///
/// # Errors
/// When something can't be built, or the server ends by itself.
pub fn demo(workspace: &Workspace, options: &Options) -> Result<()> {
    build::build(workspace, &build::Options::default())?;
    let pages = npm::build_demo(workspace)?;
    let server = build_server(workspace)?;

    let database = match &options.database {
        Some(path) => path.clone(),
        None => {
            let folder = workspace.target.join("demo");
            fs_err::create_dir_all(&folder)?;
            folder.join("ledger.sqlite")
        }
    };
    let mut command = workspace.command(server);
    command
        .arg("--demo")
        .arg("--static")
        .arg(pages)
        .arg("--port")
        .arg(free_port(options.port).to_string())
        .arg("--database")
        .arg(&database)
        .args(["--log-level", "warn"])
        .stdout(Stdio::piped());
    if !options.no_faults {
        command.arg("--faults");
    }
    println!(
        "▶ starting the server, with its database in {} …",
        database.display()
    );
    let mut server = Running::spawn(&mut command)?;
    server.read_lines(|line| {
        if let Some(address) = line.strip_prefix(LISTENING) {
            println!("\n  The demo is at {address}  (Ctrl-C stops it)\n");
            if !options.no_open && has_screen() {
                open(address.to_owned());
            }
        }
    })?;
    match server.wait(&command) {
        Err(_) if stopped() => Ok(()),
        end => end,
    }
}

/// Builds the reference server and gives its path.
///
/// # Errors
/// When it doesn't compile.
pub fn build_server(workspace: &Workspace) -> Result<PathBuf> {
    step("compiling the server", || {
        run(workspace.cargo().args(["build", "--package", SERVER]))
    })?;
    let name = format!("{SERVER}{}", std::env::consts::EXE_SUFFIX);
    Ok(workspace.target.join("debug").join(name))
}

/// The wanted port, or 0, for any free one.
fn free_port(wanted: u16) -> u16 {
    match TcpListener::bind((Ipv4Addr::LOCALHOST, wanted)) {
        Ok(_) => wanted,
        Err(error) => {
            println!("port {wanted} can't be used ({error}): taking a free one");
            0
        }
    }
}

/// False in CI and where no desktop is running.
fn has_screen() -> bool {
    let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let has_desktop =
        cfg!(any(windows, target_os = "macos")) || set("DISPLAY") || set("WAYLAND_DISPLAY");
    has_desktop && !set("CI")
}

/// Opens the browser on a thread of its own: some systems' openers return only when it is closed.
fn open(address: String) {
    std::thread::spawn(move || {
        // The address has been printed, which is enough on a system without a browser.
        opener::open_browser(address).ok();
    });
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// What cargo compiles for the server, each library with the features that it then has.
    fn libraries(workspace: &Workspace, edges: &str) -> BTreeSet<String> {
        let output = workspace
            .cargo()
            .args(["tree", "--package", SERVER, "--edges", edges])
            .args(["--prefix", "none", "--format", "{p} {f}"])
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        let lines = String::from_utf8(output.stdout).unwrap();
        // A library that has been listed already is marked.
        lines
            .lines()
            .map(|line| line.trim_end_matches(" (*)").to_owned())
            .collect()
    }

    /// Else the first demo after the tests, and the first tests after a demo, would compile much again.
    #[test]
    fn the_server_has_its_libraries_as_its_tests_have_them() {
        let workspace = Workspace::find().unwrap();
        let alone = libraries(&workspace, "normal,no-proc-macro");
        let tested = libraries(&workspace, "normal,dev,no-proc-macro");
        let apart: Vec<_> = alone.difference(&tested).collect();
        assert!(
            apart.is_empty(),
            "the feature as-in-tests of {SERVER} lacks what its tests turn on of {apart:?}"
        );
    }
}
