//! The test suites: native, the facade in Node.js, the shell in the browser, and the whole system
//! in the browser.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Result, bail, ensure};
use serde_json::Value;

use crate::chromium::Chromium;
use crate::command::{run, run_and_read, run_and_read_within, step};
use crate::wasm_target::WasmToolchain;
use crate::workspace::Workspace;
use crate::{build, demo, docs, npm, pack, postgres, reference};

const RUNNER: &str = "wasm-test-runner";
/// The time limit of the shell's tests, which take less than a minute on an idle computer; the runner's
/// default of 20 s is short.
const WASM_TESTS_S: &str = "180";
const DRIVER_START_S: &str = "60";
/// The runner's server may leave a page's connection waiting where several arrive at once, and then
/// the runner waits for ever: it is ended after this time, beyond its own limit, and started again.
const RUNNER_LIMIT: Duration = Duration::from_secs(200);
const RUNNER_TRIES: usize = 3;
/// The time limit of each file: 20 minutes. One that hangs fails, and the others still run.
const NODE_TEST_TIMEOUT: &str = "--test-timeout=1200000";
/// The reference server's tests that need a database file.
const OF_FILES: [&str; 9] = [
    "a_charge_on_a_busy_database_is_answered_503_in_time",
    "a_batch_on_a_busy_database_asks_to_retry_its_items",
    "a_look_up_on_a_busy_database_does_not_say_never_charged",
    "two_servers_on_one_database_charge_a_key_once",
    "two_servers_on_one_database_never_hold_and_take_more_than_there_is",
    "holds_of_before_count_for_nothing_where_none_are_kept",
    "every_charge_that_was_answered_outlives_a_kill",
    "a_restart_keeps_charges_holds_prices_and_tokens",
    "a_server_that_cannot_start_says_why_and_fails",
];
/// Lighthouse and what it judges: an npm package of its own.
const LIGHTHOUSE: &str = "dev/lighthouse";
const NO_POSTGRES: &str = "# skipped: no PostgreSQL";
const DRIVER_VARIABLES: [&str; 4] = [
    "GECKODRIVER",
    "SAFARIDRIVER",
    "CHROMEDRIVER",
    "MSEDGEDRIVER",
];

/// The profile of the core's tests: the simulator and the model take ten times as long in a debug build.
const CORE_TESTS: [&str; 5] = ["test", "--profile", "sim", "--package", "tollbox"];

pub fn native(workspace: &Workspace, lines: &mut Vec<String>) -> Result<()> {
    run_and_read(workspace.cargo().args(CORE_TESTS), lines)?;
    // The simulator has to catch each deliberate defect of the core, and the herd its own.
    run_and_read(
        workspace
            .cargo()
            .args(CORE_TESTS)
            .args(["--features", "defects"])
            .args(["--test", "simulation", "--test", "herd"])
            .args(["_is_caught", "--", "--nocapture"]),
        lines,
    )?;
    // Each apart: the others' features of shared libraries would have the server's compiled once more.
    run_and_read(
        workspace
            .cargo()
            .args(["test", "--workspace", "--exclude", "tollbox"])
            .args(["--exclude", "xtask", "--exclude", "tollbox-server"]),
        lines,
    )?;
    run_and_read(
        workspace
            .cargo()
            .args(["test", "--package", "tollbox-server"]),
        lines,
    )?;
    run_and_read(
        workspace.cargo().args(["test", "--package", "xtask"]),
        lines,
    )
}

pub fn facade(workspace: &Workspace, lines: &mut Vec<String>) -> Result<()> {
    build::build(workspace, &build::Options::default())?;
    run_and_read(&mut node_tests(workspace, "tests/facade")?, lines)
}

/// The site of the documentation, and the modules that it shows.
pub fn docs(workspace: &Workspace, lines: &mut Vec<String>) -> Result<()> {
    docs::check(workspace)?;
    build::build(workspace, &build::Options::default())?;
    run_and_read(&mut node_tests(workspace, "docs/examples")?, lines)
}

/// The package's own billing servers: over HTTP by the tests of the reference server's protocol, and
/// by tests of their own.
pub fn server(workspace: &Workspace, lines: &mut Vec<String>) -> Result<()> {
    let chromium = Chromium::ensure(workspace)?;
    build::build(workspace, &build::Options::default())?;
    let server = demo::build_server(workspace)?;
    let command = workspace.root.join("pkg/bin/tollbox.js");
    let mut tests = workspace.cargo();
    tests
        .args(["test", "--package", "tollbox-server"])
        .args(["--test", "http", "--test", "process", "--"])
        // The translator is the demo's.
        .args(["--skip", "translator"])
        // Only the reference server knows PostgreSQL, and looks for compressed files.
        .args(["--skip", "postgresql", "--skip", "compressed"])
        .env(
            "TOLLBOX_SERVER_COMMAND",
            format!("node\n{}\ndev\n--bare", command.display()),
        );
    if !has_sqlite(workspace)? {
        println!("this Node.js has no SQLite: tests of database files are left out");
        for name in OF_FILES {
            tests.args(["--skip", name]);
        }
    }
    run_and_read(&mut tests, lines)?;
    run_and_read(
        node_tests(workspace, "tests/server")?
            .env("TOLLBOX_SERVER", server)
            .env("CHROMIUM", &chromium.browser),
        lines,
    )
}

