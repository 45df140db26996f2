//! `tollbox-conformance`: runs the charge protocol against a billing server. `npx tollbox
//! conformance` is the same in plain Node.js; both read the rules of `pkg/conformance/rules`.

mod catalogue;
mod check;
mod exchange;
mod options;
mod report;
mod request;
mod run;
mod scope;

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;

use catalogue::{Rule, catalogue};
use options::Options;
use run::{CannotRun, Run, Verdict};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let options = Options::parse();
    match run(&options).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            eprintln!("tollbox conformance: {error}");
            ExitCode::from(2)
        }
    }
}

/// Whether no rule is broken.
async fn run(options: &Options) -> Result<bool, CannotRun> {
    options.check().map_err(CannotRun)?;
    let rules = catalogue();
    let rules = chosen(&rules, &options.only)?;
    let mut kit = Run::new(options);
    let (own, other) = kit.prepare(&rules).await?;
    print(options, &report::head(options, rules.len(), own, other));
    let mut all = Vec::new();
    let mut end = None;
    for rule in rules {
        match kit.check(rule).await {
            Ok(checked) => {
                print(options, &report::line(&checked));
                all.push(checked);
            }
            Err(error) => {
                end = Some(error);
                break;
            }
        }
    }
    print(options, &report::foot(&all));
    if options.json {
        written(&report::as_json(options, &all));
    }
    if let Some(file) = &options.junit {
        let failed = |_| CannotRun(format!("{} can't be written", file.display()));
        std::fs::write(file, report::as_junit(&all)).map_err(failed)?;
    }
    if let Some(error) = end {
        return Err(error);
    }
    Ok(all.iter().all(|checked| checked.verdict != Verdict::Broken))
}

/// The rules of these topics, or with these ids; all where none are named.
fn chosen<'a>(rules: &'a [Rule], only: &[String]) -> Result<Vec<&'a Rule>, CannotRun> {
    let is_named = |rule: &Rule, name: &String| {
        rule.id == *name || rule.id.split('/').next() == Some(name.as_str())
    };
    for name in only {
        if !rules.iter().any(|rule| is_named(rule, name)) {
            return Err(CannotRun(format!("there is no rule or topic {name}")));
        }
    }
    let is_chosen = |rule: &&Rule| only.is_empty() || only.iter().any(|name| is_named(rule, name));
    Ok(rules.iter().filter(is_chosen).collect())
}

fn print(options: &Options, text: &str) {
    if !options.json {
        written(text);
    }
}

/// Nobody may be reading any more, and then nothing is left to tell.
fn written(text: &str) {
    let mut stdout = io::stdout();
    stdout.write_all(text.as_bytes()).ok();
    stdout.flush().ok();
}
