//! Everything that the module gives to JavaScript, in each of its forms, written to `target/golden` as
//! TypeScript. `cargo xtask test types` checks that against the declarations of the package: what is
//! given is declared, and what is declared is given (`both-ways.ts`). A variant or a member that is new
//! does not compile before it is here.

#![cfg(not(target_arch = "wasm32"))]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    missing_docs,
    reason = "a test"
)]

mod core {
    pub use tollbox::core::*;
}
#[path = "../../src/browser/code.rs"]
mod code;
mod forms;
#[path = "../../src/browser/store/set_aside.rs"]
mod set_aside;

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use self::core::json::ToJson;

/// One constant of the TypeScript file: these values, and of which declared type they are.
fn constant(name: &str, declared: &str, values: &[&dyn ToJson]) -> String {
    let mut text = format!("\nexport const {name} = [\n");
    for value in values {
        let json = serde_json::to_string(&value.to_json()).unwrap();
        writeln!(text, "  {json},").unwrap();
    }
    writeln!(text, "] satisfies {declared}[];").unwrap();
    text
}

/// The same, of values of one type.
fn constant_of<T: ToJson>(name: &str, declared: &str, values: &[T]) -> String {
    let values: Vec<&dyn ToJson> = values.iter().map(|value| value as &dyn ToJson).collect();
    constant(name, declared, &values)
}

#[test]
fn everything_the_module_gives_is_written_for_the_type_check() {
    let golden = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("golden");
    fs::create_dir_all(&golden).unwrap();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let at = |path: &str| serde_json::json!(root.join(path));
    let project = serde_json::json!({
        "extends": at("tests/types/tsconfig.json"),
        "compilerOptions": {
            "paths": { "golden": ["./golden.ts"], "tollbox": [at("pkg/index.d.ts")] },
        },
        "include": [],
        "files": ["./golden.ts", at("tests/golden/both-ways.ts")],
    });
    fs::write(golden.join("tsconfig.json"), project.to_string()).unwrap();

    let mut text = String::from("// Written by tests/golden/main.rs.\n\n");
    text.push_str("import type * as Api from \"tollbox\";\n");
    for part in [
        constant_of("outcomes", "Api.ChargeOutcome", &forms::outcomes()),
        constant_of("records", "Api.ChargeRecord", &forms::records()),
        constant_of("balances", "Api.Balance", &forms::balances()),
        constant_of("results", "Api.BalanceResult", &forms::balance_results()),
        constant_of("reports", "Api.FlushReport", &forms::flush_reports()),
        constant_of("alerts", "Api.Alert", &forms::alerts()),
        constant_of("entries", "Api.LogEntry", &forms::log_entries()),
        constant_of("snapshots", "Api.BillingSnapshot", &forms::snapshots()),
        constant_of("aside", "Api.QuarantinedRecord", &forms::set_aside()),
        constant_of("codes", "Api.BillingError[\"code\"]", &forms::codes()),
    ] {
        text.push_str(&part);
    }
    for (name, declared, value) in forms::notices().iter().chain(&forms::answers()) {
        text.push_str(&constant(name, declared, &[value.as_ref()]));
    }
    fs::write(golden.join("golden.ts"), text).unwrap();
}
