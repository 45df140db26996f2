//! Checks the house rules that no formatter or linter checks.

use std::path::Path;

use anyhow::{Result, bail};
use walkdir::{DirEntry, WalkDir};

use crate::command::step;
use crate::workspace::Workspace;

const CODE: [&str; 5] = ["rs", "ts", "tsx", "mjs", "js"];
const TEXT: [&str; 6] = ["css", "html", "json", "md", "toml", "yml"];
/// Words in names that say nothing about the thing.
const EMPTY_WORDS: [&str; 6] = ["manager", "managers", "helper", "helpers", "util", "utils"];
/// Names of the web platform and of Node.js, which can't be changed.
const PLATFORM_NAMES: [&str; 2] = ["LockManager", "node:util"];
/// Folders of the product, whose names are checked.
const PRODUCT: [&str; 3] = ["src", "pkg", "www/src"];
/// Generated files and folders, which are not checked.
const GENERATED: [&str; 4] = ["target", "node_modules", "dist", "pkg/wasm"];

/// Prints every breach of the rules.
///
/// # Errors
/// When there is one.
pub fn tidy(workspace: &Workspace) -> Result<()> {
    step("checking the house rules", || {
        let breaches = check_tree(&workspace.root)?;
        for breach in &breaches {
            println!("  {breach}");
        }
        match breaches.len() {
            0 => Ok(()),
            count => bail!("breaches of the house rules: {count}"),
        }
    })
}

fn check_tree(root: &Path) -> Result<Vec<String>> {
    let mut breaches = Vec::new();
    let entries = WalkDir::new(root)
        .sort_by_file_name()
        .into_iter()
        .filter_entry(|entry| entry.depth() == 0 || is_written_by_hand(entry));
    for entry in entries {
        let entry = entry?;
        let path = entry.path().strip_prefix(root)?;
        let extension = path.extension().unwrap_or_default().to_string_lossy();
        let is_code = CODE.contains(&&*extension);
        if entry.file_type().is_file() && (is_code || TEXT.contains(&&*extension)) {
            let text = fs_err::read_to_string(entry.path())?;
            breaches.extend(
                check_file(path, &text, is_code)
                    .into_iter()
                    .map(|breach| format!("{}: {breach}", path.display())),
            );
            if extension == "md" {
                let folder = entry.path().parent().unwrap_or(root);
                let dead = links(&text).filter(|link| !folder.join(link).exists());
                breaches.extend(dead.map(|link| format!("{}: no {link}", path.display())));
            }
        }
    }
    Ok(breaches)
}

fn is_written_by_hand(entry: &DirEntry) -> bool {
    let hidden = entry.file_name().to_string_lossy().starts_with('.');
    !hidden && !GENERATED.iter().any(|name| entry.path().ends_with(name))
}

/// The files and folders that a page in Markdown links to, relative to it.
fn links(text: &str) -> impl Iterator<Item = &str> {
    let targets = text.split("](").skip(1);
    let targets = targets.filter_map(|rest| rest.split([')', '#', ' ', '\n']).next());
    targets.filter(|target| !target.is_empty() && !target.contains(':') && !target.starts_with('/'))
}

fn check_file(path: &Path, text: &str, is_code: bool) -> Vec<String> {
    let mut breaches = Vec::new();
    let is_rust = path.extension().is_some_and(|extension| extension == "rs");
    let is_product = PRODUCT.iter().any(|folder| path.starts_with(folder));
    if is_rust && path.starts_with("src") && !text.starts_with("//!") {
        breaches.push("doesn't start with a //! comment that says what it is".to_owned());
    }
    if is_rust && !path.starts_with("tests") {
        breaches.extend(reopened(text));
    }
    for (index, line) in text.lines().enumerate() {
        let mut breach = |what: &str| breaches.push(format!("line {}: {what}", index + 1));
        if line.contains('\t') {
            breach("a tab");
        }
        if line.ends_with(' ') {
            breach("blanks at the end");
        }
        if is_code && !is_rust && line.contains(".only(") {
            breach("a test that keeps all others from running");
        }
        if is_code
            && is_product
            && let Some(word) = empty_word(line)
        {
            breach(&format!("the name says nothing: {word}"));
        }
    }
    breaches
}

