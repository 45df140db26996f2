//! Builds the site of `docs/*.md`, with the reference of the package's API.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;

use crate::command::{run, step, stopped};
use crate::npm;
use crate::reference;
use crate::stamp::{Stamp, fingerprint};
use crate::workspace::Workspace;

/// The site's own npm package, whose dependencies are not the project's.
const FOLDER: &str = "dev/docs";

#[derive(clap::Args)]
pub struct Options {
    /// The path that the site is served below
    #[arg(long, value_name = "PATH", default_value = "/")]
    base: String,
    /// Where the repository's files can be read, for links to them: without it only their text is left
    #[arg(long, value_name = "ADDRESS")]
    source: Option<String>,
    /// Then serve the site until Ctrl-C
    #[arg(long)]
    serve: bool,
    /// The port for --serve
    #[arg(long, default_value_t = 4173)]
    port: u16,
}

/// Builds the site into the target folder, and serves it where that is asked for.
///
/// # Errors
/// When npm or VitePress fails, as it does for a dead link.
pub fn docs(workspace: &Workspace, options: &Options) -> Result<()> {
    let site = Site {
        base: &options.base,
        source: options.source.as_deref(),
    };
    site.build(workspace)?;
    println!("  {}", folder(workspace).join("index.html").display());
    if !options.serve {
        return Ok(());
    }
    let mut command = site.vitepress(workspace, "preview")?;
    command.args(["--port", &options.port.to_string()]);
    match run(&mut command) {
        Err(_) if stopped() => Ok(()),
        end => end,
    }
}

/// Builds the site as it is without options, unless it is up to date.
///
/// # Errors
/// As [`docs`].
pub fn check(workspace: &Workspace) -> Result<()> {
    let site = Site {
        base: "/",
        source: None,
    };
    site.build(workspace)
}

/// What differs between builds.
struct Site<'a> {
    base: &'a str,
    source: Option<&'a str>,
}

impl Site<'_> {
    fn build(&self, workspace: &Workspace) -> Result<()> {
        npm::install_in(workspace, FOLDER)?;
        let site = folder(workspace);
        let pages = workspace.root.join("docs");
        let own = workspace.root.join(FOLDER);
        let reference = reference::build(workspace)?;
        let files = fingerprint(&[&pages, &own, &reference], &["node_modules"])?;
        let mut hasher = DefaultHasher::new();
        (files, self.base, self.source).hash(&mut hasher);
        let stamp = Stamp::new(workspace, "docs", hasher.finish(), site.clone());
        if stamp.is_current()? {
            println!("✓ {} is up to date", site.display());
            return Ok(());
        }
        step("building the site", || {
            run(&mut self.vitepress(workspace, "build")?)
        })?;
        stamp.set()
    }

    /// VitePress's `command`, told of the site by the variables that its configuration reads.
    fn vitepress(&self, workspace: &Workspace, command: &str) -> Result<Command> {
        let own = workspace.root.join(FOLDER);
        let program = npm::program_in(&own, "vitepress")?;
        let mut vitepress = workspace.command(program);
        vitepress
            .arg(command)
            .arg(own)
            .env("DOCS_OUT", folder(workspace))
            .env("DOCS_BASE", self.base)
            .env("DOCS_REFERENCE", reference::build(workspace)?);
        if let Some(source) = self.source {
            vitepress.env("DOCS_SOURCE", source);
        }
        Ok(vitepress)
    }
}

/// Where the site is built.
fn folder(workspace: &Workspace) -> PathBuf {
    workspace.target.join("docs")
}
