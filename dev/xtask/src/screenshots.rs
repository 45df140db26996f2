//! Takes the pictures of the demo that the documents show.

use anyhow::Result;

use crate::browsers::Browsers;
use crate::command::run;
use crate::workspace::Workspace;
use crate::{build, demo, npm};

/// Its own npm package, which encodes the animation.
const FOLDER: &str = "dev/screenshots";

/// Runs dev/screenshots/screenshots.mjs, which writes into `docs/`.
///
/// # Errors
/// When something can't be built or installed, or the demo does not do what the pictures show.
pub fn screenshots(workspace: &Workspace) -> Result<()> {
    let browsers = Browsers::ensure_chromium(workspace)?;
    build::build(workspace, &build::Options::default())?;
    let pages = npm::build_demo(workspace)?;
    let server = demo::build_server(workspace)?;
    npm::install_in(workspace, FOLDER)?;
    let mut command = workspace.command("node");
    command
        .arg("dev/screenshots/screenshots.mjs")
        .env("TOLLBOX_SERVER", server)
        .env("TOLLBOX_WWW", pages);
    browsers.name_to(&mut command);
    run(&mut command)
}
