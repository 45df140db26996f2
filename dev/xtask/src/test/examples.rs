//! The servers that the page on a server of one's own shows.

use anyhow::Result;

use super::suites::node_tests;
use crate::command::run_and_read;
use crate::npm;
use crate::postgres;
use crate::python::Python;
use crate::workspace::Workspace;

/// What the server in Python needs, from the workspace's root.
const REQUIREMENTS: &str = "docs/examples/server-python/requirements.txt";

/// That in Python where there is one, that in Node.js where there is PostgreSQL.
pub fn examples(workspace: &Workspace, lines: &mut Vec<String>) -> Result<()> {
    npm::install(workspace)?;
    let mut tests = node_tests(workspace, "tests/examples")?;
    match Python::ensure(workspace, "examples", &workspace.root.join(REQUIREMENTS))? {
        Ok(python) => {
            tests.env("TOLLBOX_PYTHON", python.program);
        }
        Err(missing) => println!("the server in Python is left out: {missing}"),
    }
    match postgres::programs(workspace)? {
        Some(programs) => {
            tests.env("TOLLBOX_POSTGRES", programs);
        }
        None => println!("the server in Node.js is left out: no PostgreSQL"),
    }
    run_and_read(&mut tests, lines)
}
