//! The browsers that Node.js scripts drive, and the variables that tell where they are.

use std::process::Command;

use anyhow::Result;

use crate::chromium::Chromium;
use crate::firefox::Firefox;
use crate::webkit::{Screen, WebKit};
use crate::workspace::Workspace;

/// Chromium, and the other browsers if requested.
pub struct Browsers {
    chromium: Chromium,
    others: Option<Others>,
}

struct Others {
    firefox: Firefox,
    webkit: WebKit,
    screen: Screen,
}

impl Browsers {
    /// Finds or installs Chromium.
    ///
    /// # Errors
    /// When that isn't possible; the message says what to install.
    pub fn ensure_chromium(workspace: &Workspace) -> Result<Self> {
        Ok(Self {
            chromium: Chromium::ensure(workspace)?,
            others: None,
        })
    }

    /// Finds or installs Chromium, Firefox and WebKitGTK, and starts a screen for the last.
    ///
    /// # Errors
    /// As [`Self::ensure_chromium`], and when the screen can't be started.
    pub fn ensure_all(workspace: &Workspace) -> Result<Self> {
        let chromium = Chromium::ensure(workspace)?;
        let firefox = Firefox::ensure(workspace)?;
        let webkit = WebKit::ensure(workspace)?;
        let screen = webkit.screen(workspace)?;
        let others = Some(Others {
            firefox,
            webkit,
            screen,
        });
        Ok(Self { chromium, others })
    }

    /// Sets the variables by which tests/all-browsers/support finds the browsers.
    pub fn name_to(&self, command: &mut Command) {
        command.env("CHROMIUM", &self.chromium.browser);
        let Some(others) = &self.others else {
            command.env("TOLLBOX_BROWSERS", "chromium");
            return;
        };
        command
            .env("TOLLBOX_BROWSERS", "chromium,firefox,webkit")
            .env("FIREFOX", &others.firefox.browser)
            .env("GECKODRIVER", &others.firefox.driver)
            .env("MINI_BROWSER", &others.webkit.browser)
            .env("WEBKIT_DRIVER", &others.webkit.driver)
            .env("DISPLAY", &others.screen.name);
    }
}
