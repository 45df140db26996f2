//! Finds or installs WebKitGTK with its driver and a screen for it.

use std::path::PathBuf;
use std::process::Stdio;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use crate::command::Running;
use crate::debian;
use crate::programs::find;
use crate::workspace::Workspace;

const BROWSERS: [&str; 4] = [
    "/usr/lib/x86_64-linux-gnu/webkit2gtk-4.1/MiniBrowser",
    "/usr/lib/aarch64-linux-gnu/webkit2gtk-4.1/MiniBrowser",
    "/usr/libexec/webkit2gtk-4.1/MiniBrowser",
    "/usr/lib/webkit2gtk-4.1/MiniBrowser",
];
const DRIVERS: [&str; 2] = ["/usr/bin/WebKitWebDriver", "WebKitWebDriver"];
const SCREENS: [&str; 2] = ["/usr/bin/Xvfb", "Xvfb"];

pub struct WebKit {
    pub browser: PathBuf,
    /// The WebDriver server, of the browser's version.
    pub driver: PathBuf,
    screen: PathBuf,
}

/// A screen in memory, for a browser that has no headless mode. It ends with this value.
pub struct Screen {
    /// The value of DISPLAY.
    pub name: String,
    _server: Running,
}

impl WebKit {
    /// Takes the programs named by `MINI_BROWSER`, `WEBKIT_DRIVER` and XVFB, else the installed
    /// ones; else installs Debian's.
    ///
    /// # Errors
    /// When one is not there and can't be installed; the message says what to install.
    pub fn ensure(workspace: &Workspace) -> Result<Self> {
        if let Some(found) = Self::find() {
            return Ok(found);
        }
        if debian::can_install() {
            debian::install(workspace, &["webkit2gtk-driver", "xvfb"])?;
            return Self::find().context("Debian's WebKitGTK is not where it should be");
        }
        bail!(
            "WebKitGTK's MiniBrowser, WebKitWebDriver or Xvfb is missing: install them, \
             or set MINI_BROWSER, WEBKIT_DRIVER and XVFB to their paths"
        );
    }

    fn find() -> Option<Self> {
        Some(Self {
            browser: find("MINI_BROWSER", &BROWSERS)?,
            driver: find("WEBKIT_DRIVER", &DRIVERS)?,
            screen: find("XVFB", &SCREENS)?,
        })
    }

    /// Starts a screen on an unused display.
    ///
    /// # Errors
    /// When it can't be started.
    pub fn screen(&self, workspace: &Workspace) -> Result<Screen> {
        let mut command = workspace.command(&self.screen);
        command
            .args(["-displayfd", "1", "-nolisten", "tcp"])
            .args(["-screen", "0", "1280x1024x24"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let mut server = Running::spawn(&mut command)?;
        let number = server.first_line()?;
        Ok(Screen {
            name: format!(":{number}"),
            _server: server,
        })
    }

    /// The WebDriver capabilities that start this browser.
    pub fn capabilities(&self) -> Value {
        json!({
            "webkitgtk:browserOptions": { "binary": self.browser, "args": ["--automation"] }
        })
    }
}