/// The conformance kit, by both of its runners: they find nothing in our own servers, and in a broken
/// one what is broken.
pub fn conformance(workspace: &Workspace, lines: &mut Vec<String>) -> Result<()> {
    npm::install(workspace)?;
    let server = demo::build_server(workspace)?;
    step("compiling the conformance kit", || {
        run(workspace
            .cargo()
            .args(["build", "--package", "tollbox-conformance"]))
    })?;
    let name = format!("tollbox-conformance{}", std::env::consts::EXE_SUFFIX);
    run_and_read(
        node_tests_at_once(workspace, "tests/conformance", 2)?
            .env("TOLLBOX_SERVER", server)
            .env(
                "TOLLBOX_CONFORMANCE",
                workspace.target.join("debug").join(name),
            ),
        lines,
    )
}

/// The reference server on a real PostgreSQL.
pub fn postgres(workspace: &Workspace, lines: &mut Vec<String>) -> Result<()> {
    let Some(programs) = postgres::programs(workspace)? else {
        println!("{NO_POSTGRES}");
        lines.push(NO_POSTGRES.to_owned());
        return Ok(());
    };
    let mut command = workspace.cargo();
    command
        .args(["test", "--package", "tollbox-server"])
        .args(["--test", "http", "--test", "process", "--test", "postgres"])
        .env("TOLLBOX_POSTGRES", programs);
    run_and_read(&mut command, lines)
}

/// Servers and PostgreSQL killed under load.
pub fn server_kills(workspace: &Workspace, lines: &mut Vec<String>) -> Result<()> {
    let mut command = workspace.cargo();
    command
        .args(["test", "--package", "tollbox-server", "--test", "kills"])
        .args(["--", "--nocapture"]);
    match postgres::programs(workspace)? {
        Some(programs) => {
            command.env("TOLLBOX_POSTGRES", programs);
        }
        None => {
            println!("{NO_POSTGRES}");
            lines.push(NO_POSTGRES.to_owned());
            command.args(["--skip", "postgresql"]);
        }
    }
    run_and_read(&mut command, lines)
}

/// Whether the Node.js that runs the tests can open a database file.
fn has_sqlite(workspace: &Workspace) -> Result<bool> {
    let tried = workspace
        .command("node")
        .args([
            "--eval",
            "try { require('node:sqlite') } catch { require('better-sqlite3') }",
        ])
        .output()?;
    Ok(tried.status.success())
}

pub fn wasm(workspace: &Workspace, lines: &mut Vec<String>) -> Result<()> {
    let chromium = Chromium::ensure(workspace)?;
    wasm_in(
        workspace,
        &Session {
            driver: ("CHROMEDRIVER", &chromium.driver),
            capabilities: chromium.capabilities(),
            screen: None,
        },
        lines,
    )
}

/// A browser session for the tests of the WebAssembly shell.
pub struct Session<'a> {
    /// The variable that tells the runner the kind of driver, and the driver's path.
    pub driver: (&'static str, &'a Path),
    pub capabilities: Value,
    /// The value of DISPLAY, for a browser without a headless mode.
    pub screen: Option<&'a str>,
}

/// Runs the tests of the WebAssembly shell in one browser.
pub fn wasm_in(
    workspace: &Workspace,
    session: &Session<'_>,
    lines: &mut Vec<String>,
) -> Result<()> {
    fs_err::create_dir_all(workspace.scratch())?;
    let capabilities = workspace.scratch().join("webdriver.json");
    fs_err::write(&capabilities, session.capabilities.to_string())?;
    let runner = build_runner(workspace)?;
    let toolchain = WasmToolchain::ensure(workspace)?;
    let cargo = || -> Result<Command> {
        let mut command = toolchain.cargo(workspace, "test")?;
        command.args(["--package", "tollbox", "--test", "web"]);
        Ok(command)
    };
    step("compiling the tests of the WebAssembly shell", || {
        run(cargo()?.arg("--no-run"))
    })?;
    let mut command = cargo()?;
    command
        .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUNNER", runner)
        .env("WASM_BINDGEN_TEST_WEBDRIVER_JSON", capabilities)
        .env("WASM_BINDGEN_TEST_TIMEOUT", WASM_TESTS_S)
        .env("WASM_BINDGEN_TEST_DRIVER_TIMEOUT", DRIVER_START_S);
    // The runner takes the first of these variables that is set.
    for name in DRIVER_VARIABLES {
        command.env_remove(name);
    }
    let (variable, driver) = session.driver;
    command.env(variable, driver);
    if let Some(screen) = session.screen {
        command.env("DISPLAY", screen);
    }
    for _ in 0..RUNNER_TRIES {
        lines.clear();
        if run_and_read_within(&mut command, RUNNER_LIMIT, lines)? {
            return Ok(());
        }
        println!("the test runner's page did not load: once more");
    }
    bail!("the test runner's page did not load")
}

