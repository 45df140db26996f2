//! Marks the module with its build, in a custom section, which browsers ignore. The facade
//! recognizes by it a module that belongs to other glue, which would link and then misbehave.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;

use anyhow::Result;

/// The section's name; `pkg/lib/module.js` reads it.
const SECTION: &str = "tollbox";

/// Marks the module `name` in this folder, and writes the mark into build.js beside it.
///
/// # Errors
/// When a file can't be read or written.
pub fn mark(folder: &Path, name: &str) -> Result<()> {
    let file = folder.join(format!("{name}_bg.wasm"));
    let mut wasm = fs_err::read(&file)?;
    let mut hasher = DefaultHasher::new();
    wasm.hash(&mut hasher);
    fs_err::read(folder.join(format!("{name}.js")))?.hash(&mut hasher);
    let build = format!("{:016x}", hasher.finish());
    wasm.extend(section(&build));
    fs_err::write(file, wasm)?;
    let script = format!(
        "/** The mark of the module that belongs here, which has it in its custom section `{SECTION}`. */\n\
         export const BUILD = \"{build}\";\n"
    );
    Ok(fs_err::write(folder.join("build.js"), script)?)
}

/// A custom section, as the module's binary format has it. Both lengths are below 128, so that one byte
/// holds them.
fn section(build: &str) -> Vec<u8> {
    let mut content = vec![SECTION.len() as u8];
    content.extend(SECTION.bytes());
    content.extend(build.bytes());
    let mut section = vec![0, content.len() as u8];
    section.extend(content);
    section
}

#[cfg(test)]
mod tests {
    use super::section;

    #[test]
    fn the_mark_section_has_its_length_its_name_and_the_build() {
        let section = section("0123456789abcdef");
        assert_eq!(section[..3], [0, 24, 7]);
        assert_eq!(&section[3..], b"tollbox0123456789abcdef");
        assert_eq!(usize::from(section[1]), section.len() - 2);
    }
}
