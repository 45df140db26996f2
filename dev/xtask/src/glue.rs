//! Changes the generated JavaScript glue: for modules that die, the facade hears of errors thrown in
//! timers, listeners and promise continuations, and those of a dead instance do nothing; what the
//! module imports of `pkg/lib` is found; names that glue and module share are short; imports that the
//! optimized module does not have are gone.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context, Result, ensure};
use wasmparser::{Parser, Payload};

/// The name under which the module imports the glue.
const GLUE: &str = "./tollbox_bg.js";

/// The first line of the object that has the imports, its last one, and the indent of its members.
const IMPORTS: &str = "    const import0 = {\n        __proto__: null,\n";
const END: &str = "    };\n";
const INDENT: &str = "        ";

/// Pieces of the glue, and their replacements. Every closure of the glue has each of them.
const CHANGES: [(&str, &str); 3] = [
    (
        "/* @ts-self-types=\"./tollbox.d.ts\" */\n",
        "/* @ts-self-types=\"./tollbox.d.ts\" */\n\
         import { isAbandoned, stale, threw } from \"../lib/restart/closures.js\";\n",
    ),
    (
        "        if (state.instance !== __wbg_instance_id) {
            throw new Error('Cannot invoke closure from previous WASM instance');
        }
",
        "        if (state.instance !== __wbg_instance_id || isAbandoned()) {
            return stale(args[0], real);
        }
",
    ),
    (
        "            return f(a, state.b, ...args);
        } finally {
",
        "            return f(a, state.b, ...args);
        } catch (error) {
            threw(error);
            throw error;
        } finally {
",
    ),
];

/// What frees memory of the instance in use when JavaScript lets go of something, unless that instance
/// is dead.
const FINALIZERS: [(&str, &str); 2] = [
    (
        "    if (instance === __wbg_instance_id) ",
        "    if (instance === __wbg_instance_id && !isAbandoned()) ",
    ),
    (
        "    if (state.instance === __wbg_instance_id) {",
        "    if (state.instance === __wbg_instance_id && !isAbandoned()) {",
    ),
];

/// How the module names the package's own files, and how the glue does, which lies beside them.
const OWN_FILES: [(&str, &str); 2] = [("from '/pkg/", "from '../"), ("from \"/pkg/", "from \"../")];

/// Short names, by the long ones that wasm-bindgen gives: its hashes are a tenth of the compressed
/// glue.
#[derive(Default)]
pub struct Names {
    imports: BTreeMap<String, String>,
    exports: BTreeMap<String, String>,
}

impl Names {
    /// Renames what the module imports from the glue, and what it exports.
    pub fn shorten(module: &mut walrus::Module) -> Self {
        let mut names = Self::default();
        let imports = module.imports.iter_mut();
        for import in imports.filter(|import| import.module == GLUE) {
            let short = short(names.imports.len());
            names
                .imports
                .insert(std::mem::replace(&mut import.name, short.clone()), short);
        }
        for export in module.exports.iter_mut() {
            let short = short(names.exports.len());
            names
                .exports
                .insert(std::mem::replace(&mut export.name, short.clone()), short);
        }
        names
    }
}

/// The name with this number: a to z, then aa to zz.
fn short(number: usize) -> String {
    let letter = char::from(b'a' + (number % 26) as u8);
    match number / 26 {
        0 => letter.to_string(),
        rest => short(rest - 1) + &letter.to_string(),
    }
}

/// Patches the glue in place.
///
/// # Errors
/// When it does not look as wasm-bindgen's pinned version makes it.
pub fn change(file: &Path, names: &Names) -> Result<()> {
    let glue = changed(fs_err::read_to_string(file)?)?;
    Ok(fs_err::write(file, renamed(&glue, names)?)?)
}

/// Takes out of the glue of the module `name` in this folder what the module does not import.
///
/// # Errors
/// When one of them can't be read.
pub fn prune(folder: &Path, name: &str) -> Result<()> {
    let file = folder.join(format!("{name}.js"));
    let module = fs_err::read(folder.join(format!("{name}_bg.wasm")))?;
    let glue = fs_err::read_to_string(&file)?;
    Ok(fs_err::write(file, pruned(&glue, &imports(&module)?)?)?)
}

