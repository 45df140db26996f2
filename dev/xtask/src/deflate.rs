//! Writes the module as text, for the entry that has it in its script: compressed and then in base64
//! it is two fifths of what base64 alone makes, and once more compressed by a server it is three
//! quarters.

use std::io::Write;
use std::path::Path;

use anyhow::Result;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use flate2::Compression;
use flate2::write::ZlibEncoder;

/// Writes the module `name` of this folder into deflated.js beside it.
///
/// # Errors
/// When a file can't be read or written.
pub fn write(folder: &Path, name: &str) -> Result<()> {
    let module = fs_err::read(folder.join(format!("{name}_bg.wasm")))?;
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(&module)?;
    let text = BASE64_STANDARD.encode(encoder.finish()?);
    let script = format!(
        "/** The module: its bytes, compressed by zlib, in base64. @type {{string}} */\n\
         export const DEFLATED = \"{text}\";\n"
    );
    Ok(fs_err::write(folder.join("deflated.js"), script)?)
}
