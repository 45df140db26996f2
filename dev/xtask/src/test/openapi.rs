//! The reference server by its own OpenAPI document: schemathesis sends what the document allows, and
//! what it does not, and compares the answers with it.

use std::process::{Command, Stdio};

use anyhow::{Context, Result};

use crate::command::{Running, run_and_read};
use crate::demo;
use crate::python::Python;
use crate::workspace::Workspace;

/// The files of this part, from the workspace's root.
const FOLDER: &str = "dev/openapi";

/// More points than all charges together take.
const BALANCE: &str = "9007199254740991";

pub fn openapi(workspace: &Workspace, lines: &mut Vec<String>) -> Result<()> {
    let folder = workspace.root.join(FOLDER);
    let python = match Python::ensure(workspace, "openapi", &folder.join("requirements.txt"))? {
        Ok(python) => python,
        Err(missing) => {
            println!("openapi: skipped, {missing}");
            lines.push(format!("openapi: skipped, {missing}"));
            return Ok(());
        }
    };
    let server = demo::build_server(workspace)?;
    let mut server = Running::spawn(
        workspace
            .command(server)
            .args(["--demo", "--port", "0", "--seed-balance", BALANCE])
            .env("RUST_LOG", "off")
            .stdout(Stdio::piped()),
    )?;
    let line = server.first_line()?;
    let address = line
        .strip_prefix("listening on ")
        .with_context(|| format!("the server says {line}"))?;
    let mut said = Vec::new();
    // Its caches lie in the current folder.
    let end = run_and_read(
        Command::new(&python.program)
            .arg(folder.join("check.py"))
            .arg(address)
            .current_dir(&python.folder),
        &mut said,
    );
    let cases = said.iter().find(|line| line.contains(" generated, "));
    lines.extend(cases.map(|cases| format!("openapi: {}", cases.trim())));
    end
}
