//! Stamps: a stamp notes the inputs of an output, so that it isn't made again from the same ones.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};

use anyhow::Result;
use walkdir::WalkDir;

use crate::workspace::Workspace;

/// A note of the inputs that the files in a folder were made from.
pub struct Stamp {
    file: PathBuf,
    inputs: u64,
    output: PathBuf,
}

impl Stamp {
    /// `name` names the note, `inputs` is the fingerprint of the inputs of the folder `output`.
    pub fn new(workspace: &Workspace, name: &str, inputs: u64, output: PathBuf) -> Self {
        let file = workspace.scratch().join(format!("{name}.stamp"));
        Self {
            file,
            inputs,
            output,
        }
    }

    /// True when the output was made from these inputs and nobody has changed it since.
    pub fn is_current(&self) -> Result<bool> {
        match fs_err::read_to_string(&self.file) {
            Ok(noted) => Ok(noted == self.note()?),
            Err(_) => Ok(false),
        }
    }

    /// Notes that the output has been made from these inputs.
    pub fn set(&self) -> Result<()> {
        if let Some(folder) = self.file.parent() {
            fs_err::create_dir_all(folder)?;
        }
        Ok(fs_err::write(&self.file, self.note()?)?)
    }

    fn note(&self) -> Result<String> {
        let output = fingerprint(&[&self.output], &[])?;
        Ok(format!("{:016x} {output:016x}\n", self.inputs))
    }
}

/// A hash of the names and contents of all files below `paths`, but for folders named in `without`.
/// It serves for comparisons with an earlier one, not against an adversary.
pub fn fingerprint(paths: &[&Path], without: &[&str]) -> Result<u64> {
    let mut hasher = DefaultHasher::new();
    for path in paths.iter().filter(|path| path.exists()) {
        let entries = WalkDir::new(path)
            .sort_by_file_name()
            .into_iter()
            .filter_entry(|entry| !without.iter().any(|name| entry.file_name() == *name));
        for entry in entries {
            let entry = entry?;
            if entry.file_type().is_file() {
                entry.path().strip_prefix(path)?.hash(&mut hasher);
                fs_err::read(entry.path())?.hash(&mut hasher);
            }
        }
    }
    Ok(hasher.finish())
}
