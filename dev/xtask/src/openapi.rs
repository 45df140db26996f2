//! The OpenAPI document of the charge protocol, which the reference server makes of its own code.

use anyhow::Result;

use crate::command::run;
use crate::workspace::Workspace;

/// The committed document, from the workspace's root.
pub const DOCUMENT: &str = "docs/openapi.json";

/// Writes [`DOCUMENT`] anew.
///
/// # Errors
/// When the server doesn't compile.
pub fn write(workspace: &Workspace) -> Result<()> {
    run(workspace
        .cargo()
        .args(["test", "--quiet", "--package", "tollbox-server", "--lib"])
        .arg("the_committed_document_is_that_of_the_code")
        .env("TOLLBOX_WRITE_OPENAPI", "1"))
}
