//! Finds or installs Chromium, the browser that the tests run in.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use crate::debian;
use crate::programs::find;
use crate::workspace::Workspace;

const BROWSERS: [&str; 6] = [
    "/usr/bin/chromium",
    "chromium",
    "chromium-browser",
    "google-chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
];
const DRIVERS: [&str; 2] = ["/usr/bin/chromedriver", "chromedriver"];

/// Flags that keep a headless browser from contacting hosts on its own.
const ARGUMENTS: [&str; 6] = [
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
];

pub struct Chromium {
    pub browser: PathBuf,
    /// The WebDriver server, of the browser's version.
    pub driver: PathBuf,
}

impl Chromium {
    /// Takes the programs named by CHROMIUM and CHROMEDRIVER, else the installed ones; else
    /// installs Debian's.
    ///
    /// # Errors
    /// When neither is there and they can't be installed; the message says what to install.
    pub fn ensure(workspace: &Workspace) -> Result<Self> {
        if let Some(found) = Self::find() {
            return Ok(found);
        }
        if debian::can_install() {
            debian::install(workspace, &["chromium", "chromium-driver"])?;
            return Self::find().context("Debian's chromium is not where it should be");
        }
        bail!(
            "Chromium and ChromeDriver are missing: install them, \
             or set CHROMIUM and CHROMEDRIVER to their paths"
        );
    }

    fn find() -> Option<Self> {
        Some(Self {
            browser: find("CHROMIUM", &BROWSERS)?,
            driver: find("CHROMEDRIVER", &DRIVERS)?,
        })
    }

    /// The WebDriver capabilities that start this browser.
    pub fn capabilities(&self) -> Value {
        json!({
            "goog:chromeOptions": { "binary": self.browser, "args": ARGUMENTS }
        })
    }
}
