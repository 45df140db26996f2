//! Runs a compiled wasm test in a headless browser: `wasm-bindgen-test-runner`, from its library,
//! so that Cargo.lock pins it and nothing has to be installed.

fn main() -> anyhow::Result<()> {
    wasm_bindgen_cli::wasm_bindgen_test_runner::run_cli_with_args(std::env::args_os())
}