/// The names of what the module imports from the glue.
fn imports(module: &[u8]) -> Result<BTreeSet<String>> {
    let mut names = BTreeSet::new();
    for payload in Parser::new(0).parse_all(module) {
        if let Payload::ImportSection(section) = payload? {
            for import in section.into_imports() {
                let import = import?;
                if import.module == GLUE {
                    names.insert(import.name.to_owned());
                }
            }
        }
    }
    Ok(names)
}

/// The glue in pieces: what is before the imports' members, these with their names, and the rest.
struct Pieces<'a> {
    before: &'a str,
    members: Vec<(&'a str, &'a str)>,
    after: &'a str,
}

impl<'a> Pieces<'a> {
    fn of(glue: &'a str) -> Result<Self> {
        let start = glue
            .find(IMPORTS)
            .map(|at| at + IMPORTS.len())
            .context("the generated glue has no imports; look through dev/xtask/src/glue.rs")?;
        let (before, rest) = glue.split_at(start);
        let end = rest
            .find(&format!("\n{END}"))
            .map(|at| at + 1)
            .context("the imports of the generated glue have no end")?;
        let (all, after) = rest.split_at(end);
        let mut starts = Vec::new();
        let mut at = 0;
        for line in all.split_inclusive('\n') {
            starts.extend(member_of(line).map(|name| (name, at)));
            at += line.len();
        }
        let ends = starts.iter().skip(1).map(|(_, at)| *at).chain([all.len()]);
        let members = starts
            .iter()
            .zip(ends)
            .map(|(&(name, start), end)| (name, &all[start..end]))
            .collect();
        Ok(Self {
            before,
            members,
            after,
        })
    }
}

/// The name of the member that begins on this line.
fn member_of(line: &str) -> Option<&str> {
    let (name, _) = line.strip_prefix(INDENT)?.split_once(": ")?;
    let is_name = name.chars().all(|c| c.is_alphanumeric() || c == '_');
    is_name.then_some(name)
}

fn pruned(glue: &str, imports: &BTreeSet<String>) -> Result<String> {
    let Pieces {
        before,
        members,
        after,
    } = Pieces::of(glue)?;
    let kept: Vec<&str> = members
        .into_iter()
        .filter(|(name, _)| imports.contains(*name))
        .map(|(_, member)| member)
        .collect();
    ensure!(kept.len() == imports.len(), "the glue lacks an import");
    Ok(format!("{before}{}{after}", kept.concat()))
}

fn renamed(glue: &str, names: &Names) -> Result<String> {
    if names.imports.is_empty() {
        return Ok(glue.to_owned());
    }
    let Pieces {
        before,
        members,
        after,
    } = Pieces::of(glue)?;
    let mut imports = String::new();
    for (name, member) in members {
        let short = names.imports.get(name).map_or(name, String::as_str);
        imports += &member.replacen(name, short, 1);
    }
    Ok([before, &imports, after]
        .map(|part| with_exports(part, names))
        .concat())
}

/// The text with the short names of what it takes of the module's exports.
fn with_exports(text: &str, names: &Names) -> String {
    let is_part = |c: char| c.is_alphanumeric() || c == '_' || c == '$';
    let mut pieces = text.split("wasm.");
    let mut changed = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let end = piece.find(|c| !is_part(c)).unwrap_or(piece.len());
        let (name, rest) = piece.split_at(end);
        let short = match changed.ends_with(is_part) {
            true => None,
            false => names.exports.get(name),
        };
        changed += "wasm.";
        changed += short.map_or(name, String::as_str);
        changed += rest;
    }
    changed
}

