//! Builds pkg/wasm/, the core compiled to WebAssembly with its JavaScript glue, and pkg/dist/, the
//! facade and the glue as one file. Both are optimized for size.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};

use anyhow::Result;
use wasm_bindgen_cli_support::Bindgen;

use crate::command::{run, step};
use crate::stamp::Stamp;
use crate::standard_library::StandardLibrary;
use crate::wasm_target::{TARGET, WasmToolchain};
use crate::workspace::Workspace;
use crate::{bundle, deflate, glue, mark, npm, openapi, order, size};

pub const NAME: &str = "tollbox";

const LICENSES: [&str; 2] = ["LICENSE-APACHE", "LICENSE-MIT"];

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

/// LLVM inlines less than `opt-level = "z"` has it do: only what gets smaller by it.
const INLINING: &str = "-Cllvm-args=-inline-threshold=-5";

/// What makes the module small when it is compressed, as servers send it: much inlining of what is
/// called once makes it larger then, and so do locals shared for the sake of their number. Control
/// flow that is taken apart and made anew has fewer forms, and a second round finds a little more.
/// Below address 1,024 there is nothing but the last of the stack.
const WASM_OPT: [&str; 11] = [
    "--flatten",
    "--rereloop",
    "-Os",
    "-Os",
    "--one-caller-inline-max-function-size=20",
    "--always-inline-max-function-size=2",
    "--flexible-inline-max-function-size=2",
    "--skip-pass=local-cse",
    "--skip-pass=simplify-locals",
    "--low-memory-unused",
    "--zero-filled-memory",
];

#[derive(clap::Args, Clone, Copy, Default)]
pub struct Options {
    /// Compile fast and keep names for stack traces; large, and not for release
    #[arg(long)]
    dev: bool,
    /// Make target/xtask/pkg-deaths instead, whose module tests can make die
    #[arg(long, conflicts_with = "dev")]
    deaths: bool,
}

/// Builds pkg/wasm/ and pkg/dist/ unless they are up to date.
///
/// # Errors
/// When a tool is missing and can't be installed, or a step fails.
pub fn build(workspace: &Workspace, options: &Options) -> Result<StandardLibrary> {
    npm::install(workspace)?;
    let package = workspace.root.join("pkg");
    let library = make(workspace, "wasm", &package.join("wasm"), options)?;
    bundle::bundle(workspace, "dist", &package)?;
    // npm packs those that lie in the package's own folder.
    for license in LICENSES {
        fs_err::copy(workspace.root.join(license), package.join(license))?;
    }
    fs_err::copy(
        workspace.root.join(openapi::DOCUMENT),
        package.join("bin/openapi.json"),
    )?;
    Ok(library)
}

/// The module as it is in the package, but with the names of its functions.
///
/// # Errors
/// When a step fails.
pub fn named_module(workspace: &Workspace, options: &Options) -> Result<Vec<u8>> {
    let (wasm, _) = compile(workspace, options)?;
    let folder = workspace.scratch().join("made").join("named");
    let module = folder.join(format!("{NAME}_bg.wasm"));
    bind(&wasm, &folder, options, true)?;
    optimise(workspace, &module, &["--debuginfo"])?;
    Ok(fs_err::read(module)?)
}

/// Carries out the command `build`, which prints what it has made.
///
/// # Errors
/// As [`build`].
pub fn run_command(workspace: &Workspace, options: &Options) -> Result<()> {
    match options.deaths {
        true => build_with_deaths(workspace).map(drop),
        false => size::print(workspace, build(workspace, options)?),
    }
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
    // The bundle has the module's instance, so what the tests do to it has to come from there.
    let entry = fs_err::read_to_string(workspace.root.join("pkg/index.js"))?;
    let entry = format!("{entry}\nexport {{ Client, die }} from \"./wasm/{NAME}.js\";\n");
    fs_err::write(package.join("index.js"), entry)?;
    let worker = "service-worker.js";
    fs_err::copy(
        workspace.root.join("pkg").join(worker),
        package.join(worker),
    )?;
    bundle::bundle(workspace, "dist-deaths", &package)?;
    Ok(package)
}

