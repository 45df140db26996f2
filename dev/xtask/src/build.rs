//! Builds pkg/wasm/: the core compiled to WebAssembly, with its JavaScript glue, optimized for
//! size.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};

use anyhow::Result;
use wasm_bindgen_cli_support::Bindgen;

use crate::command::{run, step};
use crate::stamp::Stamp;
use crate::wasm_target::{TARGET, WasmToolchain};
use crate::workspace::Workspace;
use crate::{glue, mark, npm, sizes};

const NAME: &str = "tollbox";

/// Features that rustc's wasm32 target turns on by default, which wasm-opt must know to read it.
const WASM_FEATURES: [&str; 7] = [
    "--enable-bulk-memory",
    "--enable-bulk-memory-opt",
    "--enable-sign-ext",
    "--enable-mutable-globals",
    "--enable-nontrapping-float-to-int",
    "--enable-multivalue",
    "--enable-reference-types",
];

#[derive(clap::Args, Default)]
pub struct Options {
    /// Compile fast and keep names for stack traces; large, and not for release
    #[arg(long)]
    dev: bool,
    /// Make target/xtask/pkg-deaths instead, whose module tests can make die
    #[arg(long, conflicts_with = "dev")]
    deaths: bool,
}

/// Builds pkg/wasm/ unless it is up to date, and prints its sizes.
///
/// # Errors
/// When a tool is missing and can't be installed, or a step fails.
pub fn build(workspace: &Workspace, options: &Options) -> Result<()> {
    npm::install(workspace)?;
    if options.deaths {
        return build_with_deaths(workspace).map(|_| ());
    }
    let output = workspace.root.join("pkg").join("wasm");
    make(workspace, "wasm", &output, options)?;
    let (wasm, glue) = (format!("{NAME}_bg.wasm"), format!("{NAME}.js"));
    sizes::print(&[
        (&wasm, vec![output.join(&wasm)]),
        ("its JavaScript glue", vec![output.join(&glue)]),
        ("index.js and lib", facade(workspace)?),
    ])
}

/// The package's handwritten modules.
fn facade(workspace: &Workspace) -> Result<Vec<PathBuf>> {
    let package = workspace.root.join("pkg");
    let mut files = vec![package.join("index.js")];
    for entry in walkdir::WalkDir::new(package.join("lib")) {
        let path = entry?.into_path();
        files.extend(
            path.extension()
                .is_some_and(|end| end == "js")
                .then_some(path),
        );
    }
    Ok(files)
}

/// Builds a copy of the package whose module tests can make die, and returns its folder. It is not
/// optimized for size, which takes long.
///
/// # Errors
/// When a step fails.
pub fn build_with_deaths(workspace: &Workspace) -> Result<PathBuf> {
    let package = workspace.scratch().join("pkg-deaths");
    let options = Options {
        deaths: true,
        ..Options::default()
    };
    make(workspace, "wasm-deaths", &package.join("wasm"), &options)?;
    install(&workspace.root.join("pkg/lib"), &package.join("lib"))?;
    fs_err::copy(
        workspace.root.join("pkg/index.js"),
        package.join("index.js"),
    )?;
    Ok(package)
}

/// Makes the module and its glue in the folder `output`. `name` identifies the inputs.
fn make(workspace: &Workspace, name: &str, output: &Path, options: &Options) -> Result<()> {
    let wasm = compile(workspace, options)?;
    let stamp = Stamp::new(
        workspace,
        name,
        inputs(workspace, &wasm, options)?,
        output.to_owned(),
    );
    if stamp.is_current()? {
        let shown = output.strip_prefix(&workspace.root).unwrap_or(output);
        println!("✓ {} is up to date", shown.display());
        return Ok(());
    }
    let made = workspace.scratch().join("made").join(name);
    bind(&wasm, &made, options)?;
    glue::change(&made.join(format!("{NAME}.js")))?;
    if !options.dev && !options.deaths {
        optimise(workspace, &made)?;
    }
    mark::mark(&made, NAME)?;
    install(&made, output)?;
    stamp.set()
}

