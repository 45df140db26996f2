//! The size of what a page loads, plain and compressed as servers send it, and its budget.

use std::collections::BTreeMap;
use std::io::Write;
use std::ops::{Add, Sub};
use std::path::Path;

use anyhow::{Context, Result, ensure};
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::Value;

use crate::standard_library::StandardLibrary;
use crate::workspace::Workspace;
use crate::{build, bundle, wasm_parts};

/// The level that web servers precompress at.
const GZIP_LEVEL: u32 = 9;
const BROTLI_LEVEL: u32 = 11;
/// Brotli's largest window of the standard format, 2^22 bytes.
const BROTLI_WINDOW_LOG2: u32 = 22;
const BUFFER_BYTES: usize = 4096;

/// The most that the parts may have, in bytes compressed by brotli.
const BUDGET: &str = "size-budget.json";

/// A size in bytes: plain, by gzip, by brotli.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Size {
    raw: usize,
    gzip: usize,
    brotli: usize,
}

impl Size {
    /// Measures these bytes.
    ///
    /// # Errors
    /// When they can't be compressed.
    pub fn of(bytes: &[u8]) -> Result<Self> {
        let mut gzip = GzEncoder::new(Vec::new(), Compression::new(GZIP_LEVEL));
        gzip.write_all(bytes)?;
        let mut brotli = brotli::CompressorWriter::new(
            Vec::new(),
            BUFFER_BYTES,
            BROTLI_LEVEL,
            BROTLI_WINDOW_LOG2,
        );
        brotli.write_all(bytes)?;
        Ok(Self {
            raw: bytes.len(),
            gzip: gzip.finish()?.len(),
            brotli: brotli.into_inner().len(),
        })
    }

    fn print(self, name: &str) {
        let [raw, gzip, brotli] = [self.raw, self.gzip, self.brotli].map(grouped);
        println!("{name:<44}{raw:>12}{gzip:>12}{brotli:>12}");
    }
}

impl Add for Size {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            raw: self.raw + other.raw,
            gzip: self.gzip + other.gzip,
            brotli: self.brotli + other.brotli,
        }
    }
}

impl Sub for Size {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self {
            raw: self.raw.saturating_sub(other.raw),
            gzip: self.gzip.saturating_sub(other.gzip),
            brotli: self.brotli.saturating_sub(other.brotli),
        }
    }
}

/// What a page loads: by the package's own entry, or by the one with the module in it.
struct Entry {
    wasm: Size,
    javascript: Size,
    inline: Size,
}

impl Entry {
    fn of(package: &Path) -> Result<Self> {
        let wasm = package
            .join("wasm")
            .join(format!("{}_bg.wasm", build::NAME));
        Ok(Self {
            wasm: Size::of(&fs_err::read(wasm)?)?,
            javascript: Size::of(&fs_err::read(bundle::file(package))?)?,
            inline: Size::of(&fs_err::read(bundle::inline_file(package))?)?,
        })
    }

    /// By their names in the budget.
    fn parts(&self) -> [(&'static str, Size); 4] {
        [
            ("wasm", self.wasm),
            ("javascript", self.javascript),
            ("entry", self.wasm + self.javascript),
            ("inline", self.inline),
        ]
    }
}

/// Prints what the built package's entry has, with the standard library `library`.
///
/// # Errors
/// When a file is missing.
pub fn print(workspace: &Workspace, library: StandardLibrary) -> Result<()> {
    header(&format!("bytes, {}", library.name()));
    for (name, size) in Entry::of(&workspace.root.join("pkg"))?.parts() {
        size.print(name);
    }
    Ok(())
}

/// Builds the package and prints its size by part, then fails if it is above the budget.
///
/// # Errors
/// When a step fails, or a part is above its budget.
pub fn size(workspace: &Workspace) -> Result<()> {
    let options = build::Options::default();
    let library = build::build(workspace, &options)?;
    let entry = Entry::of(&workspace.root.join("pkg"))?;
    let facade = Size::of(&bundle::facade_alone(workspace)?)?;
    println!();
    header("the JavaScript");
    facade.print("facade");
    (entry.javascript - facade).print("glue");
    let named = build::named_module(workspace, &options)?;
    for (title, parts) in wasm_parts::of(&named)? {
        println!();
        header(title);
        let mut sizes = Vec::new();
        for (name, bytes) in parts {
            sizes.push((name, Size::of(&bytes)?));
        }
        sizes.sort_by_key(|(_, size)| std::cmp::Reverse(size.raw));
        for (name, size) in sizes {
            size.print(&name);
        }
    }
    println!("(each compressed by itself, so their sum is more than the whole)\n");
    check(workspace, library)
}

/// Fails if the built package is above the budget of its kind.
///
/// # Errors
/// When a part is above its budget, or has none.
pub fn check(workspace: &Workspace, library: StandardLibrary) -> Result<()> {
    let budget: BTreeMap<String, Value> =
        serde_json::from_slice(&fs_err::read(workspace.root.join(BUDGET))?)?;
    let budget = budget
        .get(library.name())
        .with_context(|| format!("{BUDGET} has nothing for {}", library.name()))?;
    for (name, size) in Entry::of(&workspace.root.join("pkg"))?.parts() {
        let most = budget[name]
            .as_u64()
            .and_then(|most| usize::try_from(most).ok())
            .with_context(|| format!("{BUDGET} has no number for {name}"))?;
        ensure!(
            size.brotli <= most,
            "{name} has {} bytes (brotli, {}), and {BUDGET} allows {}",
            grouped(size.brotli),
            library.name(),
            grouped(most)
        );
    }
    println!("✓ the size is within its budget");
    Ok(())
}

fn header(title: &str) {
    println!("{title:<44}{:>12}{:>12}{:>12}", "raw", "gzip", "brotli");
}

/// 1234567 as "1,234,567".
fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.char_indices() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    #[test]
    fn thousands_are_grouped() {
        assert_eq!(super::grouped(0), "0");
        assert_eq!(super::grouped(999), "999");
        assert_eq!(super::grouped(1_234_567), "1,234,567");
    }
}