pub fn browser(workspace: &Workspace, lines: &mut Vec<String>) -> Result<()> {
    let chromium = Chromium::ensure(workspace)?;
    build::build(workspace, &build::Options::default())?;
    let pages = npm::build_demo(workspace)?;
    let deaths = build::build_with_deaths(workspace)?;
    let server = demo::build_server(workspace)?;
    run_and_read(
        node_tests_at_once(workspace, "tests/browser", 2)?
            .env("TOLLBOX_SERVER", server)
            .env("TOLLBOX_WWW", pages)
            .env("TOLLBOX_PKG_DEATHS", deaths)
            .env("CHROMIUM", &chromium.browser),
        lines,
    )
}

/// The demo as Lighthouse judges it.
pub fn lighthouse(workspace: &Workspace, lines: &mut Vec<String>) -> Result<()> {
    let chromium = Chromium::ensure(workspace)?;
    build::build(workspace, &build::Options::default())?;
    let pages = npm::build_demo(workspace)?;
    let server = demo::build_server(workspace)?;
    npm::install_in(workspace, LIGHTHOUSE)?;
    run_and_read(
        node_tests(workspace, LIGHTHOUSE)?
            .env("TOLLBOX_SERVER", server)
            .env("TOLLBOX_WWW", pages)
            .env("CHROMIUM", &chromium.browser),
        lines,
    )
}

/// The packed package in projects of the quick bundlers.
pub fn packaging(workspace: &Workspace, lines: &mut Vec<String>) -> Result<()> {
    packaged(workspace, "tests/packaging", lines)
}

/// The packed package in projects whose builds take long.
pub fn packaging_slow(workspace: &Workspace, lines: &mut Vec<String>) -> Result<()> {
    packaged(workspace, "tests/packaging/slow", lines)
}

fn packaged(workspace: &Workspace, folder: &str, lines: &mut Vec<String>) -> Result<()> {
    let chromium = Chromium::ensure(workspace)?;
    let archive = pack::pack(workspace)?;
    let server = demo::build_server(workspace)?;
    run_and_read(
        node_tests(workspace, folder)?
            .env("TOLLBOX_ARCHIVE", archive)
            .env("TOLLBOX_PROJECTS", workspace.target.join("packaging"))
            .env("TOLLBOX_SERVER", server)
            // The server's own pages are not looked at.
            .env("TOLLBOX_WWW", workspace.root.join("pkg"))
            .env("CHROMIUM", &chromium.browser),
        lines,
    )
}

/// The entries for frameworks, and the devtools, in pages that Vite builds.
pub fn frameworks(workspace: &Workspace, lines: &mut Vec<String>) -> Result<()> {
    let chromium = Chromium::ensure(workspace)?;
    build::build(workspace, &build::Options::default())?;
    let pages = npm::build_demo(workspace)?;
    let server = demo::build_server(workspace)?;
    run_and_read(
        node_tests(workspace, "tests/frameworks")?
            .env("TOLLBOX_SERVER", server)
            .env("TOLLBOX_WWW", pages)
            .env("CHROMIUM", &chromium.browser),
        lines,
    )
}

/// The reference, and the code of the pages and of the declarations' examples, in headless Chromium where
/// it runs.
pub fn docs_code(workspace: &Workspace, lines: &mut Vec<String>) -> Result<()> {
    reference::build(workspace)?;
    let chromium = Chromium::ensure(workspace)?;
    build::build(workspace, &build::Options::default())?;
    run_and_read(
        node_tests(workspace, "tests/docs")?.env("CHROMIUM", &chromium.browser),
        lines,
    )
}

/// The command that runs a folder's tests with Node.js, one file after the other.
pub fn node_tests(workspace: &Workspace, folder: &str) -> Result<Command> {
    node_tests_at_once(workspace, folder, 1)
}

/// The same, with so many files at once: for tests that mostly wait.
fn node_tests_at_once(workspace: &Workspace, folder: &str, files: usize) -> Result<Command> {
    // Node.js's own defaults for a terminal and for a file.
    let reporter = if std::io::stdout().is_terminal() {
        "spec"
    } else {
        "tap"
    };
    let mut command = workspace.command("node");
    command
        .args(["--test", NODE_TEST_TIMEOUT])
        .arg(format!("--test-concurrency={files}"))
        .arg(format!("--test-reporter={reporter}"))
        .args(test_files(workspace, folder)?);
    Ok(command)
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

fn test_files(workspace: &Workspace, folder: &str) -> Result<Vec<PathBuf>> {
    let mut files = fs_err::read_dir(workspace.root.join(folder))?
        .map(|entry| Ok(entry?.path()))
        .collect::<Result<Vec<_>>>()?;
    files.retain(|file| file.to_string_lossy().ends_with(".test.mjs"));
    files.sort();
    ensure!(!files.is_empty(), "{folder} has no *.test.mjs");
    Ok(files)
}