fn changed(mut glue: String) -> Result<String> {
    for (from, to) in OWN_FILES {
        glue = glue.replace(from, to);
    }
    let closures = glue.matches("__wbg_instance_id };\n    const real").count();
    for (index, (from, to)) in CHANGES.into_iter().enumerate() {
        let expected = if index == 0 { 1 } else { closures };
        ensure!(
            glue.matches(from).count() == expected && expected > 0,
            "the generated glue has changed; look through dev/xtask/src/glue.rs, which expects:\n{from}"
        );
        glue = glue.replace(from, to);
    }
    for (from, to) in FINALIZERS {
        ensure!(
            glue.contains(from),
            "the generated glue has changed; look through dev/xtask/src/glue.rs, which expects:\n{from}"
        );
        glue = glue.replace(from, to);
    }
    Ok(glue)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{CHANGES, FINALIZERS, Names, changed, pruned, renamed, short};

    fn glue(closures: usize) -> String {
        let [header, check, call] = CHANGES.map(|(from, _)| from);
        let closure =
            format!("instance: __wbg_instance_id }};\n    const real = () => {{\n{check}{call}");
        let imports = "import { a } from '/pkg/lib/a.js';\nimport * as b from \"/pkg/lib/b.js\"\n";
        let finalizers = FINALIZERS.map(|(from, _)| from).concat();
        format!("{header}{imports}{}{finalizers}", closure.repeat(closures))
    }

    #[test]
    fn every_closure_of_the_glue_is_changed() {
        let changed = changed(glue(2)).unwrap();
        for (index, (_, to)) in CHANGES.into_iter().enumerate() {
            let expected = if index == 0 { 1 } else { 2 };
            assert_eq!(changed.matches(to).count(), expected);
        }
        assert!(FINALIZERS.iter().all(|(_, to)| changed.contains(to)));
    }

    #[test]
    fn files_of_the_package_are_found_from_the_glue() {
        let changed = changed(glue(1)).unwrap();
        assert!(changed.contains("from '../lib/a.js'") && changed.contains("from \"../lib/b.js\""));
    }

    #[test]
    fn glue_of_an_unexpected_shape_is_refused() {
        assert!(changed(glue(0)).is_err());
        let [_, (check, _), (call, _)] = CHANGES;
        assert!(changed(glue(1).replace(check, "")).is_err());
        assert!(changed(glue(1).replacen(call, "", 1)).is_err());
        for (finalizer, _) in FINALIZERS {
            assert!(changed(glue(1).replace(finalizer, "")).is_err());
        }
        assert!(pruned("", &BTreeSet::new()).is_err());
    }

    const GLUE: &str = "\
function now() { return wasm.client_now(WebAssembly.it, mywasm.client_now); }
    const import0 = {
        __proto__: null,
        __wbg_first_0f: function(arg0) {
            return wasm.client_now(arg0, { a: 1 });
        },
        __wbg_second_1e: function(arg0) {
            return arg0;
        },
    };
";

    #[test]
    fn glue_takes_the_short_names_of_imports_and_exports() {
        let names = |long: &str, short: &str| [(long.to_owned(), short.to_owned())].into();
        let names = Names {
            imports: names("__wbg_second_1e", "b"),
            exports: names("client_now", "n"),
        };
        let renamed = renamed(GLUE, &names).unwrap();
        let expected = GLUE
            .replace("        __wbg_second_1e", "        b")
            .replace(" wasm.client_now", " wasm.n");
        assert_eq!(renamed, expected);
    }

    #[test]
    fn glue_loses_the_imports_that_the_module_does_not_have() {
        let only = |name: &str| BTreeSet::from([name.to_owned()]);
        let second = pruned(GLUE, &only("__wbg_second_1e")).unwrap();
        assert!(!second.contains("__wbg_first_0f") && second.contains("return arg0;"));
        assert!(second.ends_with("        },\n    };\n"));
        assert!(pruned(GLUE, &only("__wbg_third_2d")).is_err());
    }

    #[test]
    fn short_names_differ() {
        let names: BTreeSet<String> = (0..1_000).map(short).collect();
        assert_eq!(names.len(), 1_000);
        assert_eq!(
            [short(0), short(26), short(701), short(702)],
            ["a", "aa", "zz", "aaa"]
        );
    }
}
