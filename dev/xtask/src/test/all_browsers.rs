//! The test suites for Firefox and WebKitGTK.

use anyhow::Result;

use super::suites::{Session, node_tests, wasm_in};
use crate::browsers::Browsers;
use crate::command::run_and_read;
use crate::firefox::Firefox;
use crate::webkit::WebKit;
use crate::workspace::Workspace;
use crate::{build, demo, npm};

pub fn wasm_in_firefox(workspace: &Workspace, lines: &mut Vec<String>) -> Result<()> {
    let firefox = Firefox::ensure(workspace)?;
    let session = Session {
        driver: ("GECKODRIVER", &firefox.driver),
        capabilities: firefox.capabilities(),
        screen: None,
    };
    wasm_in(workspace, &session, lines)
}

pub fn wasm_in_webkit(workspace: &Workspace, lines: &mut Vec<String>) -> Result<()> {
    let webkit = WebKit::ensure(workspace)?;
    let screen = webkit.screen(workspace)?;
    let session = Session {
        // The runner uses WebKit's driver like Safari's.
        driver: ("SAFARIDRIVER", &webkit.driver),
        capabilities: webkit.capabilities(),
        screen: Some(&screen.name),
    };
    wasm_in(workspace, &session, lines)
}

/// Journal, tabs and kills, in Chromium, Firefox and WebKitGTK, with the real server.
pub fn whole(workspace: &Workspace, lines: &mut Vec<String>) -> Result<()> {
    let browsers = Browsers::ensure_all(workspace)?;
    build::build(workspace, &build::Options::default())?;
    let pages = npm::build_demo(workspace)?;
    let server = demo::build_server(workspace)?;
    let mut command = node_tests(workspace, "tests/all-browsers")?;
    browsers.name_to(&mut command);
    command
        .env("TOLLBOX_SERVER", server)
        .env("TOLLBOX_WWW", pages);
    run_and_read(&mut command, lines)
}
