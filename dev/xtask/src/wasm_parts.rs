//! A module's code by crate and by module of the core, after the names of its functions.

use std::collections::BTreeMap;

use anyhow::Result;
use wasmparser::{KnownCustom, Name, Parser, Payload};

/// The bytes of each part.
pub type Parts = BTreeMap<String, Vec<u8>>;

/// The product's crate, whose modules are shown one by one.
const CRATE: &str = "tollbox";

/// How deep: `core::engine`, `browser::store`.
const DEPTH: usize = 2;

/// The code of a module that has its function names: by crate, with its constants, and the modules of
/// the product's crate.
///
/// # Errors
/// When it is no such module.
pub fn of(module: &[u8]) -> Result<[(&'static str, Parts); 2]> {
    let (mut names, mut bodies, mut imported) = (BTreeMap::new(), Vec::new(), 0);
    let (mut crates, mut modules) = (Parts::new(), Parts::new());
    for payload in Parser::new(0).parse_all(module) {
        #[expect(clippy::wildcard_enum_match_arm, reason = "the parser's enum is open")]
        match payload? {
            Payload::ImportSection(section) => {
                for import in section.into_imports() {
                    imported += u32::from(matches!(import?.ty, wasmparser::TypeRef::Func(_)));
                }
            }
            Payload::CodeSectionEntry(body) => bodies.push(body.as_bytes().to_vec()),
            Payload::DataSection(section) => {
                for data in section {
                    let constants: &mut Vec<u8> = crates.entry("constants".into()).or_default();
                    constants.extend(data?.data);
                }
            }
            Payload::CustomSection(section) => {
                if let KnownCustom::Name(section) = section.as_known() {
                    for name in section {
                        if let Name::Function(functions) = name? {
                            for function in functions {
                                let function = function?;
                                names.insert(function.index, function.name.to_owned());
                            }
                        }
                    }
                }
            }
            _ => {}
        }
    }
    for (index, body) in (imported..).zip(bodies) {
        let name = without_hashes(names.get(&index).map_or("", String::as_str));
        let path = path(&name);
        let owner = path.first().copied().unwrap_or("without a name");
        crates.entry(owner.to_owned()).or_default().extend(&body);
        if owner == CRATE {
            let depth = path.len().min(DEPTH + 1);
            let module = path[1..depth].join("::");
            modules.entry(module).or_default().extend(&body);
        }
    }
    Ok([
        ("the WebAssembly by crate", crates),
        ("modules of the crate tollbox", modules),
    ])
}

/// The name without its crates' hashes: `core[15266d276e3a2055]::fmt` is `core::fmt`.
fn without_hashes(name: &str) -> String {
    let mut pieces = name.split('[');
    let mut plain = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        match piece.split_once(']') {
            Some((hash, rest)) if is_hash(hash) => {
                plain += rest;
            }
            _ => {
                plain.push('[');
                plain += piece;
            }
        }
    }
    plain
}

/// Whether it is a 64-bit number in hexadecimal digits, without leading zeros.
fn is_hash(text: &str) -> bool {
    (8..=16).contains(&text.len()) && text.bytes().all(|c| c.is_ascii_hexdigit())
}

/// The modules of a function, its crate first: of `<a::b::C as d::E>::f` they are a and b.
fn path(name: &str) -> Vec<&str> {
    let name = name.trim_start_matches(['<', '&', '*', '[', '(']);
    let name = name.strip_prefix("mut ").unwrap_or(name);
    let name = name.strip_prefix("dyn ").unwrap_or(name);
    let end = name
        .find(['<', ' ', '>', '(', '{', '$', ','])
        .unwrap_or(name.len());
    let path: Vec<&str> = name[..end].split("::").collect();
    let is_module = |part: &&str| part.starts_with(|c: char| c.is_lowercase() || c == '_');
    let modules = path.len().saturating_sub(1);
    let path: Vec<&str> = path
        .into_iter()
        .take(modules)
        .take_while(is_module)
        .collect();
    path
}

#[cfg(test)]
mod tests {
    use super::{path, without_hashes};

    #[test]
    fn crates_lose_their_hashes_and_slices_stay() {
        let name = "<[tollbox[6abc96d325d01793]::core::Key]>::len";
        assert_eq!(without_hashes(name), "<[tollbox::core::Key]>::len");
    }

    #[test]
    fn modules_of_a_function_are_those_of_its_type() {
        for (name, modules) in [
            (
                "tollbox::core::engine::Engine::handle",
                &["tollbox", "core", "engine"][..],
            ),
            (
                "<tollbox::core::charge::Key as core::fmt::Display>::fmt",
                &["tollbox", "core", "charge"],
            ),
            (
                "alloc::vec::Vec<tollbox::core::Key>::push",
                &["alloc", "vec"],
            ),
            (
                "<alloc::vec::Vec<T> as core::clone::Clone>::clone",
                &["alloc", "vec"],
            ),
            ("memcpy", &[]),
            ("", &[]),
        ] {
            assert_eq!(path(name), modules, "{name}");
        }
    }
}
