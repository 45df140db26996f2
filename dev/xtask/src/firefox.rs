//! Finds Firefox and its driver, or installs them.

use std::path::PathBuf;

use anyhow::{Result, bail};
use serde_json::{Value, json};

use crate::command::{run, step};
use crate::debian;
use crate::programs::find;
use crate::workspace::Workspace;

const BROWSERS: [&str; 4] = [
    "/usr/bin/firefox-esr",
    "firefox-esr",
    "firefox",
    "/Applications/Firefox.app/Contents/MacOS/firefox",
];
const DRIVER: &str = "geckodriver";

pub struct Firefox {
    pub browser: PathBuf,
    /// The WebDriver server. One serves many versions of the browser.
    pub driver: PathBuf,
}

impl Firefox {
    /// Takes the programs named by FIREFOX and GECKODRIVER, else the installed ones; else installs
    /// Debian's browser, and the driver by cargo into the target folder, which takes some minutes
    /// once.
    ///
    /// # Errors
    /// When one is not there and can't be installed; the message says what to install.
    pub fn ensure(workspace: &Workspace) -> Result<Self> {
        Ok(Self {
            browser: ensure_browser(workspace)?,
            driver: ensure_driver(workspace)?,
        })
    }

    /// The WebDriver capabilities that start this browser.
    pub fn capabilities(&self) -> Value {
        json!({
            "moz:firefoxOptions": { "binary": self.browser, "args": [] }
        })
    }
}

fn ensure_browser(workspace: &Workspace) -> Result<PathBuf> {
    let find_browser = || find("FIREFOX", &BROWSERS);
    if find_browser().is_none() && debian::can_install() {
        debian::install(workspace, &["firefox-esr"])?;
    }
    match find_browser() {
        Some(browser) => Ok(browser),
        None => bail!("Firefox is missing: install it, or set FIREFOX to its path"),
    }
}

fn ensure_driver(workspace: &Workspace) -> Result<PathBuf> {
    let folder = workspace.scratch().join(DRIVER);
    let own = folder.join("bin").join(DRIVER);
    let own = own.with_extension(std::env::consts::EXE_EXTENSION);
    if let Some(driver) = find("GECKODRIVER", &[DRIVER]) {
        return Ok(driver);
    }
    if own.exists() {
        return Ok(own);
    }
    let install = |more: &[&str]| {
        run(workspace
            .cargo()
            .args(["install", DRIVER, "--root"])
            .arg(&folder)
            // Apart from the workspace's own output, with which it shares nothing.
            .env("CARGO_TARGET_DIR", folder.join("target"))
            .args(more))
    };
    let installed = step("installing geckodriver by cargo, once", || {
        install(&["--locked"]).or_else(|error| {
            println!("{error:#}: trying with other versions of its libraries");
            install(&[])
        })
    });
    // The driver's libraries are of no further use. Files that can't be removed do no harm.
    fs_err::remove_dir_all(folder.join("target")).ok();
    match installed {
        Ok(()) => Ok(own),
        Err(error) => bail!(
            "geckodriver is missing: `cargo install geckodriver` installs it, \
             or set GECKODRIVER to its path ({error:#})"
        ),
    }
}
