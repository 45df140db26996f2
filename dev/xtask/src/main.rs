//! `cargo xtask COMMAND`: build, demo and test, each in one command.

mod bench;
mod browsers;
mod build;
mod bundle;
mod chromium;
mod command;
mod debian;
mod deflate;
mod demo;
mod deny;
mod docs;
mod durability;
mod firefox;
mod glue;
mod herd;
mod mark;
mod npm;
mod npm_lock;
mod openapi;
mod order;
mod pack;
mod postgres;
mod programs;
mod python;
mod reference;
mod screenshots;
mod sim;
mod size;
mod stamp;
mod standard_library;
mod test;
mod tidy;
mod wasm_parts;
mod wasm_target;
mod webkit;
mod workspace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(
    name = "cargo xtask",
    bin_name = "cargo xtask",
    about = "Build, demo and test, each in one command"
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Make pkg/wasm/ and pkg/dist/, and print their sizes
    Build(build::Options),
    /// Build the package as it is published, and print the hashes of what a page loads of it
    Pack(pack::Options),
    /// Build everything and serve the demo on 127.0.0.1
    Demo(demo::Options),
    /// Run every check and every test, the quick ones first; stop at the first that fails
    Test(test::Options),
    /// Run the simulator: many runs of the core under faults, each repeatable by its seed
    Sim(sim::Options),
    /// Play what happens when many clients come back after an outage
    ///
    /// Each is the real core. Prints the requests a second that reach the server, and the time until
    /// all charges are settled, with and without jitter.
    Herd(herd::Options),
    /// Measure speed, memory and losses beside other packages
    ///
    /// Prints tables in Markdown, and leaves them with their figures in the target folder: medians of
    /// rounds in which the adapters take turns. All of it takes over an hour, and wants an idle
    /// computer.
    Bench(bench::Options),
    /// Measure what is left when the browser is killed: by localStorage, and by Tollbox
    ///
    /// Writes 20 entries by both, kills the browser 0, 0.1, 1, 3, 6 and 10 s later, starts it again,
    /// and prints in Markdown what was left. 10 trials of each delay take 10 to 15 minutes in
    /// Chromium, and about 35 with all browsers, which run side by side, on two busy cores.
    Durability(durability::Options),
    /// Take the pictures of the demo that the documents show
    Screenshots,
    /// Build the site of docs/*.md into the target folder, or serve it
    Docs(docs::Options),
    /// Make the reference of the package's API from its declarations, in the target folder
    Reference,
    /// Write docs/openapi.json, the OpenAPI document of the reference server's code
    Openapi,
    /// Print the package's size by part, and fail if it is above size-budget.json
    Size,
    /// Check what formatters and linters don't
    Tidy,
}

fn main() -> ExitCode {
    match run(Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) if command::stopped() => ExitCode::from(command::STOPPED_BY_USER),
        Err(error) => {
            eprintln!("✗ {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(cli: Cli) -> anyhow::Result<()> {
    command::stop_children_on_ctrl_c()?;
    let workspace = workspace::Workspace::find()?;
    match cli.command {
        Command::Build(options) => build::run_command(&workspace, &options),
        Command::Pack(options) => pack::run_command(&workspace, options),
        Command::Demo(options) => demo::demo(&workspace, &options),
        Command::Test(options) => test::test(&workspace, &options),
        Command::Sim(options) => sim::sim(&workspace, &options),
        Command::Herd(options) => herd::herd(&workspace, &options),
        Command::Bench(options) => bench::bench(&workspace, &options),
        Command::Durability(options) => durability::durability(&workspace, &options),
        Command::Screenshots => screenshots::screenshots(&workspace),
        Command::Docs(options) => docs::docs(&workspace, &options),
        Command::Reference => reference::run_command(&workspace),
        Command::Openapi => openapi::write(&workspace),
        Command::Size => size::size(&workspace),
        Command::Tidy => tidy::tidy(&workspace),
    }
}