/// Types with methods here that are defined elsewhere: each type has one file, but for the worlds that
/// tests play.
fn reopened(text: &str) -> impl Iterator<Item = String> {
    let words = |line: &str| {
        let words = line.split(|character: char| !character.is_alphanumeric() && character != '_');
        let words = words.filter(|word| !word.is_empty());
        words.map(str::to_owned).collect::<Vec<String>>()
    };
    let mut defined = Vec::new();
    let mut opened = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let words = words(line);
        let name = words
            .iter()
            .position(|word| ["struct", "enum", "union", "type"].contains(&word.as_str()))
            .and_then(|at| words.get(at + 1));
        defined.extend(name.cloned());
        if line.starts_with("impl ") || line.starts_with("impl<") {
            // Skips the generics; implementations of traits don't count.
            let of = line.split_once("> ").filter(|_| line.starts_with("impl<"));
            let of = of.map_or(&line["impl ".len()..], |(_, of)| of);
            let name = of.split(['<', ' ']).next().unwrap_or_default();
            if !line.contains(" for ") {
                opened.push((index + 1, name.to_owned()));
            }
        }
    }
    opened
        .into_iter()
        .filter(move |(_, name)| !defined.contains(name))
        .map(|(line, name)| format!("line {line}: methods of {name}, which is defined elsewhere"))
}

/// The first empty word in a name of a line's code; comments don't count.
fn empty_word(line: &str) -> Option<&'static str> {
    let trimmed = line.trim_start();
    if trimmed.starts_with('*') || trimmed.starts_with("/*") {
        return None;
    }
    let mut code = line.split("//").next().unwrap_or_default().to_owned();
    for name in PLATFORM_NAMES {
        code = code.replace(name, "");
    }
    let parts = parts_of_names(&code);
    EMPTY_WORDS
        .into_iter()
        .find(|word| parts.iter().any(|part| part == word))
}

/// The words that names are made of, in lower case: `HoldUtil.retry_all` is hold, util, retry, all.
fn parts_of_names(code: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    for character in code.chars() {
        if !character.is_alphanumeric() || character.is_uppercase() {
            parts.push(String::new());
        }
        if character.is_alphanumeric()
            && let Some(part) = parts.last_mut()
        {
            part.extend(character.to_lowercase());
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn breaches(path: &str, text: &str) -> Vec<String> {
        check_file(Path::new(path), text, true)
    }

    #[test]
    fn a_tidy_file_passes() {
        assert!(
            breaches(
                "src/a.rs",
                "//! Holds.\nlet utility = hold_1; // a helper\n"
            )
            .is_empty()
        );
        assert!(breaches("src/a.rs", "//! Locks.\ntype LockManager;\n").is_empty());
        assert!(breaches("dev/a.rs", "fn helper() {}\n").is_empty());
    }

    #[test]
    fn links_to_files_are_found() {
        let text = "[a](a.md#b) [b](#c) ![c](../d/e.png)\n[d](https://example.org/f) [e](g)";
        assert_eq!(links(text).collect::<Vec<_>>(), ["a.md", "../d/e.png", "g"]);
    }

    #[test]
    fn each_house_rule_finds_its_breach() {
        assert_eq!(breaches("src/a.rs", "fn a() {}\n").len(), 1);
        assert_eq!(
            breaches("src/a.rs", "//! A.\nstruct HoldManager;\n").len(),
            1
        );
        assert_eq!(
            breaches("src/a.rs", "//! A.\nfn retry_helper() {}\n").len(),
            1
        );
        let elsewhere = "//! A.\nimpl<T> Hold<T> {}\nimpl Ord for Key {}\n";
        assert_eq!(breaches("src/a.rs", elsewhere).len(), 1);
        let here = "//! A.\npub struct Hold<T>(T);\nimpl<T> Hold<T> {}\n";
        assert!(breaches("src/a.rs", here).is_empty());
        assert_eq!(breaches("tests/a.mjs", "test.only(\"a\");\n").len(), 1);
        assert_eq!(breaches("tests/a.mjs", "a(); \n\tb();\n").len(), 2);
    }
}