fn compile(workspace: &Workspace, options: &Options) -> Result<PathBuf> {
    let toolchain = WasmToolchain::ensure(workspace)?;
    let mut cargo = toolchain.cargo(workspace, "build")?;
    cargo.args(["--package", NAME, "--lib"]);
    if !options.dev {
        cargo.arg("--release").args(["--config", &without_home()]);
    }
    if options.deaths {
        cargo.args(["--features", "deaths"]);
    }
    let what = match options.deaths {
        true => "compiling the core that can be made to die",
        false => "compiling the core to WebAssembly",
    };
    step(what, || run(&mut cargo))?;
    let profile = if options.dev { "debug" } else { "release" };
    Ok(toolchain
        .target_folder(workspace)
        .join(TARGET)
        .join(profile)
        .join(format!("{NAME}.wasm")))
}

/// Remaps the paths of dependencies, which panic messages contain: the builder's home folder is
/// private, and would make each builder's module differ.
fn without_home() -> String {
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| Some(std::env::home_dir()?.join(".cargo")));
    let sources = home.unwrap_or_default().join("registry").join("src");
    let flag = format!("--remap-path-prefix={}=registry", sources.display());
    format!("target.{TARGET}.rustflags=[{flag:?}]")
}

/// The glue is made by the library of wasm-bindgen's version, so Cargo.lock pins it.
fn bind(wasm: &Path, folder: &Path, options: &Options) -> Result<()> {
    step("making the JavaScript glue", || {
        if folder.exists() {
            fs_err::remove_dir_all(folder)?;
        }
        Bindgen::new()
            .input_path(wasm)
            .out_name(NAME)
            .web(true)?
            .typescript(true)
            // After a trap the facade goes on with a fresh instance: `__wbg_reset_state`.
            .reset_state_function(true)
            .debug(options.dev)
            .keep_debug(options.dev)
            .remove_name_section(!options.dev)
            .remove_producers_section(!options.dev)
            .generate(folder)
    })
}

fn optimise(workspace: &Workspace, folder: &Path) -> Result<()> {
    let wasm = folder.join(format!("{NAME}_bg.wasm"));
    step("making the WebAssembly small", || {
        run(workspace
            .command(npm::program(workspace, "wasm-opt")?)
            .arg("-Oz")
            .args(WASM_FEATURES)
            .arg(&wasm)
            .arg("--output")
            .arg(&wasm))
    })
}

/// Puts the finished files in place one by one, each whole: a page that loads meanwhile never
/// reads half a file.
fn install(made: &Path, output: &Path) -> Result<()> {
    fs_err::create_dir_all(output)?;
    for entry in fs_err::read_dir(output)? {
        let entry = entry?;
        if entry.file_type()?.is_file() && !made.join(entry.file_name()).exists() {
            fs_err::remove_file(entry.path())?;
        }
    }
    for entry in walkdir::WalkDir::new(made).min_depth(1) {
        let entry = entry?;
        let to = output.join(entry.path().strip_prefix(made)?);
        if entry.file_type().is_dir() {
            fs_err::create_dir_all(to)?;
        } else {
            let next = to.with_added_extension("next");
            fs_err::copy(entry.path(), &next)?;
            fs_err::rename(next, to)?;
        }
    }
    Ok(())
}

/// The inputs of pkg/wasm: the compiled module, and the programs that transform it.
fn inputs(workspace: &Workspace, wasm: &Path, options: &Options) -> Result<u64> {
    let mut hasher = DefaultHasher::new();
    fs_err::read(wasm)?.hash(&mut hasher);
    fs_err::read(workspace.root.join("node_modules/binaryen/package.json"))?.hash(&mut hasher);
    // xtask's own binary contains wasm-bindgen and the options above.
    fs_err::read(std::env::current_exe()?)?.hash(&mut hasher);
    options.dev.hash(&mut hasher);
    Ok(hasher.finish())
}
