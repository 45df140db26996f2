//! The test suites: on this computer, in the browser, and the whole system in the browser.

use std::io::IsTerminal;
use std::path::PathBuf;

use anyhow::{Result, ensure};

use crate::chromium::Chromium;
use crate::command::{run, run_and_read, step};
use crate::wasm_target::WasmToolchain;
use crate::workspace::Workspace;
use crate::{build, demo, npm};

const RUNNER: &str = "wasm-test-runner";
/// For all tests of one file together; the runner's own 20 s are short on a busy computer.
const WASM_TESTS_S: &str = "300";
const DRIVER_START_S: &str = "60";

pub fn native(workspace: &Workspace, lines: &mut Vec<String>) -> Result<()> {
    // xtask apart, or its needs of shared libraries would compile the server's once more.
    run_and_read(
        workspace
            .cargo()
            .args(["test", "--workspace", "--exclude", "xtask"]),
        lines,
    )?;
    // That the simulator sees what it is to see: each deliberate defect of the core.
    run_and_read(
        workspace
            .cargo()
            .args(["test", "--package", "tollbox", "--features", "defects"])
            .args(["--test", "simulation", "every_defect", "--", "--nocapture"]),
        lines,
    )?;
    run_and_read(
        workspace.cargo().args(["test", "--package", "xtask"]),
        lines,
    )
}

pub fn wasm(workspace: &Workspace, lines: &mut Vec<String>) -> Result<()> {
    let chromium = Chromium::ensure(workspace)?;
    let capabilities = workspace.scratch().join("webdriver.json");
    chromium.write_capabilities(&capabilities)?;
    let runner = build_runner(workspace)?;
    let toolchain = WasmToolchain::ensure(workspace)?;
    run_and_read(
        toolchain
            .cargo(workspace, "test")?
            .args(["--package", "tollbox", "--test", "web"])
            .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUNNER", runner)
            .env("CHROMEDRIVER", &chromium.driver)
            .env("WASM_BINDGEN_TEST_WEBDRIVER_JSON", capabilities)
            .env("WASM_BINDGEN_TEST_TIMEOUT", WASM_TESTS_S)
            .env("WASM_BINDGEN_TEST_DRIVER_TIMEOUT", DRIVER_START_S),
        lines,
    )
}

pub fn browser(workspace: &Workspace, lines: &mut Vec<String>) -> Result<()> {
    let chromium = Chromium::ensure(workspace)?;
    build::build(workspace, &build::Options::default())?;
    let pages = npm::build_demo(workspace)?;
    let deaths = build::build_with_deaths(workspace)?;
    // With its tests, as the native part built it: without them cargo turns off what only they
    // need of the libraries, and compiles those again.
    let server = demo::build_server(workspace, &["--bins", "--tests"])?;
    // The reporters that Node.js itself takes for a terminal and for a file.
    let reporter = if std::io::stdout().is_terminal() {
        "spec"
    } else {
        "tap"
    };
    run_and_read(
        workspace
            .command("node")
            .args(["--test", "--test-concurrency=1"])
            .arg(format!("--test-reporter={reporter}"))
            .args(test_files(workspace)?)
            .env("TOLLBOX_SERVER", server)
            .env("TOLLBOX_WWW", pages)
            .env("TOLLBOX_PKG_DEATHS", deaths)
            .env("CHROMIUM", &chromium.browser),
        lines,
    )
}

fn build_runner(workspace: &Workspace) -> Result<PathBuf> {
    step("compiling the browser test runner", || {
        run(workspace
            .cargo()
            .args(["build", "--package", "xtask", "--features", "test-runner"])
            .args(["--bin", RUNNER]))
    })?;
    let name = format!("{RUNNER}{}", std::env::consts::EXE_SUFFIX);
    Ok(workspace.target.join("debug").join(name))
}

fn test_files(workspace: &Workspace) -> Result<Vec<PathBuf>> {
    let folder = workspace.root.join("tests").join("browser");
    let mut files = fs_err::read_dir(folder)?
        .map(|entry| Ok(entry?.path()))
        .collect::<Result<Vec<_>>>()?;
    files.retain(|file| file.to_string_lossy().ends_with(".test.mjs"));
    files.sort();
    ensure!(!files.is_empty(), "tests/browser has no *.test.mjs");
    Ok(files)
}
