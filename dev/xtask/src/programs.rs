//! Finds installed programs.

use std::path::PathBuf;

/// What the environment variable names, else the first of the candidates that is there: names are
/// looked for in PATH.
pub fn find(variable: &str, candidates: &[&str]) -> Option<PathBuf> {
    match std::env::var_os(variable) {
        Some(path) => Some(path.into()),
        None => candidates.iter().find_map(|name| which::which(name).ok()),
    }
}