/// Makes the module and its glue in the folder `output`, and says how its standard library came
/// about. `name` identifies the inputs.
fn make(
    workspace: &Workspace,
    name: &str,
    output: &Path,
    options: &Options,
) -> Result<StandardLibrary> {
    let (wasm, library) = compile(workspace, options)?;
    let stamp = Stamp::new(
        workspace,
        name,
        inputs(workspace, &wasm, options)?,
        output.to_owned(),
    );
    if stamp.is_current()? {
        let shown = output.strip_prefix(&workspace.root).unwrap_or(output);
        println!("✓ {} is up to date", shown.display());
        return Ok(library);
    }
    let made = workspace.scratch().join("made").join(name);
    bind(&wasm, &made, options, options.dev)?;
    if !options.dev && !options.deaths {
        optimise(workspace, &made.join(format!("{NAME}_bg.wasm")), &[])?;
        glue::prune(&made, NAME)?;
        reorder(&made.join(format!("{NAME}_bg.wasm")))?;
    }
    mark::mark(&made, NAME)?;
    deflate::write(&made, NAME)?;
    install(&made, output)?;
    stamp.set()?;
    Ok(library)
}

/// Compiles the core, with a standard library built for size where that can be had.
fn compile(workspace: &Workspace, options: &Options) -> Result<(PathBuf, StandardLibrary)> {
    let toolchain = WasmToolchain::ensure(workspace)?;
    let library = match options.dev {
        true => StandardLibrary::Shipped,
        false => StandardLibrary::ensure(workspace, &toolchain),
    };
    let what = match options.deaths {
        true => "compiling the core that can be made to die",
        false => "compiling the core to WebAssembly",
    };
    let compiled = step(what, || {
        compile_with(workspace, &toolchain, library, options)
    });
    match (library, compiled) {
        (StandardLibrary::ForSize, Err(error)) => {
            println!("{error:#}");
            println!("▶ once more, with the standard library as shipped …");
            let library = StandardLibrary::Shipped;
            let wasm = step(what, || {
                compile_with(workspace, &toolchain, library, options)
            })?;
            Ok((wasm, library))
        }
        (library, compiled) => Ok((compiled?, library)),
    }
}

fn compile_with(
    workspace: &Workspace,
    toolchain: &WasmToolchain,
    library: StandardLibrary,
    options: &Options,
) -> Result<PathBuf> {
    let mut cargo = toolchain.cargo(workspace, "build")?;
    cargo.args(["--package", NAME, "--lib"]);
    let mut flags = Vec::new();
    if !options.dev {
        cargo.arg("--release");
        flags.push(without_home());
        flags.push(INLINING.to_owned());
    }
    flags.extend(library.configure(&mut cargo));
    let flags = format!("target.{TARGET}.rustflags={flags:?}");
    cargo.args(["--config", &flags]);
    let mut folder = toolchain.target_folder(workspace);
    if options.deaths {
        // Cargo has one file for the library whatever its features, and would compile it anew for each.
        folder.push("deaths");
        cargo
            .args(["--features", "deaths"])
            .arg("--target-dir")
            .arg(&folder);
    }
    run(&mut cargo)?;
    let profile = if options.dev { "debug" } else { "release" };
    Ok(folder
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
    format!("--remap-path-prefix={}=registry", sources.display())
}

/// The glue is made by the library of wasm-bindgen's version, so Cargo.lock pins it.
fn bind(wasm: &Path, folder: &Path, options: &Options, keeps_names: bool) -> Result<()> {
    step("making the JavaScript glue", || {
        if folder.exists() {
            fs_err::remove_dir_all(folder)?;
        }
        let mut output = Bindgen::new()
            .input_path(wasm)
            .out_name(NAME)
            .web(true)?
            .typescript(true)
            // After a trap the facade goes on with a fresh instance: `__wbg_reset_state`.
            .reset_state_function(true)
            // The facade says where the module is.
            .omit_default_module_path(true)
            .debug(options.dev)
            .keep_debug(options.dev)
            .remove_name_section(!keeps_names)
            .remove_producers_section(!options.dev)
            .generate_output()?;
        let names = match options.dev {
            true => glue::Names::default(),
            false => glue::Names::shorten(output.wasm_mut()),
        };
        output.emit(folder)?;
        glue::change(&folder.join(format!("{NAME}.js")), &names)
    })
}

/// Makes the module small.
fn optimise(workspace: &Workspace, wasm: &Path, options: &[&str]) -> Result<()> {
    step("making the WebAssembly small", || {
        run(workspace
            .command(npm::program(workspace, "wasm-opt")?)
            .args(WASM_OPT)
            .args(WASM_FEATURES)
            .args(options)
            .arg(wasm)
            .arg("--output")
            .arg(wasm))
    })
}

fn reorder(wasm: &Path) -> Result<()> {
    step("putting functions side by side that are alike", || {
        let ordered = order::ordered(&fs_err::read(wasm)?)?;
        Ok(fs_err::write(wasm, ordered)?)
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
