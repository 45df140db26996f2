//! Finds installed programs.

use std::path::PathBuf;

/// The program named by the environment variable, else the first candidate that exists. Bare names
/// are looked up in PATH.
pub fn find(variable: &str, candidates: &[&str]) -> Option<PathBuf> {
    match std::env::var_os(variable) {
        Some(path) => Some(path.into()),
        None => candidates.iter().find_map(|name| which::which(name).ok()),
    }
}
